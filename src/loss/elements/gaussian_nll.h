/* SPDX-License-Identifier: Apache-2.0 */
/* L = (ln v + d^2 / v) / 2, v = max(variance, eps), full: + ln(2 pi) / 2; dL/dp = d / v,
 * dL/dvariance = (1 / v - (d / v)^2) / 2, where v is eps too */
ALWAYS_INLINE element_result gaussian_nll_step(element x, const element_options *o) {
  vec half = vset1((real)0.5), d = vsub(x.input, x.target);
  vec v = vmax(vmax(vset1(real_min_normal), o->parameters[0]), x.further);
  /* by halves, where d exceeds the type: the loss may not */
  mask far = veq(vabs(d), vset1(real_infinity));
  vec half_d = vselect(far, vsub(vmul(half, x.input), vmul(half, x.target)), vmul(half, d));
  vec ratio = vdiv(vselect(far, half_d, d), v);
  ratio = vselect(far, vadd(ratio, ratio), ratio);
  vec loss = vfma(half_d, ratio, vmul(half, vlog(v)));
  if (o->flags) loss = vadd(loss, vset1((real)0.91893853320467274178));
  vec slope = vfnma(vmul(half, ratio), ratio, vdiv(half, v));
  return (element_result){.loss = loss,
                          .grad = times_upstream(ratio, o->upstream),
                          .further = times_upstream(slope, o->upstream)};
}

static const element_loss gaussian_nll = {
    .plain = gaussian_nll_step, .further = 1, .signed_infinity = 1};
