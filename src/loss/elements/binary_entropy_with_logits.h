/* SPDX-License-Identifier: Apache-2.0 */
/* H = softplus(z) - z s(z) = softplus(-|z|) + |z| s(-|z|), dH/dz = -z s(z) s(-z) */
ALWAYS_INLINE element_result binary_entropy_with_logits_step(element x, const element_options *o) {
  vec z = vclamp(x.input); /* infinity times s(-infinity) is 0 */
  logit l = measure_logit(x.prepared);
  vec share = vmul(vneg(z), l.unlikely);
  return give(vadd(l.tail, vabs(share)), vmul(vmul(share, l.likely), o->upstream));
}

static const element_loss binary_entropy_with_logits = {.plain = binary_entropy_with_logits_step,
                                                        .prepare = prepare_logit};
