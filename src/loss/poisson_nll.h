/* SPDX-License-Identifier: Apache-2.0 */
/* L = m - t ln m for the mean m, with log_input from x = ln m: dL/dx = e^x - t; else m = x, with
 * eps in the logarithm: dL/dx = 1 - t / (x + eps), NaN where x <= -eps.
 * full: t ln t - t + ln(2 pi t) / 2 more where t > 1, which is Stirling's ln t! */
enum { POISSON_LOG_INPUT = 1, POISSON_FULL = 2, poisson_nll_settings = 4 };

/* m - t ln m + t (ln t - 1) as m + t (ln t - 1 - ln m): terms may exceed the type where their sum
 * does not. `mean` is m times `down`. */
ALWAYS_INLINE vec poisson_loss(vec mean, vec up, vec down, vec log_mean, vec target, int flags) {
  vec zero = vset1(0), log_count = zero, rest = zero;
  if (flags & POISSON_FULL) {
    mask large = vlt(vset1(1), target);
    vec l = vlog(target), half_l = vmul(vset1((real)0.5), l);
    log_count = vselect(large, vsub(l, vset1(1)), zero);
    rest = vselect(large, vadd(half_l, vset1((real)0.91893853320467274178)), zero);
  }
  vec sum = vfma(vmul(target, down), vsub(log_count, log_mean), mean);
  sum = vselect(veq(target, zero), mean, sum);
  return vadd(vmul(sum, up), rest);
}

ALWAYS_INLINE element poisson_nll(vec input, vec target, vec further, vec upstream,
                                  const vec *parameters, int flags) {
  (void)further;
  vec one = vset1(1), nan = vset1((real)NAN);
  if (flags & POISSON_LOG_INPUT) {
    scaled_exp mean = vexp_scaled(input);
    vec slope = vmul(vsub(mean.value, vmul(target, mean.down)), mean.up);
    return (element){.loss = poisson_loss(mean.value, mean.up, mean.down, input, target, flags),
                     .grad = times_upstream(slope, upstream),
                     .outside = nowhere()};
  }
  vec shifted = vadd(input, parameters[0]), log_mean = vlog(vmin(vset1(real_max), shifted));
  mask outside = vle(shifted, vset1(0));
  vec loss = poisson_loss(input, one, one, log_mean, target, flags);
  vec grad = times_upstream(vsub(one, vdiv(target, shifted)), upstream);
  return (element){
      .loss = vselect(outside, nan, loss), .grad = vselect(outside, nan, grad), .outside = outside};
}
