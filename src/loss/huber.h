/* SPDX-License-Identifier: Apache-2.0 */
/* L = d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2); dL/dp = d, else delta sign(d) */
static inline pair huber(vec input, vec target, vec upstream, const vec *parameters) {
  vec delta = parameters[0], half = vset1((real)0.5);
  vec d = vsub(input, target), distance = vabs(d);
  mask inside = vle(distance, delta);
  vec linear = vmul(delta, vsub(distance, vmul(half, delta)));
  return (pair){vselect(inside, vmul(vmul(half, d), d), linear),
                vselect(inside, vmul(d, upstream), signed_upstream(d, vmul(delta, upstream)))};
}
