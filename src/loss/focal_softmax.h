/* SPDX-License-Identifier: Apache-2.0 */
/* L = -a_y (1 - p_y)^g ln p_y
 *
 *     f = (1 - p_y)^g (1 + g p_y r), r = -ln p_y / (1 - p_y), which is 1 at p_y = 1
 *     dL/dz_k = a_y f (p_k - [k = y])
 *
 * Halves, as in cross_entropy.h; a target of -inf has p_y = 0 and f = 1. */
static inline row_loss focal_softmax(row_sums s, row_target t, row_options o, vec upstream) {
  vec zero = vset1(0), one = vset1(1), two = vset1(2);
  mask empty = veq(s.sum, zero);
  vec half_log = half_log_sum(s.sum);
  vec half_drop = half_difference(s.largest, t.logit);
  vec half_surprise = vadd(half_drop, half_log);
  vec p = vselect(empty, zero, vdiv(vexp(vmul(vset1(-2), half_drop)), s.sum));
  vec q = vmax(zero, vsub(one, p)), power = vpow_unit(q, o.gamma);

  vec modulated = vmul(power, half_surprise);
  vec half_loss = vselect(veq(t.class_weight, zero), zero, vmul(t.class_weight, modulated));
  half_loss = vadd(half_loss, vsub(s.sum, s.sum)); /* a NaN in the row */

  vec ratio = vselect(veq(q, zero), one, vdiv(vmul(vmul(two, p), half_surprise), q));
  ratio = vselect(veq(p, zero), zero, ratio);
  vec factor = vmul(power, vclamp(vfma(o.gamma, ratio, one)));
  upstream = bounded_upstream(upstream, t.class_weight);
  factor = vclamp(vmul(vmul(upstream, t.class_weight), factor));
  vec slope = vselect(empty, zero, vdiv(factor, s.sum));
  return (row_loss){half_loss, slope, zero, factor};
}
