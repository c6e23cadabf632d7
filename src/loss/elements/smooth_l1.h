/* SPDX-License-Identifier: Apache-2.0 */
/* c = d / beta, but within [-1, 1]: L = c (d - beta c / 2), dL/dp = c. That is d^2 / (2 beta) where
 * |d| < beta, else |d| - beta / 2. */
ALWAYS_INLINE element_result smooth_l1_step(element x, const element_options *o) {
  vec one = vset1(1), beta = o->parameters[0], half_beta = vmul(vset1((real)0.5), beta);
  vec d = vsub(x.input, x.target), ratio = vdiv(d, vmax(vset1(real_least), beta)); /* not 0 / 0 */
  vec c = vmin(one, vmax(vneg(one), ratio));
  return give(vabs(vmul(c, vsub(d, vmul(half_beta, c)))), vmul(c, o->upstream));
}

static const element_loss smooth_l1 = {.plain = smooth_l1_step};
