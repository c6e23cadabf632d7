/* SPDX-License-Identifier: Apache-2.0 */
/* L = t bce(z, t), dL/dz = t (s(z) - t); where t = 0 focal_term() with weight alpha */
ALWAYS_INLINE pair varifocal(vec e, vec z, vec target, vec upstream, const vec *parameters) {
  vec zero = vset1(0);
  mask negative = veq(target, zero);
  logit l = measure_logit(e);
  pair bce = shared_entropy(l, z, target, vsub(vset1(1), target));
  vec bounded = bounded_upstream(upstream, parameters[1]);
  pair focal = focal_term(l, z, zero, parameters[1], parameters[2], bounded);
  return (pair){vselect(negative, focal.loss, vmul(target, bce.loss)),
                vselect(negative, focal.grad, vmul(vmul(target, bce.grad), upstream))};
}

ALWAYS_INLINE pair varifocal_hard(vec e, vec z, vec target, vec upstream, const vec *parameters) {
  return varifocal(e, z, target, upstream, parameters);
}
