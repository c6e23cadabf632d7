/* SPDX-License-Identifier: Apache-2.0 */
/* c = d, but within [-delta, delta]: L = c (d - c / 2), dL/dp = c. That is d^2 / 2 where |d| <=
 * delta, else delta (|d| - delta / 2). */
static inline pair huber(vec input, vec target, vec upstream, const vec *parameters) {
  vec half = vset1((real)0.5), delta = parameters[0];
  vec d = vsub(input, target), c = vmin(delta, vmax(vneg(delta), d));
  /* by halves, since d may exceed the type where the loss does not */
  vec half_d = vsub(vmul(half, input), vmul(half, target));
  vec loss = vmul(vadd(c, c), vsub(half_d, vmul(vset1((real)0.25), c)));
  mask endless = veq(vabs(half_d), vset1(real_infinity)); /* and delta may be 0 in the dtype */
  return (pair){vabs(vselect(endless, half_d, loss)), vmul(c, upstream)};
}
