/* SPDX-License-Identifier: Apache-2.0 */
/* L = h^2, dL/dp = -2 t h, h = max(0, 1 - t p) */
static inline pair squared_hinge(vec input, vec target, vec upstream, const vec *parameters) {
  (void)parameters;
  vec zero = vset1(0), h = vmax(zero, vfnma(target, input, vset1(1)));
  vec half_slope = vmul(vneg(target), h);
  vec grad = times_upstream(vadd(half_slope, half_slope), upstream);
  return (pair){vmul(h, h), vselect(vlt(zero, h), grad, h)};
}
