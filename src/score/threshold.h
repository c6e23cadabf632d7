/* SPDX-License-Identifier: Apache-2.0 */
/* Thresholds, which are doubles, for numbers of the dtype. */
#ifndef VLOSS_SCORE_THRESHOLD_H
#define VLOSS_SCORE_THRESHOLD_H

#include "frame/frame.h"

/* x > threshold of doubles, for x of the dtype: the largest number that is not above it */
static inline real threshold_of(double threshold) {
  real nearest = (real)threshold;
  if ((double)nearest <= threshold) return nearest;
  vec bits = vset1(nearest);
  real down[LANES];
  if (nearest > 0) {
    vstore(down, as_real(iadd(as_int(bits), iset1(~(uint64_t)0))));
    return down[0];
  }
  /* below 0 the next number down has the larger pattern; (real)threshold keeps the sign of 0 */
  vstore(down, as_real(iadd(as_int(bits), iset1(1))));
  return nearest == 0 ? -real_least : down[0];
}

#endif
