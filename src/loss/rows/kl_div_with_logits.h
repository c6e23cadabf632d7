/* SPDX-License-Identifier: Apache-2.0 */
/* L = sum_k p_k (ln p_k - ln q_k), q = softmax(z / T); p given, or softmax(t / T)
 *
 *     -ln q_k = (m - z_k) / T + ln S
 *     p_k = e^((t_k - m_t) / T) / P, ln p_k = (t_k - m_t) / T - ln P
 *     dL/dz_k = (q_k sum p - p_k) / T
 *
 * Sums: S; sum p, or P; sum p [(m - z) - (m_t - t)] / 2, small enough for a million classes,
 * without the second part where p is given, whose ln p has a sum of its own. Both by T^2 if
 * squared: steep is 1 / T or T, gain^2 is 1 or T^2. */
static const real kl_small = (real)0x1p-20;

ALWAYS_INLINE vec kl_div_with_logits_keep(class_values x, class_tops top, const class_options *o,
                                          int what) {
  return tempered_exponential(x.input, top.input, o, what);
}

ALWAYS_INLINE class_terms kl_div_with_logits_add(vec kept, class_values x, class_tops top,
                                                 const class_row *row, const class_options *o,
                                                 int what) {
  (void)row;
  vec p = taught(x, top, o, what), factor = vset1((real)0.5 * kl_small);
  vec drop = scaled_drop(top.input, x.input, factor, what);
  if (what & TAUGHT) {
    vec own = scaled_drop(top.target, x.target, factor, what);
    own = vselect(veq(p, vset1(0)), vset1(0), own);
    return (class_terms){{kept, p, weighted(p, vsub(drop, own))}};
  }
  vec half_log = vmul(vset1((real)0.5), vlog(p));
  return (class_terms){{kept, p, weighted(p, drop), weighted(p, half_log)}};
}

ALWAYS_INLINE class_row kl_div_with_logits_finish(const vec *sums, const class_row *row,
                                                  const class_options *o, vec upstream, int what) {
  (void)row;
  vec zero = vset1(0), one = vset1(1);
  vec sum = sums[0], all = sums[1], total = all, logs = half_log_sum(sum), drops = sums[2];
  upstream = bounded_upstream(upstream, vmul(vmax(one, o->steep), vmax(one, all)));
  vec pull = upstream;
  if (what & TAUGHT) {
    mask empty = veq(all, zero);
    drops = quotient(drops, all);
    logs = vselect(empty, zero, vsub(logs, half_log_sum(all)));
    pull = quotient(upstream, all);
    total = vselect(empty, zero, vadd(one, vsub(all, all)));
  } else {
    logs = vadd(sums[3], weighted(all, logs));
  }
  vec rest = vmul(vmul(logs, o->gain), o->gain);
  vec half_loss = vfma(drops, vmul(o->steep, vset1(1 / kl_small)), rest);
  if (what & TAUGHT) half_loss = vmax(zero, half_loss); /* which rounding may leave */
  half_loss = vadd(half_loss, vsub(sum, sum));          /* a NaN in the row */
  return (class_row){
      .half_loss = half_loss, .slope = quotient(vmul(upstream, total), sum), .pull = pull};
}

ALWAYS_INLINE vec kl_div_with_logits_gradient(vec kept, class_values x, class_tops top,
                                              const class_row *row, const class_options *o,
                                              int what) {
  vec p = taught(x, top, o, what);
  return vmul(vfnma(row->pull, p, vmul(kept, row->slope)), o->steep);
}

static const class_step kl_div_with_logits = {.logits = 1,
                                              .target = 1,
                                              .probabilities = PROBABLE_TARGET,
                                              .form = TAUGHT,
                                              .sums = {4, 3},
                                              .keep = kl_div_with_logits_keep,
                                              .add = kl_div_with_logits_add,
                                              .finish = kl_div_with_logits_finish,
                                              .gradient = kl_div_with_logits_gradient};
