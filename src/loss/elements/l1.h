/* SPDX-License-Identifier: Apache-2.0 */
/* L = |d|, dL/dp = sign(d) */
ALWAYS_INLINE element_result l1_step(element x, const element_options *o) {
  vec d = vsub(x.input, x.target);
  return give(vabs(d), signed_upstream(d, o->upstream));
}

static const element_loss l1 = {.plain = l1_step};
