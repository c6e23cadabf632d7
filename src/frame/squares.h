/* SPDX-License-Identifier: Apache-2.0 */
/* The loop over pairs for losses that are squares: a step gives the root of its loss, so that
 * squaring and adding are one operation. */
#ifndef VLOSS_SQUARES_H
#define VLOSS_SQUARES_H

#include "frame/pairwise.h"

ALWAYS_INLINE void squares_rare(const void *work, size_t begin, size_t end, partial *result,
                                pairwise_step *step) {
  pairwise_chunks(work, begin, end, result, (pairwise_form){.step = step, .what = SQUARE});
}

ALWAYS_INLINE void squares(const void *work, size_t begin, size_t end, partial *result,
                           pairwise_step *step, kernel *rare) {
  pairwise_form f = {.step = step, .rare = rare, .what = SQUARE};
  pairwise_loops(work, begin, end, result, f);
}

#endif
