/* SPDX-License-Identifier: Apache-2.0 */
/* The loop over elements with a variance, of which there is a gradient too. */
#ifndef VLOSS_VARIANCE_H
#define VLOSS_VARIANCE_H

#include "frame/flagged.h"

ALWAYS_INLINE void variance_rare(const void *work, size_t begin, size_t end, partial *result,
                                 element_step *whole, int settings) {
  const pairwise_job *j = work;
  (void)settings;
  pairwise_chunks(j, begin, end, result, NULL, NULL, whole, FURTHER | j->flags * FLAG);
}

ALWAYS_INLINE void variance(const void *work, size_t begin, size_t end, partial *result,
                            element_step *whole, int settings, kernel *rare) {
  flagged_loops(work, begin, end, result, whole, settings, FURTHER, rare);
}

#endif
