/* SPDX-License-Identifier: Apache-2.0 */
/* The loop over log-probabilities and probabilities: a group of finite inputs with targets in
 * [0, 1] takes the step for such, any other goes out of its way; a NaN among the targets may stay,
 * it comes through. With a flag, as in flagged.h. */
#ifndef VLOSS_DIVERGENCE_H
#define VLOSS_DIVERGENCE_H

#include "frame/flagged.h"

ALWAYS_INLINE int divergence_ordinary(const pairwise_arrays *a, size_t at, size_t count) {
  vec zero = vset1(0), one = vset1(1), products = zero, low = zero, high = one;
  for (size_t i = at; i < at + count; i += LANES) {
    vec target = vload(a->target + i);
    products = vfma(vload(a->input + i), zero, products); /* NaN from anything not finite */
    low = vmin(target, low);
    high = vmax(target, high);
  }
  mask inside = vand(veq(low, zero), veq(high, one));
  return vall(vand(inside, veq(products, zero)));
}

ALWAYS_INLINE void divergence_rare(const void *work, size_t begin, size_t end, partial *result,
                                   pairwise_step *ordinary, element_step *whole, int settings) {
  (void)ordinary;
  flagged_rare(work, begin, end, result, whole, settings);
}

ALWAYS_INLINE void divergence(const void *work, size_t begin, size_t end, partial *result,
                              pairwise_step *ordinary, element_step *whole, int settings,
                              kernel *rare) {
  const pairwise_job *j = work;
  (void)settings;
  if (j->flags)
    pairwise_loops(j, begin, end, result, NULL, NULL, whole, FLAG, rare);
  else
    elements(j, begin, end, result, divergence_ordinary, ordinary, rare);
}

#endif
