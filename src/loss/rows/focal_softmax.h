/* SPDX-License-Identifier: Apache-2.0 */
/* L = -a_y (1 - p_y)^g ln p_y
 *
 *     f = (1 - p_y)^g (1 + g p_y r), r = -ln p_y / (1 - p_y), which is 1 at p_y = 1
 *     dL/dz_k = a_y f (p_k - [k = y])
 *
 * Halves, as in cross_entropy.h; a target of -inf has p_y = 0 and f = 1. */
ALWAYS_INLINE vec focal_softmax_keep(class_values x, class_tops top, const class_options *o,
                                     int what) {
  (void)o;
  return exponential(x.input, top.input, what & INFINITE);
}

ALWAYS_INLINE class_terms focal_softmax_add(vec kept, class_values x, class_tops top,
                                            const class_row *row, const class_options *o,
                                            int what) {
  (void)x, (void)top, (void)row, (void)o, (void)what;
  return (class_terms){{kept}};
}

ALWAYS_INLINE class_row focal_softmax_finish(const vec *sums, const class_row *row,
                                             const class_options *o, vec upstream, int what) {
  (void)what;
  vec zero = vset1(0), one = vset1(1), two = vset1(2), sum = sums[0], weight = row->label_weight;
  mask empty = veq(sum, zero);
  vec half_log = half_log_sum(sum);
  vec half_drop = half_difference(row->largest, row->label_logit);
  vec half_surprise = vadd(half_drop, half_log);
  vec p = vselect(empty, zero, vdiv(vexp(vmul(vset1(-2), half_drop)), sum));
  vec q = vmax(zero, vsub(one, p)), power = vpow_unit(q, o->gamma);

  vec modulated = vmul(power, half_surprise);
  vec half_loss = vselect(veq(weight, zero), zero, vmul(weight, modulated));
  half_loss = vadd(half_loss, vsub(sum, sum)); /* a NaN in the row */

  vec ratio = vselect(veq(q, zero), one, vdiv(vmul(vmul(two, p), half_surprise), q));
  ratio = vselect(veq(p, zero), zero, ratio);
  vec factor = vmul(power, vclamp(vfma(o->gamma, ratio, one)));
  upstream = bounded_upstream(upstream, weight);
  factor = vclamp(vmul(vmul(upstream, weight), factor));
  vec slope = vselect(empty, zero, vdiv(factor, sum));
  return (class_row){.half_loss = half_loss, .slope = slope, .upstream = factor};
}

ALWAYS_INLINE vec focal_softmax_gradient(vec kept, class_values x, class_tops top,
                                         const class_row *row, const class_options *o, int what) {
  (void)x, (void)top, (void)o, (void)what;
  return vmul(kept, row->slope);
}

static const class_step focal_softmax = {.labels = 1,
                                         .logits = 1,
                                         .sums = {1},
                                         .scales = 1,
                                         .keep = focal_softmax_keep,
                                         .add = focal_softmax_add,
                                         .finish = focal_softmax_finish,
                                         .gradient = focal_softmax_gradient};
