/* SPDX-License-Identifier: Apache-2.0 */
/* L = (1 - e) w_y (-ln p_y) + (e / C) sum_c w_c (-ln p_c)
 *
 *     -ln p_k = (m - z_k) + ln S, p_k = e_k / S
 *     dL/dz_k = p_k [(1 - e) w_y + (e / C) sum_c w_c] - (e / C) w_k - [k = y] (1 - e) w_y
 *
 * Sums: S; smoothed, over the classes that are not masked, (e / C) sum w_c and (e / C) sum w_c
 * (m - z_c) / 2. Halves, since m - z_k may exceed the type where the loss does not. A target of
 * -inf is no mask: its class counts, its loss is +inf. A row of -inf only has p = 0. */
ALWAYS_INLINE vec cross_entropy_keep(class_values x, class_tops top, const class_options *o,
                                     int what) {
  (void)o;
  return masked_exponential(x, top, what);
}

ALWAYS_INLINE class_terms cross_entropy_add(vec kept, class_values x, class_tops top,
                                            const class_row *row, const class_options *o,
                                            int what) {
  (void)row;
  if (!(what & WEIGHED)) return (class_terms){{kept}};
  vec zero = vset1(0), w = vmul(o->share, x.weight);
  mask masked = vlt(kept, zero), none = vor(masked, veq(w, zero));
  vec half_drop = vmul(w, half_difference(top.input, x.input));
  return (class_terms){
      {unmasked(kept, what), vselect(masked, zero, w), vselect(none, zero, half_drop)}};
}

ALWAYS_INLINE class_row cross_entropy_finish(const vec *sums, const class_row *row,
                                             const class_options *o, vec upstream, int what) {
  vec zero = vset1(0), infinity = vset1(real_infinity), share = o->share, sum = sums[0];
  vec shares = what & WEIGHED ? vclamp(sums[1]) : zero; /* ln 1 times it must be 0 */
  vec half_drops = what & WEIGHED ? sums[2] : zero;
  mask empty = veq(sum, zero), impossible = veq(row->label_logit, vneg(infinity));
  vec half_log = half_log_sum(sum);
  vec own = vmul(o->unsmoothed, row->label_weight);
  vec all = vadd(shares, vselect(impossible, vmul(share, row->label_weight), zero));

  vec smooth = vselect(veq(share, zero), zero, vfma(shares, half_log, half_drops));
  vec half_drop = half_difference(row->largest, row->label_logit);
  vec half_own = vselect(veq(own, zero), zero, vmul(own, vadd(half_drop, half_log)));
  vec half_loss = vadd(half_own, smooth);
  mask infinite = vand(impossible, vlt(zero, row->label_weight));
  half_loss = vselect(infinite, infinity, half_loss);
  /* a NaN in the row, even where its weight is 0 */
  half_loss = vadd(half_loss, vsub(sum, sum));

  vec weights = vclamp(vadd(all, own));
  upstream = bounded_upstream(upstream, weights);
  vec slope = vdiv(vmul(upstream, weights), sum);
  vec pull = vselect(veq(share, zero), zero, vmul(upstream, share)); /* and no -0 */
  return (class_row){.half_loss = half_loss,
                     .slope = vselect(empty, zero, slope),
                     .pull = pull,
                     .upstream = vmul(upstream, own)};
}

/* Without the label's own part; 0, or a NaN in the row, where masked. */
ALWAYS_INLINE vec cross_entropy_gradient(vec kept, class_values x, class_tops top,
                                         const class_row *row, const class_options *o, int what) {
  (void)top, (void)o;
  vec grad = vmul(kept, row->slope), zero = vset1(0);
  if (!(what & WEIGHED)) return grad;
  grad = vsub(grad, vmul(row->pull, x.weight));
  return vselect(vlt(kept, zero), vmul(zero, row->slope), grad);
}

static const class_step cross_entropy = {.labels = 1,
                                         .logits = 1,
                                         .form = WEIGHED,
                                         .sums = {1, 3},
                                         .scales = 1,
                                         .keep = cross_entropy_keep,
                                         .add = cross_entropy_add,
                                         .finish = cross_entropy_finish,
                                         .gradient = cross_entropy_gradient};
