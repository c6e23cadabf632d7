/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of the focal losses: as binary.h, for targets that are 0 or 1, as nearly all are; others
 * cost a power and go out of its way, with the whole group. */
#ifndef VLOSS_FOCALS_H
#define VLOSS_FOCALS_H

#include "frame/binary.h"

ALWAYS_INLINE int focals_ordinary(const pairwise_arrays *a, size_t at, size_t count) {
  vec zero = vset1(0), finite = zero;
  ivec soft = as_int(zero); /* t - t^2, 0 for 0 and 1 only */
  for (size_t i = at; i < at + count; i += LANES) {
    vec target = vload(a->target + i);
    finite = vfma(vload(a->input + i), zero, finite); /* else NaN */
    soft = ior(soft, as_int(vfnma(target, target, target)));
  }
  return vall(vand(veq(as_real(soft), zero), veq(finite, zero)));
}

ALWAYS_INLINE void focals_rare(const void *work, size_t begin, size_t end, partial *result,
                               pairwise_step *hard, pairwise_step *step) {
  (void)hard;
  elements_rare(work, begin, end, result, binary_any, step);
}

ALWAYS_INLINE void focals(const void *work, size_t begin, size_t end, partial *result,
                          pairwise_step *hard, pairwise_step *step, kernel *rare) {
  (void)step;
  elements(work, begin, end, result, focals_ordinary, hard, rare);
}

#endif
