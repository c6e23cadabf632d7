/* SPDX-License-Identifier: Apache-2.0 */
/* L = (ln v + d^2 / v) / 2, v = max(variance, eps), full: + ln(2 pi) / 2; dL/dp = d / v,
 * dL/dvariance = (1 / v - (d / v)^2) / 2, where v is eps too */
enum { gaussian_nll_settings = 2 };

ALWAYS_INLINE element gaussian_nll(vec input, vec target, vec variance, vec upstream,
                                   const vec *parameters, int flags) {
  vec half = vset1((real)0.5), d = vsub(input, target);
  vec v = vmax(vmax(vset1(real_min_normal), parameters[0]), variance);
  /* by halves, where d exceeds the type: the loss may not */
  mask far = veq(vabs(d), vset1(real_infinity));
  vec half_d = vselect(far, vsub(vmul(half, input), vmul(half, target)), vmul(half, d));
  vec ratio = vdiv(vselect(far, half_d, d), v);
  ratio = vselect(far, vadd(ratio, ratio), ratio);
  vec loss = vfma(half_d, ratio, vmul(half, vlog(v)));
  if (flags) loss = vadd(loss, vset1((real)0.91893853320467274178));
  vec slope = vfnma(vmul(half, ratio), ratio, vdiv(half, v));
  return (element){.loss = loss,
                   .grad = times_upstream(ratio, upstream),
                   .further = times_upstream(slope, upstream),
                   .outside = nowhere()};
}
