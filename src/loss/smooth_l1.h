/* SPDX-License-Identifier: Apache-2.0 */
/* L = d^2 / (2 beta) where |d| < beta, else |d| - beta / 2; dL/dp = d / beta, else sign(d) */
static inline pair smooth_l1(vec input, vec target, vec upstream, const vec *parameters) {
  vec beta = parameters[0], half = vset1((real)0.5);
  vec d = vsub(input, target), distance = vabs(d), ratio = vdiv(d, beta);
  mask inside = vlt(distance, beta);
  return (pair){vselect(inside, vmul(vmul(half, d), ratio), vsub(distance, vmul(half, beta))),
                vselect(inside, vmul(ratio, upstream), signed_upstream(d, upstream))};
}
