/* SPDX-License-Identifier: Apache-2.0 */
/* D = (2 I + s) / (P + Y + s), P + Y = 2 I + mistakes; with squared sums dP/dp is 2 p instead of 1
 * */
static inline overlap_index dice(overlap_sums s, const vloss_overlap_options *options) {
  vec smoothing = vset1(real_clamp(options->smoothing)), zero = vset1(0), two = vset1(2);
  vec mistakes = vadd(s.false_positives, s.false_negatives);
  vec numerator = vfma(two, s.product, vmul(s.lift, smoothing));
  return (overlap_index){
      .numerator = numerator,
      .denominator = vfma(s.down, numerator, mistakes),
      .difference = mistakes,
      .numerator_target = two,
      .denominator_constant = options->squared ? zero : vset1(1),
      .denominator_target = zero,
      .denominator_input = options->squared ? two : zero,
  };
}
