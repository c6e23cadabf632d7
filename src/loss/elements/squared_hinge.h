/* SPDX-License-Identifier: Apache-2.0 */
/* L = h^2, dL/dp = -2 t h, h = max(0, 1 - t p) */
ALWAYS_INLINE element_result squared_hinge_step(element x, const element_options *o) {
  vec zero = vset1(0), h = vmax(zero, vfnma(x.target, x.input, vset1(1)));
  vec half_slope = vmul(vneg(x.target), h);
  vec grad = times_upstream(vadd(half_slope, half_slope), o->upstream);
  return give(vmul(h, h), vselect(vlt(zero, h), grad, h));
}

static const element_loss squared_hinge = {.plain = squared_hinge_step};
