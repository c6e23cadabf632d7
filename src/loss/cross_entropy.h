/* SPDX-License-Identifier: Apache-2.0 */
/* L = (1 - e) w_y (-ln p_y) + (e / C) sum_c w_c (-ln p_c)
 *
 *     -ln p_k = (m - z_k) + ln S, p_k = e_k / S
 *     dL/dz_k = p_k [(1 - e) w_y + (e / C) sum_c w_c] - (e / C) w_k - [k = y] (1 - e) w_y
 *
 * Halves, since m - z_k may exceed the type where the loss does not. A target of -inf is no mask:
 * its class counts, its loss is +inf. A row of -inf only has p = 0. */
static inline row_loss cross_entropy(row_sums s, row_target t, row_options o, vec upstream) {
  vec zero = vset1(0), infinity = vset1(real_infinity), share = o.share;
  vec shares = vclamp(s.shares); /* ln 1 times it must be 0 */
  mask empty = veq(s.sum, zero), impossible = veq(t.logit, vneg(infinity));
  vec half_log = half_log_sum(s.sum);
  vec own = vmul(o.unsmoothed, t.class_weight);
  vec all = vadd(shares, vselect(impossible, vmul(share, t.class_weight), zero));

  vec smooth = vselect(veq(share, zero), zero, vfma(shares, half_log, s.half_drops));
  vec half_drop = half_difference(s.largest, t.logit);
  vec half_own = vselect(veq(own, zero), zero, vmul(own, vadd(half_drop, half_log)));
  vec half_loss = vadd(half_own, smooth);
  mask infinite = vand(impossible, vlt(zero, t.class_weight));
  half_loss = vselect(infinite, infinity, half_loss);
  /* a NaN in the row, even where its weight is 0 */
  half_loss = vadd(half_loss, vsub(s.sum, s.sum));

  vec weights = vclamp(vadd(all, own));
  upstream = bounded_upstream(upstream, weights);
  vec slope = vdiv(vmul(upstream, weights), s.sum);
  return (row_loss){half_loss, vselect(empty, zero, slope), vmul(upstream, share),
                    vmul(upstream, own)};
}
