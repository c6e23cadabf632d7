/* SPDX-License-Identifier: Apache-2.0 */
/* L = (1 - e) w_y (-ln p_y) + (e / C) sum_c w_c (-ln p_c), -ln p_k = (m - z_k) + ln S
 * dL/dz_k = p_k [(1 - e) w_y + (e / C) sum_c w_c] - (e / C) w_k - [k = y] (1 - e) w_y, p_k = e_k / S
 * A target of -inf is no mask: its class counts, its loss is +inf. A row of -inf only has p = 0. */
static inline row_loss cross_entropy(row_sums s, row_target t, vec smoothing, vec classes,
                                     vec upstream) {
  vec zero = vset1(0), infinity = vset1(real_infinity);
  mask empty = veq(s.sum, zero), impossible = veq(t.logit, vneg(infinity));
  vec log_sum = vselect(empty, zero, vlog(s.sum));
  vec drop = vselect(veq(t.logit, s.largest), zero, vsub(s.largest, t.logit));
  vec own = vmul(vsub(vset1(1), smoothing), t.class_weight);
  vec share = vdiv(smoothing, classes);
  vec all = vadd(s.class_weight, vselect(impossible, t.class_weight, zero));

  vec smooth = vmul(share, vfma(s.class_weight, log_sum, s.weighted_drop));
  smooth = vselect(veq(share, zero), zero, smooth);
  vec loss = vadd(vselect(veq(own, zero), zero, vmul(own, vadd(drop, log_sum))), smooth);
  mask infinite = vand(impossible, vlt(zero, t.class_weight));
  loss = vselect(infinite, infinity, loss);
  loss = vadd(loss, vsub(s.sum, s.sum)); /* a NaN in the row, even where its weight is 0 */

  vec slope = vdiv(vmul(upstream, vfma(share, all, own)), s.sum);
  return (row_loss){loss, vselect(empty, zero, slope), vmul(upstream, share), vmul(upstream, own)};
}
