/* SPDX-License-Identifier: Apache-2.0 */
/* T = (I + s) / (I + alpha (P - I) + beta (Y - I) + s) */
static inline overlap_index tversky(overlap_sums s, const vloss_overlap_options *options) {
  vec alpha = vset1(real_clamp(options->alpha)), beta = vset1(real_clamp(options->beta));
  vec smoothing = vset1(real_clamp(options->smoothing)), one = vset1(1);
  vec mistakes = vfma(alpha, s.false_positives, vmul(beta, s.false_negatives));
  vec numerator = vadd(s.product, smoothing);
  return (overlap_index){
      .numerator = numerator,
      .denominator = vadd(numerator, mistakes),
      .difference = mistakes,
      .numerator_target = one,
      .denominator_constant = alpha,
      .denominator_target = vsub(vsub(one, alpha), beta),
      .denominator_input = vset1(0),
  };
}
