/* SPDX-License-Identifier: Apache-2.0 */
/* H = softplus(z) - z s(z) = softplus(-|z|) + |z| s(-|z|), dH/dz = -z s(z) s(-z) */
ALWAYS_INLINE pair binary_entropy_with_logits(vec e, vec input, vec unread, vec upstream,
                                              const vec *parameters) {
  (void)unread, (void)parameters;
  vec z = vclamp(input); /* infinity times s(-infinity) is 0 */
  logit l = measure_logit(e);
  vec share = vmul(vneg(z), l.unlikely);
  return (pair){vadd(l.tail, vabs(share)), vmul(vmul(share, l.likely), upstream)};
}
