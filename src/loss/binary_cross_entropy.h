/* SPDX-License-Identifier: Apache-2.0 */
/* L = -t max(ln p, -100) - (1 - t) max(ln(1 - p), -100), dL/dp = (p - t) / max(p (1 - p), 1e-12);
 * NaN where p or t is no probability */
enum { binary_cross_entropy_settings = 1 };

ALWAYS_INLINE evidence binary_cross_entropy_look(evidence seen, vec input, vec target) {
  return unit_look(divergence_look(seen, input, target), target, input);
}

static const element_watch binary_cross_entropy_watch = {binary_cross_entropy_look,
                                                         divergence_ordinary};

/* For p and t in [0, 1]. */
ALWAYS_INLINE pair binary_cross_entropy_ordinary(vec p, vec t, vec upstream,
                                                 const vec *parameters) {
  (void)parameters;
  vec one = vset1(1), least = vset1(-100);
  vec yes = vmax(least, vlog_unit(p)), no = vmax(least, vlog1m(p));
  vec loss = vneg(vadd(vmul(t, yes), vmul(vsub(one, t), no)));
  vec spread = vmax(vset1((real)1e-12), vmul(p, vsub(one, p)));
  return (pair){loss, vmul(vdiv(vsub(p, t), spread), upstream)};
}

ALWAYS_INLINE element binary_cross_entropy(vec input, vec target, vec further, vec upstream,
                                           const vec *parameters, int flags) {
  (void)further, (void)flags;
  vec nan = vset1((real)NAN), slack = probability_slack();
  vec p = nearest_probability(input), t = nearest_probability(target);
  vec beyond = vabs(vsub(input, p)), target_beyond = vabs(vsub(target, t));
  mask good = vand(vle(beyond, slack), vle(target_beyond, slack));
  pair r = binary_cross_entropy_ordinary(p, t, upstream, parameters);
  return (element){.loss = vselect(good, r.loss, nan),
                   .grad = vselect(good, r.grad, nan),
                   .outside = vor(vlt(slack, beyond), vlt(slack, target_beyond))};
}
