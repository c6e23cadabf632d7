/* SPDX-License-Identifier: Apache-2.0 */
/* L = -t max(ln p, -100) - (1 - t) max(ln(1 - p), -100), dL/dp = (p - t) / max(p (1 - p), 1e-12);
 * NaN where p or t is no probability */

/* For p and t in [0, 1]. */
ALWAYS_INLINE element_result binary_cross_entropy_plain(element x, const element_options *o) {
  vec one = vset1(1), least = vset1(-100), p = x.input, t = x.target;
  vec yes = vmax(least, vlog_unit(p)), no = vmax(least, vlog1m(p));
  vec loss = vneg(vadd(vmul(t, yes), vmul(vsub(one, t), no)));
  vec spread = vmax(vset1((real)1e-12), vmul(p, vsub(one, p)));
  return give(loss, vmul(vdiv(vsub(p, t), spread), o->upstream));
}

ALWAYS_INLINE element_result binary_cross_entropy_any(element x, const element_options *o) {
  vec nan = vset1((real)NAN), slack = probability_slack();
  element nearest = {.input = nearest_probability(x.input),
                     .target = nearest_probability(x.target)};
  vec beyond = vabs(vsub(x.input, nearest.input));
  vec target_beyond = vabs(vsub(x.target, nearest.target));
  mask good = vand(vle(beyond, slack), vle(target_beyond, slack));
  element_result r = binary_cross_entropy_plain(nearest, o);
  return (element_result){.loss = vselect(good, r.loss, nan),
                          .grad = vselect(good, r.grad, nan),
                          .outside = vor(vlt(slack, beyond), vlt(slack, target_beyond))};
}

ALWAYS_INLINE evidence binary_cross_entropy_look(evidence seen, vec input, vec target) {
  return unit_look(finite_unit_look(seen, input, target), target, input);
}

static const element_domain binary_cross_entropy_domain = {binary_cross_entropy_look,
                                                           finite_unit_ordinary};

static const element_loss binary_cross_entropy = {.plain = binary_cross_entropy_plain,
                                                  .any = binary_cross_entropy_any,
                                                  .domain = &binary_cross_entropy_domain,
                                                  .signed_infinity = 1};
