/* SPDX-License-Identifier: Apache-2.0 */
/* The loop over pairs of elements for losses with flags or a domain. Flags are constants in the
 * loops: each setting has its own. */
#ifndef VLOSS_FLAGGED_H
#define VLOSS_FLAGGED_H

#include "frame/pairwise.h"

ALWAYS_INLINE pairwise_form with_flags(pairwise_form f, int flags) {
  f.what |= flags * FLAG;
  return f;
}

/* `settings`: how many the flags of a loss can have, at most 4. */
ALWAYS_INLINE void flagged_loops(const pairwise_job *j, size_t begin, size_t end, partial *result,
                                 int settings, pairwise_form f) {
  if (settings > 3 && j->flags == 3)
    pairwise_loops(j, begin, end, result, with_flags(f, 3));
  else if (settings > 2 && j->flags == 2)
    pairwise_loops(j, begin, end, result, with_flags(f, 2));
  else if (settings > 1 && j->flags == 1)
    pairwise_loops(j, begin, end, result, with_flags(f, 1));
  else
    pairwise_loops(j, begin, end, result, f);
}

ALWAYS_INLINE void flagged_rare(const void *work, size_t begin, size_t end, partial *result,
                                element_step *whole, int settings) {
  const pairwise_job *j = work;
  (void)settings;
  pairwise_chunks(j, begin, end, result, with_flags((pairwise_form){.whole = whole}, j->flags));
}

ALWAYS_INLINE void flagged(const void *work, size_t begin, size_t end, partial *result,
                           element_step *whole, int settings, kernel *rare) {
  flagged_loops(work, begin, end, result, settings, (pairwise_form){.whole = whole, .rare = rare});
}

#endif
