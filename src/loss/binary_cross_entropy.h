/* SPDX-License-Identifier: Apache-2.0 */
/* L = -t max(ln p, -100) - (1 - t) max(ln(1 - p), -100), dL/dp = (p - t) / max(p (1 - p), 1e-12);
 * NaN where p or t is outside [0, 1] */
enum { binary_cross_entropy_settings = 1 };

ALWAYS_INLINE element binary_cross_entropy(vec input, vec target, vec further, vec upstream,
                                           const vec *parameters, int flags) {
  (void)further, (void)parameters, (void)flags;
  vec one = vset1(1), nan = vset1((real)NAN), least = vset1(-100);
  vec p = nearest_probability(input), t = nearest_probability(target);
  vec beyond = vabs(vsub(input, p)), target_beyond = vabs(vsub(target, t));
  vec slack = probability_slack();
  mask outside = vor(vlt(slack, beyond), vlt(slack, target_beyond));
  mask good = vand(vle(beyond, slack), vle(target_beyond, slack));
  vec yes = vmax(least, vlog_unit(p)), no = vmax(least, vlog1m(p));
  vec loss = vneg(vadd(vmul(t, yes), vmul(vsub(one, t), no)));
  vec spread = vmax(vset1((real)1e-12), vmul(p, vsub(one, p)));
  vec grad = vmul(vdiv(vsub(p, t), spread), upstream);
  return (element){
      .loss = vselect(good, loss, nan), .grad = vselect(good, grad, nan), .outside = outside};
}
