/* SPDX-License-Identifier: Apache-2.0 */
/* L = (1 - t) softplus(z) + c t softplus(-z), dL/dz = (1 - t) s(z) - c t s(-z), c the weight of
 * positives; the second parameter is 0 in calls where that is 1, which takes fewer operations */
ALWAYS_INLINE element_result binary_cross_entropy_with_logits_step(element x,
                                                                   const element_options *o) {
  vec zero = vset1(0);
  logit l = measure_logit(x.prepared);
  element_result r;
  if (vall(veq(o->parameters[1], zero)))
    r = plain_entropy(l, x.input, x.target);
  else
    r = shared_entropy(l, x.input, vmul(o->parameters[0], x.target), vsub(vset1(1), x.target));
  return give(r.loss, vmul(r.grad, o->upstream));
}

ALWAYS_INLINE element_result binary_cross_entropy_with_logits_any(element x,
                                                                  const element_options *o) {
  return any_logit(binary_cross_entropy_with_logits_step, x, o);
}

/* Positives have no weight. */
static const usual_parameter binary_cross_entropy_with_logits_usual = {1, 0};

static const element_loss binary_cross_entropy_with_logits = {
    .plain = binary_cross_entropy_with_logits_step,
    .any = binary_cross_entropy_with_logits_any,
    .prepare = prepare_logit,
    .domain = &unit_domain,
    .usual = &binary_cross_entropy_with_logits_usual};
