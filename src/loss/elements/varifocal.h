/* SPDX-License-Identifier: Apache-2.0 */
/* L = t bce(z, t), dL/dz = t (s(z) - t); where t = 0 focal_term() with weight alpha */
ALWAYS_INLINE element_result varifocal_step(element x, const element_options *o) {
  vec zero = vset1(0), alpha = o->parameters[1];
  mask negative = veq(x.target, zero);
  logit l = measure_logit(x.prepared);
  element_result bce = shared_entropy(l, x.input, x.target, vsub(vset1(1), x.target));
  vec bounded = bounded_upstream(o->upstream, alpha);
  element_result hard = focal_term(l, x.input, zero, alpha, o->parameters[2], bounded);
  return give(vselect(negative, hard.loss, vmul(x.target, bce.loss)),
              vselect(negative, hard.grad, vmul(vmul(x.target, bce.grad), o->upstream)));
}

ALWAYS_INLINE element_result varifocal_any(element x, const element_options *o) {
  return any_logit(varifocal_step, x, o);
}

static const element_loss varifocal = {.plain = varifocal_step,
                                       .any = varifocal_any,
                                       .prepare = prepare_logit,
                                       .domain = &hard_domain,
                                       .usual = &usual_exponent};
