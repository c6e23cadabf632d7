/* SPDX-License-Identifier: Apache-2.0 */
/* c = d / beta, but within [-1, 1]: L = c (d - beta c / 2), dL/dp = c. That is d^2 / (2 beta) where
 * |d| < beta, else |d| - beta / 2. */
static inline pair smooth_l1(vec input, vec target, vec upstream, const vec *parameters) {
  vec one = vset1(1), beta = parameters[0], half_beta = vmul(vset1((real)0.5), beta);
  vec d = vsub(input, target), ratio = vdiv(d, vmax(vset1(real_least), beta)); /* not 0 / 0 */
  vec c = vmin(one, vmax(vneg(one), ratio));
  return (pair){vabs(vmul(c, vsub(d, vmul(half_beta, c)))), vmul(c, upstream)};
}
