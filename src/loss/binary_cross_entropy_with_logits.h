/* SPDX-License-Identifier: Apache-2.0 */
/* L = (1 - t) softplus(z) + c t softplus(-z), dL/dz = (1 - t) s(z) - c t s(-z), c the weight of
 * positives */
ALWAYS_INLINE pair binary_cross_entropy_with_logits(vec z, vec target, vec upstream,
                                                    const vec *parameters) {
  vec on = vmul(parameters[0], target), off = vsub(vset1(1), target);
  pair r = shared_entropy(measure_logit(z), z, on, off);
  return (pair){r.loss, vmul(r.grad, upstream)};
}
