/* SPDX-License-Identifier: Apache-2.0 */
/* The loop over logits that have no target: that of pairs, with the input for one. */
#ifndef VLOSS_SINGLE_H
#define VLOSS_SINGLE_H

#include "frame/logit.h"

ALWAYS_INLINE void single_rare(const void *work, size_t begin, size_t end, partial *result,
                               pairwise_step *step) {
  pairwise_rare(work, begin, end, result, step);
}

ALWAYS_INLINE void single(const void *work, size_t begin, size_t end, partial *result,
                          pairwise_step *step, kernel *rare) {
  pairwise(work, begin, end, result, step, rare);
}

#endif
