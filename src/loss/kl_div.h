/* SPDX-License-Identifier: Apache-2.0 */
/* L = t ln t - t x for the input x, dL/dx = -t; 0 at t = 0, NaN where t is no probability.
 * log_target: L = e^t (t - x), dL/dx = -e^t; 0 where e^t is */
enum { kl_div_settings = 2 };
static const element_watch kl_div_watch = {divergence_look, divergence_ordinary};

/* For finite x and t in [0, 1]. */
ALWAYS_INLINE pair kl_div_ordinary(vec input, vec target, vec upstream, const vec *parameters) {
  (void)parameters;
  return (pair){vmul(target, vsub(vlog_unit(target), input)), vmul(target, vneg(upstream))};
}

ALWAYS_INLINE element kl_div_of_log(vec input, vec target, vec upstream) {
  vec zero = vset1(0), d = vsub(target, input);
  /* the root twice, since e^t may exceed the type, or be subnormal, where the loss is not */
  vec root = vexp_any(vmul(vset1((real)0.5), target));
  mask nothing = vor(veq(root, zero), veq(d, zero)), known = veq(input, input);
  vec loss = vselect(nothing, zero, vmul(vmul(d, root), root));
  vec grad = times_upstream(vneg(vmul(root, root)), upstream);
  return (element){.loss = vselect(known, loss, input),
                   .grad = vselect(known, grad, input),
                   .outside = nowhere()};
}

ALWAYS_INLINE element kl_div(vec input, vec target, vec further, vec upstream,
                             const vec *parameters, int flags) {
  (void)further;
  if (flags) return kl_div_of_log(input, target, upstream);
  vec zero = vset1(0), nan = vset1((real)NAN), t = nearest_probability(target);
  vec beyond = vabs(vsub(target, t)), slack = probability_slack();
  mask good = vand(vle(beyond, slack), veq(input, input)), nothing = veq(t, zero);
  pair r = kl_div_ordinary(input, t, upstream, parameters);
  return (element){.loss = vselect(good, vselect(nothing, zero, r.loss), nan),
                   .grad = vselect(good, r.grad, nan),
                   .outside = vlt(slack, beyond)};
}
