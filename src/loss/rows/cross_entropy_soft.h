/* SPDX-License-Identifier: Apache-2.0 */
/* L = sum_c t_c (-ln p_c), t_c = ((1 - e) q_c + e / C) w_c, 0 at a masked class with q_c = 0
 *
 *     -ln p_k = (m - z_k) + ln S, p_k = e_k / S
 *     dL/dz_k = p_k sum_c t_c - t_k
 *
 * Sums: S, sum t_c, sum t_c (m - z_c) / 2. Of a masked class -1 is kept in place of e = 0. */
ALWAYS_INLINE vec cross_entropy_soft_keep(class_values x, class_tops top, const class_options *o,
                                          int what) {
  (void)o;
  return masked_exponential(x, top, what);
}

ALWAYS_INLINE vec cross_entropy_soft_target(vec kept, class_values x, const class_options *o,
                                            int what) {
  if (!(what & WEIGHED)) return x.target;
  vec zero = vset1(0), t = vmul(vfma(o->unsmoothed, x.target, o->share), x.weight);
  return vselect(vand(vlt(kept, zero), veq(x.target, zero)), zero, t);
}

ALWAYS_INLINE class_terms cross_entropy_soft_add(vec kept, class_values x, class_tops top,
                                                 const class_row *row, const class_options *o,
                                                 int what) {
  (void)row;
  vec t = cross_entropy_soft_target(kept, x, o, what);
  vec e = unmasked(kept, what);
  return (class_terms){
      {e, t, weighted(t, scaled_drop(top.input, x.input, vset1((real)0.5), what))}};
}

ALWAYS_INLINE class_row cross_entropy_soft_finish(const vec *sums, const class_row *row,
                                                  const class_options *o, vec upstream, int what) {
  (void)row, (void)o, (void)what;
  vec sum = sums[0], all = vclamp(sums[1]); /* ln 1 times it must be 0 */
  vec half_loss = vadd(sums[2], weighted(all, half_log_sum(sum)));
  half_loss = vadd(half_loss, vsub(sum, sum)); /* a NaN in the row */
  upstream = bounded_upstream(upstream, all);
  return (class_row){
      .half_loss = half_loss, .slope = quotient(vmul(upstream, all), sum), .pull = upstream};
}

ALWAYS_INLINE vec cross_entropy_soft_gradient(vec kept, class_values x, class_tops top,
                                              const class_row *row, const class_options *o,
                                              int what) {
  (void)top;
  vec t = cross_entropy_soft_target(kept, x, o, what);
  vec e = unmasked(kept, what);
  return vfnma(row->pull, t, vmul(e, row->slope));
}

static const class_step cross_entropy_soft = {.logits = 1,
                                              .target = 1,
                                              .probabilities = PROBABLE_TARGET,
                                              .form = WEIGHED,
                                              .either = 1,
                                              .sums = {3, 3},
                                              .keep = cross_entropy_soft_keep,
                                              .add = cross_entropy_soft_add,
                                              .finish = cross_entropy_soft_finish,
                                              .gradient = cross_entropy_soft_gradient};
