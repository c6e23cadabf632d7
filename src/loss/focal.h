/* SPDX-License-Identifier: Apache-2.0 */
/* Focal loss: focal_term() for a target of 0 or 1, with the weight of its class. Else, linear in
 * the target t, with u = (1 - t) s + t (1 - s), w the mean of the weights and bce(z, t) the cross
 * entropy, L = w u^g bce, dL/dz = w u^g (s - t + g (1 - 2 t) bce s (1 - s) / u) */

/* t a + (1 - t) b, exactly a or b for a target of 1 or 0 */
ALWAYS_INLINE vec focal_weight(vec target, const vec *parameters) {
  vec a = parameters[0], b = parameters[1];
  return vfma(target, a, vfnma(target, b, b));
}

ALWAYS_INLINE pair focal_hard(vec e, vec z, vec target, vec upstream, const vec *parameters) {
  vec weight = focal_weight(target, parameters);
  return focal_term(measure_logit(e), z, target, weight, parameters[2], upstream);
}

ALWAYS_INLINE pair focal(vec e, vec z, vec target, vec upstream, const vec *parameters) {
  vec zero = vset1(0), one = vset1(1), off = vsub(one, target), exponent = parameters[2];
  logit l = measure_logit(e);
  probability s = logit_shares(l, z);
  vec u = vmin(one, vfma(off, s.p, vmul(target, s.q)));
  vec weight = focal_weight(target, parameters);
  vec power = vpow_unit(u, exponent);
  pair bce = shared_entropy(l, z, target, off);
  vec bend = vmul(vmul(bce.loss, vsub(off, target)), vdiv(vmul(s.p, s.q), u));
  vec slope = vadd(bce.grad, vclamp(vmul(exponent, bend))); /* a power of 0 makes it 0 */

  pair hard = focal_hard(e, z, target, upstream, parameters);
  mask is_hard = vor(veq(target, zero), veq(target, one));
  return (pair){vselect(is_hard, hard.loss, vmul(vmul(weight, bce.loss), power)),
                vselect(is_hard, hard.grad, vmul(vmul(weight, slope), vmul(power, upstream)))};
}
