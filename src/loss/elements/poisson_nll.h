/* SPDX-License-Identifier: Apache-2.0 */
/* L = m - t ln m for the mean m, with log_input from x = ln m: dL/dx = e^x - t; else m = x, with
 * eps in the logarithm: dL/dx = 1 - t / (x + eps), NaN where x <= -eps.
 * full: t ln t - t + ln(2 pi t) / 2 more where t > 1, which is Stirling's ln t! */
enum { POISSON_LOG_INPUT = 1, POISSON_FULL = 2 };

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

ALWAYS_INLINE element_result poisson_nll_step(element x, const element_options *o) {
  vec one = vset1(1), nan = vset1((real)NAN), target = x.target;
  if (o->flags & POISSON_LOG_INPUT) {
    scaled_exp mean = vexp_scaled(x.input);
    vec slope = vmul(vsub(mean.value, vmul(target, mean.down)), mean.up);
    return give(poisson_loss(mean.value, mean.up, mean.down, x.input, target, o->flags),
                times_upstream(slope, o->upstream));
  }
  vec shifted = vadd(x.input, o->parameters[0]), log_mean = vlog(vmin(vset1(real_max), shifted));
  mask outside = vle(shifted, vset1(0));
  vec loss = poisson_loss(x.input, one, one, log_mean, target, o->flags);
  vec grad = times_upstream(vsub(one, vdiv(target, shifted)), o->upstream);
  return (element_result){
      .loss = vselect(outside, nan, loss), .grad = vselect(outside, nan, grad), .outside = outside};
}

/* What is usual. */
ALWAYS_INLINE element_result poisson_nll_of_log(element x, const element_options *o) {
  element_options usual = {.upstream = o->upstream, .flags = POISSON_LOG_INPUT};
  return poisson_nll_step(x, &usual);
}

static const element_loss poisson_nll = {.plain = poisson_nll_step,
                                         .flagged = {POISSON_LOG_INPUT, poisson_nll_of_log},
                                         .signed_infinity = 1};
