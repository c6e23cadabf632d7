/* SPDX-License-Identifier: Apache-2.0 */
/* The loop over logits that have no target: that of pairs, with the input for one. */
#ifndef VLOSS_SINGLE_H
#define VLOSS_SINGLE_H

#include "frame/logit.h"

ALWAYS_INLINE void single_rare(const void *work, size_t begin, size_t end, partial *result,
                               pairwise_finish *finish) {
  pairwise_form f = {.prepare = prepare_logit, .finish = finish};
  pairwise_chunks(work, begin, end, result, f);
}

ALWAYS_INLINE void single(const void *work, size_t begin, size_t end, partial *result,
                          pairwise_finish *finish, kernel *rare) {
  pairwise_form f = {.prepare = prepare_logit, .finish = finish, .rare = rare};
  pairwise_loops(work, begin, end, result, f);
}

#endif
