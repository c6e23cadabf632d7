/* SPDX-License-Identifier: Apache-2.0 */
/* H = -sum_k p_k ln p_k, dH/dp_k = -(ln p_k + 1), ln p taken at the smallest normal number below
 * it: finite, and without effect on H */
ALWAYS_INLINE vec entropy_keep(class_values x, class_tops top, const class_options *o, int what) {
  (void)top, (void)o, (void)what;
  return vlog(vmax(vset1(real_min_normal), x.input));
}

ALWAYS_INLINE class_terms entropy_add(vec kept, class_values x, class_tops top,
                                      const class_row *row, const class_options *o, int what) {
  (void)top, (void)row, (void)o, (void)what;
  return (class_terms){{vmul(x.input, kept)}};
}

ALWAYS_INLINE class_row entropy_finish(const vec *sums, const class_row *row,
                                       const class_options *o, vec upstream, int what) {
  (void)row, (void)o, (void)what;
  vec sum = sums[0];
  return (class_row){
      .half_loss = vmul(vset1((real)-0.5), sum), .slope = upstream, .mean = vsub(sum, sum)};
}

ALWAYS_INLINE vec entropy_gradient(vec kept, class_values x, class_tops top, const class_row *row,
                                   const class_options *o, int what) {
  (void)x, (void)top, (void)o, (void)what;
  return vfnma(row->slope, vadd(kept, vset1(1)), row->mean); /* 0, or a NaN in the row */
}

static const class_step entropy = {.probabilities = PROBABLE_INPUT,
                                   .sums = {1},
                                   .keep = entropy_keep,
                                   .add = entropy_add,
                                   .finish = entropy_finish,
                                   .gradient = entropy_gradient};
