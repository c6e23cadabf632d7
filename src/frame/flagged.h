/* SPDX-License-Identifier: Apache-2.0 */
/* The loop over pairs of elements for losses with flags or a domain. Flags are constants in the
 * loops: each setting has its own. */
#ifndef VLOSS_FLAGGED_H
#define VLOSS_FLAGGED_H

#include "frame/pairwise.h"

/* `settings`: how many the flags of a loss can have, at most 4. */
ALWAYS_INLINE void flagged_loops(const pairwise_job *j, size_t begin, size_t end, partial *result,
                                 element_step *whole, int settings, int more, kernel *rare) {
  if (settings > 3 && j->flags == 3)
    pairwise_loops(j, begin, end, result, NULL, NULL, whole, more | 3 * FLAG, rare);
  else if (settings > 2 && j->flags == 2)
    pairwise_loops(j, begin, end, result, NULL, NULL, whole, more | 2 * FLAG, rare);
  else if (settings > 1 && j->flags == 1)
    pairwise_loops(j, begin, end, result, NULL, NULL, whole, more | FLAG, rare);
  else
    pairwise_loops(j, begin, end, result, NULL, NULL, whole, more, rare);
}

ALWAYS_INLINE void flagged_rare(const void *work, size_t begin, size_t end, partial *result,
                                element_step *whole, int settings) {
  const pairwise_job *j = work;
  (void)settings;
  pairwise_chunks(j, begin, end, result, NULL, NULL, whole, j->flags * FLAG);
}

ALWAYS_INLINE void flagged(const void *work, size_t begin, size_t end, partial *result,
                           element_step *whole, int settings, kernel *rare) {
  flagged_loops(work, begin, end, result, whole, settings, 0, rare);
}

#endif
