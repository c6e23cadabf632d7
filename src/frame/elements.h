/* SPDX-License-Identifier: Apache-2.0 */
/* The loop over pairs of elements for losses with flags or a domain. Flags are constants in the
 * loops: each setting has its own. */
#ifndef VLOSS_ELEMENTS_H
#define VLOSS_ELEMENTS_H

#include "frame/pairwise.h"

/* `settings`: how many the flags of a loss can have, at most 4. */
ALWAYS_INLINE void elements_flagged(const pairwise_job *j, size_t begin, size_t end,
                                    partial *result, element_step *whole, int settings, int more,
                                    kernel *rare) {
  if (settings > 3 && j->flags == 3)
    pairwise_loops(j, begin, end, result, NULL, whole, more | 3 * FLAG, rare);
  else if (settings > 2 && j->flags == 2)
    pairwise_loops(j, begin, end, result, NULL, whole, more | 2 * FLAG, rare);
  else if (settings > 1 && j->flags == 1)
    pairwise_loops(j, begin, end, result, NULL, whole, more | FLAG, rare);
  else
    pairwise_loops(j, begin, end, result, NULL, whole, more, rare);
}

ALWAYS_INLINE void elements_rare(const void *work, size_t begin, size_t end, partial *result,
                                 element_step *whole, int settings) {
  const pairwise_job *j = work;
  (void)settings;
  pairwise_any(j, begin, end, result, NULL, whole, j->flags * FLAG);
}

ALWAYS_INLINE void elements(const void *work, size_t begin, size_t end, partial *result,
                            element_step *whole, int settings, kernel *rare) {
  elements_flagged(work, begin, end, result, whole, settings, 0, rare);
}

#endif
