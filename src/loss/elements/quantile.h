/* SPDX-License-Identifier: Apache-2.0 */
/* L = tau e where e = t - p > 0, else (tau - 1) e; dL/dp = -tau, 1 - tau, 0 at e = 0 */
ALWAYS_INLINE element_result quantile_step(element x, const element_options *o) {
  vec tau = o->parameters[0], complement = o->parameters[1];
  vec d = vsub(x.input, x.target);
  mask above = vlt(vset1(0), d), differ = vor(above, vlt(d, vset1(0)));
  vec slope = vselect(above, complement, vneg(tau));
  /* d may exceed the type where the loss does not */
  vec apart = vsub(vmul(slope, x.input), vmul(slope, x.target));
  vec loss = vselect(veq(vabs(d), vset1(real_infinity)), apart, vmul(slope, d));
  return give(vabs(loss), vselect(differ, vmul(slope, o->upstream), d));
}

static const element_loss quantile = {.plain = quantile_step};
