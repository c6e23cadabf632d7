/* SPDX-License-Identifier: Apache-2.0 */
/* c = d, but within [-delta, delta]: L = c (d - c / 2), dL/dp = c. That is d^2 / 2 where |d| <=
 * delta, else delta (|d| - delta / 2). */
ALWAYS_INLINE element_result huber_step(element x, const element_options *o) {
  vec half = vset1((real)0.5), delta = o->parameters[0];
  vec d = vsub(x.input, x.target), c = vmin(delta, vmax(vneg(delta), d));
  /* by halves, since d may exceed the type where the loss does not */
  vec half_d = vsub(vmul(half, x.input), vmul(half, x.target));
  vec loss = vmul(vadd(c, c), vsub(half_d, vmul(vset1((real)0.25), c)));
  mask endless = veq(vabs(half_d), vset1(real_infinity)); /* and delta may be 0 in the dtype */
  return give(vabs(vselect(endless, half_d, loss)), vmul(c, o->upstream));
}

static const element_loss huber = {.plain = huber_step};
