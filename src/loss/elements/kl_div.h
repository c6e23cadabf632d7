/* SPDX-License-Identifier: Apache-2.0 */
/* L = t ln t - t x for the input x, dL/dx = -t; 0 at t = 0, NaN where t is no probability.
 * log_target: L = e^t (t - x), dL/dx = -e^t; 0 where e^t is */

/* For finite x and t in [0, 1]. */
ALWAYS_INLINE element_result kl_div_plain(element x, const element_options *o) {
  vec t = x.target;
  return give(vmul(t, vsub(vlog_unit(t), x.input)), vmul(t, vneg(o->upstream)));
}

ALWAYS_INLINE element_result kl_div_of_log(element x, const element_options *o) {
  vec zero = vset1(0), d = vsub(x.target, x.input);
  /* the root twice, since e^t may exceed the type, or be subnormal, where the loss is not */
  vec root = vexp_any(vmul(vset1((real)0.5), x.target));
  mask nothing = vor(veq(root, zero), veq(d, zero)), known = veq(x.input, x.input);
  vec loss = vselect(nothing, zero, vmul(vmul(d, root), root));
  vec grad = times_upstream(vneg(vmul(root, root)), o->upstream);
  return give(vselect(known, loss, x.input), vselect(known, grad, x.input));
}

ALWAYS_INLINE element_result kl_div_any(element x, const element_options *o) {
  if (o->flags) return kl_div_of_log(x, o);
  vec zero = vset1(0), nan = vset1((real)NAN), t = nearest_probability(x.target);
  vec beyond = vabs(vsub(x.target, t)), slack = probability_slack();
  mask good = vand(vle(beyond, slack), veq(x.input, x.input)), nothing = veq(t, zero);
  element_result r = kl_div_plain((element){.input = x.input, .target = t}, o);
  return (element_result){.loss = vselect(good, vselect(nothing, zero, r.loss), nan),
                          .grad = vselect(good, r.grad, nan),
                          .outside = vlt(slack, beyond)};
}

static const element_loss kl_div = {.plain = kl_div_plain,
                                    .any = kl_div_any,
                                    .domain = &finite_unit_domain,
                                    .flagged = {1, kl_div_of_log},
                                    .signed_infinity = 1};
