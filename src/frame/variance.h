/* SPDX-License-Identifier: Apache-2.0 */
/* The loop over elements with a variance, of which there is a gradient too. */
#ifndef VLOSS_VARIANCE_H
#define VLOSS_VARIANCE_H

#include "frame/flagged.h"

ALWAYS_INLINE void variance_rare(const void *work, size_t begin, size_t end, partial *result,
                                 element_step *whole, int settings) {
  const pairwise_job *j = work;
  (void)settings;
  pairwise_form f = {.whole = whole, .what = FURTHER};
  pairwise_chunks(j, begin, end, result, with_flags(f, j->flags));
}

ALWAYS_INLINE void variance(const void *work, size_t begin, size_t end, partial *result,
                            element_step *whole, int settings, kernel *rare) {
  pairwise_form f = {.whole = whole, .rare = rare, .what = FURTHER};
  flagged_loops(work, begin, end, result, settings, f);
}

#endif
