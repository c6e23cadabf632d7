/* SPDX-License-Identifier: Apache-2.0 */
/* L = d^2, dL/dp = 2 d */
ALWAYS_INLINE element_result mse_step(element x, const element_options *o) {
  vec d = vsub(x.input, x.target);
  return give(vmul(d, d), vmul(d, vclamp(vadd(o->upstream, o->upstream))));
}

static const element_loss mse = {.plain = mse_step};
