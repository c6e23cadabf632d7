/* SPDX-License-Identifier: Apache-2.0 */
/* L = sum_k [p_k ln(p_k / m_k) + q_k ln(q_k / m_k)] / 2, m = (p + q) / 2, q = softmax(z / T); p
 * given, or softmax(t / T); 0 ln 0 = 0
 *
 *     dL/dz_k = q_k (r_k - sum_j q_j r_j) / T, r_k = ln(q_k / m_k) / 2
 *
 * Sums: S; sum p, or P; then sum [...] / 4, sum q r. All by T^2 if squared. */
ALWAYS_INLINE vec js_div_with_logits_keep(class_values x, class_tops top, const class_options *o,
                                          int what) {
  return tempered_exponential(x.input, top.input, o, what);
}

ALWAYS_INLINE class_terms js_div_with_logits_add(vec kept, class_values x, class_tops top,
                                                 const class_row *row, const class_options *o,
                                                 int what) {
  (void)row;
  return (class_terms){{kept, taught(x, top, o, what)}};
}

/* What the exponentials are multiplied by: slope gives q, pull gives p. */
ALWAYS_INLINE class_row js_div_with_logits_scale(const vec *sums, const class_row *row,
                                                 const class_options *o, vec upstream, int what) {
  (void)row;
  vec one = vset1(1);
  vec p = what & TAUGHT ? quotient(one, sums[1]) : vadd(one, vsub(sums[1], sums[1]));
  return (class_row){.slope = quotient(one, sums[0]),
                     .pull = p,
                     .upstream = bounded_upstream(upstream, vmax(one, o->steep))};
}

/* ln(a / ((a + b) / 2)), 0 where a is */
ALWAYS_INLINE vec log_share(vec a, vec b) {
  vec share = vdiv(vadd(a, a), vadd(a, b));
  return vselect(veq(a, vset1(0)), vset1(0), vlog(share));
}

ALWAYS_INLINE class_terms js_div_with_logits_add_more(vec kept, class_values x, class_tops top,
                                                      const class_row *row, const class_options *o,
                                                      int what) {
  vec q = vmul(kept, row->slope), p = vmul(taught(x, top, o, what), row->pull);
  vec own = vmul(q, log_share(q, p)), other = vmul(p, log_share(p, q));
  return (class_terms){{vmul(vset1((real)0.25), vadd(own, other)), vmul(vset1((real)0.5), own)}};
}

ALWAYS_INLINE class_row js_div_with_logits_finish(const vec *sums, const class_row *row,
                                                  const class_options *o, vec upstream, int what) {
  (void)upstream, (void)what;
  vec nan = vsub(row->slope, row->slope), other = vsub(row->pull, row->pull);
  nan = vadd(nan, other); /* or 0 */
  class_row r = *row;
  r.half_loss = vadd(vmul(vmul(vmax(vset1(0), sums[0]), o->gain), o->gain), nan);
  r.mean = vadd(sums[1], nan);
  return r;
}

ALWAYS_INLINE vec js_div_with_logits_gradient(vec kept, class_values x, class_tops top,
                                              const class_row *row, const class_options *o,
                                              int what) {
  vec q = vmul(kept, row->slope), p = vmul(taught(x, top, o, what), row->pull);
  vec r = vmul(vset1((real)0.5), log_share(q, p));
  return vmul(vmul(vmul(q, vsub(r, row->mean)), row->upstream), o->steep);
}

static const class_step js_div_with_logits = {.logits = 1,
                                              .target = 1,
                                              .probabilities = PROBABLE_TARGET,
                                              .form = TAUGHT,
                                              .either = 1,
                                              .sums = {2, 2},
                                              .more_sums = 2,
                                              .keep = js_div_with_logits_keep,
                                              .add = js_div_with_logits_add,
                                              .finish = js_div_with_logits_scale,
                                              .add_more = js_div_with_logits_add_more,
                                              .finish_more = js_div_with_logits_finish,
                                              .gradient = js_div_with_logits_gradient};
