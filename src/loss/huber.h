/* SPDX-License-Identifier: Apache-2.0 */
/* L = d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2); dL/dp = d, else delta sign(d) */
static inline pair huber(vec input, vec target, vec upstream, const vec *parameters) {
  vec delta = parameters[0], half = vset1((real)0.5);
  vec d = vsub(input, target), distance = vabs(d);
  mask inside = vle(distance, delta);
  /* by halves, since d may exceed the type where the loss does not */
  vec half_distance = vabs(vsub(vmul(half, input), vmul(half, target)));
  vec linear = vmul(delta, vsub(half_distance, vmul(vset1((real)0.25), delta)));
  linear = vselect(veq(half_distance, vset1(real_infinity)), half_distance, vadd(linear, linear));
  return (pair){vselect(inside, vmul(vmul(half, d), d), linear),
                vselect(inside, vmul(d, upstream), signed_upstream(d, vmul(delta, upstream)))};
}
