/* SPDX-License-Identifier: Apache-2.0 */
/* L = m^b bce(z, t), m = |s(z) - t|, dL/dz = m^b (s - t + b sign(s - t) bce s (1 - s) / m), 0 where
 * m is; for a target of 0 or 1 that is focal_term() with weight 1 */
ALWAYS_INLINE pair quality_focal_hard(vec e, vec z, vec target, vec upstream,
                                      const vec *parameters) {
  return focal_term(measure_logit(e), z, target, vset1(1), parameters[2], upstream);
}

ALWAYS_INLINE pair quality_focal(vec e, vec z, vec target, vec upstream, const vec *parameters) {
  vec zero = vset1(0), one = vset1(1), off = vsub(one, target), exponent = parameters[2];
  logit l = measure_logit(e);
  pair bce = shared_entropy(l, z, target, off);
  vec distance = vmin(one, vabs(bce.grad));
  vec factor = vpow_unit(distance, exponent);
  vec ratio = vdiv(vmul(l.unlikely, l.likely), bce.grad);
  vec bend = vmul(bce.loss, vselect(veq(distance, zero), zero, ratio));
  vec slope = vadd(bce.grad, vclamp(vmul(exponent, bend))); /* a factor of 0 makes it 0 */

  pair hard = quality_focal_hard(e, z, target, upstream, parameters);
  mask is_hard = vor(veq(target, zero), veq(target, one));
  return (pair){vselect(is_hard, hard.loss, vmul(factor, bce.loss)),
                vselect(is_hard, hard.grad, vmul(vmul(factor, upstream), slope))};
}
