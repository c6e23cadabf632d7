/* SPDX-License-Identifier: Apache-2.0 */
/* L = d^2, dL/dp = 2 d */
static inline pair mse(vec input, vec target, vec upstream, const vec *parameters) {
  (void)parameters;
  vec d = vsub(input, target);
  return (pair){vmul(d, d), vmul(d, vclamp(vadd(upstream, upstream)))};
}
