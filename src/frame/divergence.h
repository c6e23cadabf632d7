/* SPDX-License-Identifier: Apache-2.0 */
/* The loop over probabilities, and logarithms of them: a group of finite inputs with targets in
 * [0, 1] takes the step for such, any other is done again out of its way; a NaN among the targets
 * may stay, it comes through. A loss has its watch, which may ask for more. With a flag, as in
 * flagged.h. */
#ifndef VLOSS_DIVERGENCE_H
#define VLOSS_DIVERGENCE_H

#include "frame/flagged.h"

ALWAYS_INLINE evidence divergence_look(evidence seen, vec input, vec target) {
  seen = unit_look(seen, input, target);
  seen.third = vfma(input, vset1(0), seen.third); /* NaN from anything not finite */
  return seen;
}

ALWAYS_INLINE int divergence_ordinary(evidence seen) {
  return unit_ordinary(seen) && vall(veq(seen.third, vset1(0)));
}

ALWAYS_INLINE void divergence_rare(const void *work, size_t begin, size_t end, partial *result,
                                   pairwise_step *ordinary, element_step *whole, int settings,
                                   const element_watch *watch) {
  (void)ordinary, (void)watch;
  flagged_rare(work, begin, end, result, whole, settings);
}

ALWAYS_INLINE void divergence(const void *work, size_t begin, size_t end, partial *result,
                              pairwise_step *ordinary, element_step *whole, int settings,
                              const element_watch *watch, kernel *rare) {
  const pairwise_job *j = work;
  pairwise_form flagless = {.step = ordinary, .watch = watch, .rare = rare};
  pairwise_form flag = with_flags((pairwise_form){.whole = whole, .rare = rare}, 1);
  if (settings > 1 && j->flags)
    pairwise_loops(j, begin, end, result, flag);
  else
    pairwise_loops(j, begin, end, result, flagless);
}

#endif
