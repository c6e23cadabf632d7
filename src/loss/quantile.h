/* SPDX-License-Identifier: Apache-2.0 */
/* L = tau e where e = t - p > 0, else (tau - 1) e; dL/dp = -tau, 1 - tau, 0 at e = 0 */
static inline pair quantile(vec input, vec target, vec upstream, const vec *parameters) {
  vec tau = parameters[0], complement = parameters[1];
  vec d = vsub(input, target);
  mask above = vlt(vset1(0), d), differ = vor(above, vlt(d, vset1(0)));
  vec slope = vselect(above, complement, vneg(tau));
  /* d may exceed the type where the loss does not */
  vec apart = vsub(vmul(slope, input), vmul(slope, target));
  vec loss = vselect(veq(vabs(d), vset1(real_infinity)), apart, vmul(slope, d));
  return (pair){vabs(loss), vselect(differ, vmul(slope, upstream), d)};
}
