/* SPDX-License-Identifier: Apache-2.0 */
/* L = -t max(ln p, -100) - (1 - t) max(ln(1 - p), -100), dL/dp = (p - t) / max(p (1 - p), 1e-12);
 * NaN where p or t is outside [0, 1] */
enum { binary_cross_entropy_settings = 1 };

ALWAYS_INLINE element binary_cross_entropy(vec input, vec target, vec further, vec upstream,
                                           const vec *parameters, int flags) {
  (void)further, (void)parameters, (void)flags;
  vec zero = vset1(0), one = vset1(1), nan = vset1((real)NAN), least = vset1(-100);
  mask outside =
      vor(vor(vlt(input, zero), vlt(target, zero)), vor(vlt(one, input), vlt(one, target)));
  mask good =
      vand(vand(vle(zero, input), vle(zero, target)), vand(vle(input, one), vle(target, one)));
  vec yes = vmax(least, vlog_unit(input)), no = vmax(least, vlog1m(input));
  vec loss = vneg(vadd(vmul(target, yes), vmul(vsub(one, target), no)));
  vec spread = vmax(vset1((real)1e-12), vmul(input, vsub(one, input)));
  vec slope = vdiv(vsub(input, target), spread);
  vec grad = vmul(slope, upstream);
  return (element){
      .loss = vselect(good, loss, nan), .grad = vselect(good, grad, nan), .outside = outside};
}
