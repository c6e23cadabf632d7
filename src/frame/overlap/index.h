/* SPDX-License-Identifier: Apache-2.0 */
/* From the sums of a group to an index of similarity. */
#ifndef VLOSS_OVERLAP_INDEX_H
#define VLOSS_OVERLAP_INDEX_H

#include "frame/frame.h"

/* The sums of a group: no differences, so that a loss near 0 keeps its digits. If squared, the
 * first kind of mistake is (p - t)^2 and the second 0. */
typedef struct overlap_sums {
  vec product, false_positives, false_negatives; /* p t, p (1 - t), t (1 - p) */
  vec lift, down;                                /* what the product is multiplied by, and 1 / it */
} overlap_sums;

/* An index of similarity, 1 for a perfect match, as numerator by denominator, and the slopes of
 * both with respect to p: constant + target t + input p. */
typedef struct overlap_index {
  vec numerator; /* times lift */
  vec denominator;
  vec difference;       /* denominator - numerator */
  vec numerator_target; /* slope of the numerator, by t */
  vec denominator_constant, denominator_target, denominator_input;
} overlap_index;

/* T = (I + s) / (I + alpha (P - I) + beta (Y - I) + s) */
static inline overlap_index tversky_index(overlap_sums s, double smoothing, double alpha_number,
                                          double beta_number) {
  /* times the sums of any group, still a number */
  vec one = vset1(1), most = vset1(real_max * (real)0x1p-64);
  vec alpha = vmin(most, vset1(real_clamp(alpha_number)));
  vec beta = vmin(most, vset1(real_clamp(beta_number)));
  vec mistakes = vfma(alpha, s.false_positives, vmul(beta, s.false_negatives));
  vec numerator = vfma(s.lift, vset1(real_clamp(smoothing)), s.product);
  return (overlap_index){
      .numerator = numerator,
      .denominator = vfma(s.down, numerator, mistakes),
      .difference = mistakes,
      .numerator_target = one,
      .denominator_constant = alpha,
      .denominator_target = vsub(vsub(one, alpha), beta),
      .denominator_input = vset1(0),
  };
}

#endif
