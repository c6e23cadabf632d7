/* SPDX-License-Identifier: Apache-2.0 */
/* L = m^b bce(z, t), m = |s(z) - t|, dL/dz = m^b (s - t + b sign(s - t) bce s (1 - s) / m), 0 where
 * m is; for a target of 0 or 1 that is focal_term() with weight 1 */
ALWAYS_INLINE element_result quality_focal_hard(element x, const element_options *o) {
  return focal_term(measure_logit(x.prepared), x.input, x.target, vset1(1), o->parameters[2],
                    o->upstream);
}

ALWAYS_INLINE element_result quality_focal_soft(element x, const element_options *o) {
  vec zero = vset1(0), one = vset1(1), target = x.target, off = vsub(one, target);
  vec exponent = o->parameters[2];
  logit l = measure_logit(x.prepared);
  element_result bce = shared_entropy(l, x.input, target, off);
  vec distance = vmin(one, vabs(bce.grad));
  vec factor = vpow_unit(distance, exponent);
  vec ratio = vdiv(vmul(l.unlikely, l.likely), bce.grad);
  vec bend = vmul(bce.loss, vselect(veq(distance, zero), zero, ratio));
  vec slope = vadd(bce.grad, vclamp(vmul(exponent, bend))); /* a factor of 0 makes it 0 */

  element_result hard = quality_focal_hard(x, o);
  mask is_hard = vor(veq(target, zero), veq(target, one));
  return give(vselect(is_hard, hard.loss, vmul(factor, bce.loss)),
              vselect(is_hard, hard.grad, vmul(vmul(factor, o->upstream), slope)));
}

ALWAYS_INLINE element_result quality_focal_any(element x, const element_options *o) {
  return any_logit(quality_focal_soft, x, o);
}

static const element_loss quality_focal = {.plain = quality_focal_hard,
                                           .any = quality_focal_any,
                                           .prepare = prepare_logit,
                                           .domain = &hard_domain,
                                           .usual = &usual_exponent};
