/* SPDX-License-Identifier: Apache-2.0 */
/* Focal loss: focal_term() for a target of 0 or 1, with the weight of its class. Else, linear in
 * the target t, with u = (1 - t) s + t (1 - s), w the mean of the weights and bce(z, t) the cross
 * entropy, L = w u^g bce, dL/dz = w u^g (s - t + g (1 - 2 t) bce s (1 - s) / u) */

/* t a + (1 - t) b, exactly a or b for a target of 1 or 0 */
ALWAYS_INLINE vec focal_weight(vec target, const element_options *o) {
  vec a = o->parameters[0], b = o->parameters[1];
  return vfma(target, a, vfnma(target, b, b));
}

ALWAYS_INLINE element_result focal_hard(element x, const element_options *o) {
  vec weight = focal_weight(x.target, o);
  return focal_term(measure_logit(x.prepared), x.input, x.target, weight, o->parameters[2],
                    o->upstream);
}

ALWAYS_INLINE element_result focal_soft(element x, const element_options *o) {
  vec zero = vset1(0), one = vset1(1), target = x.target, off = vsub(one, target);
  vec exponent = o->parameters[2];
  logit l = measure_logit(x.prepared);
  probability s = logit_shares(l, x.input);
  vec u = vmin(one, vfma(off, s.p, vmul(target, s.q)));
  vec weight = focal_weight(target, o);
  vec power = vpow_unit(u, exponent);
  element_result bce = shared_entropy(l, x.input, target, off);
  vec bend = vmul(vmul(bce.loss, vsub(off, target)), vdiv(vmul(s.p, s.q), u));
  vec slope = vadd(bce.grad, vclamp(vmul(exponent, bend))); /* a power of 0 makes it 0 */

  element_result hard = focal_hard(x, o);
  mask is_hard = vor(veq(target, zero), veq(target, one));
  return give(vselect(is_hard, hard.loss, vmul(vmul(weight, bce.loss), power)),
              vselect(is_hard, hard.grad, vmul(vmul(weight, slope), vmul(power, o->upstream))));
}

ALWAYS_INLINE element_result focal_any(element x, const element_options *o) {
  return any_logit(focal_soft, x, o);
}

static const element_loss focal = {.plain = focal_hard,
                                   .any = focal_any,
                                   .prepare = prepare_logit,
                                   .domain = &hard_domain,
                                   .usual = &usual_exponent};
