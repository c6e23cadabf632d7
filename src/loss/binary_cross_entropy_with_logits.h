/* SPDX-License-Identifier: Apache-2.0 */
/* L = (1 - t) softplus(z) + c t softplus(-z), dL/dz = (1 - t) s(z) - c t s(-z), c the weight of
 * positives; the second parameter is 0 in calls where that is 1, which takes fewer operations */
ALWAYS_INLINE pair binary_cross_entropy_with_logits(vec e, vec z, vec target, vec upstream,
                                                    const vec *parameters) {
  vec zero = vset1(0);
  logit l = measure_logit(e);
  pair r;
  if (vall(veq(parameters[1], zero)))
    r = plain_entropy(l, z, target);
  else
    r = shared_entropy(l, z, vmul(parameters[0], target), vsub(vset1(1), target));
  return (pair){r.loss, vmul(r.grad, upstream)};
}
