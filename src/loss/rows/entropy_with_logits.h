/* SPDX-License-Identifier: Apache-2.0 */
/* H = -sum_k p_k ln p_k, ln p_k = d_k - ln S, d_k = z_k - m
 *
 *     H = ln S - A, A = sum_k p_k d_k      dH/dz_k = -p_k (ln p_k + H) = p_k (A - d_k)
 *
 * Sums: S, sum e_k d_k; 0 where e_k is. A row of -inf only has p = 0. */
ALWAYS_INLINE vec entropy_with_logits_keep(class_values x, class_tops top, const class_options *o,
                                           int what) {
  (void)o;
  vec d = vadd(vsub(x.input, top.input), vset1(0)); /* no -0 */
  return what & INFINITE ? vselect(veq(x.input, top.input), vset1(0), d) : d;
}

ALWAYS_INLINE class_terms entropy_with_logits_add(vec kept, class_values x, class_tops top,
                                                  const class_row *row, const class_options *o,
                                                  int what) {
  (void)x, (void)top, (void)row, (void)o, (void)what;
  vec e = vexp(kept);
  return (class_terms){{e, weighted(e, kept)}};
}

ALWAYS_INLINE class_row entropy_with_logits_finish(const vec *sums, const class_row *row,
                                                   const class_options *o, vec upstream, int what) {
  (void)row, (void)o, (void)what;
  upstream = bounded_upstream(upstream, vset1(64)); /* no slope is as steep */
  vec sum = sums[0], mean = quotient(sums[1], sum);
  vec half_loss = vfnma(vset1((real)0.5), mean, half_log_sum(sum));
  return (class_row){.half_loss = half_loss, .slope = quotient(upstream, sum), .mean = mean};
}

ALWAYS_INLINE vec entropy_with_logits_gradient(vec kept, class_values x, class_tops top,
                                               const class_row *row, const class_options *o,
                                               int what) {
  (void)x, (void)top, (void)o, (void)what;
  vec e = vexp(kept), d = vselect(veq(e, vset1(0)), vset1(0), kept);
  return vmul(vmul(e, row->slope), vsub(row->mean, d));
}

static const class_step entropy_with_logits = {.logits = 1,
                                               .sums = {2},
                                               .keep = entropy_with_logits_keep,
                                               .add = entropy_with_logits_add,
                                               .finish = entropy_with_logits_finish,
                                               .gradient = entropy_with_logits_gradient};
