/* SPDX-License-Identifier: Apache-2.0 */
/* What losses of a finite logit z and a probability share: s(z) = 1 / (1 + e^-z), 1 - s(z) = s(-z),
 * softplus(z) = max(z, 0) + ln(1 + e^-|z|) = -ln s(-z). */
#ifndef VLOSS_LOGIT_H
#define VLOSS_LOGIT_H

#include "frame/elements/element.h"

/* Steps on logits are prepared: by e = e^-|z|. */
ALWAYS_INLINE vec prepare_logit(vec z) { return vexp(vminus(z)); }

/* Of |z|, from e^-|z| by one quotient. */
typedef struct logit {
  vec unlikely, likely; /* s(-|z|) and s(|z|), neither by cancellation */
  vec tail;             /* softplus(-|z|) */
} logit;

ALWAYS_INLINE logit measure_logit(vec e) {
  vec one = vset1(1);
  vec unlikely = vdiv(e, vadd(one, e));
  return (logit){unlikely, vsub(one, unlikely), vlog1p_unit(e)};
}

/* 1, or 0 where z has a sign: a blend takes three operations where arithmetic takes one */
static inline vec unless_signed(vec z) {
  vec half = vset1((real)0.5);
  return vadd(half, vsigned(half, z));
}

/* s(z) and s(-z): 1 - s(-|z|) and s(-|z|), exactly, in the order that the sign asks for */
ALWAYS_INLINE probability logit_shares(logit l, vec z) {
  vec upper = unless_signed(z), lower = vsub(vset1(1), upper), signed_part = vsigned(l.unlikely, z);
  return (probability){vsub(upper, signed_part), vadd(lower, signed_part)};
}

/* L = on softplus(-z) + off softplus(z), dL/dz = off s(z) - on s(-z): cross entropy, where `on` and
 * `off` are the shares of the two classes */
ALWAYS_INLINE element_result shared_entropy(logit l, vec z, vec on, vec off) {
  vec zero = vset1(0);
  probability s = logit_shares(l, z);
  vec far = vfma(on, vmax(vneg(z), zero), vmul(off, vmax(z, zero)));
  return give(vfma(l.tail, vadd(on, off), far), vfnma(on, s.q, vmul(off, s.p)));
}

/* The same with on = t, off = 1 - t: L = (1 - t) z + tail, dL/dz = (1 - t) - s(-|z|), and where z
 * has a sign L = -t z + tail, dL/dz = s(-|z|) - t: no term cancels another */
ALWAYS_INLINE element_result plain_entropy(logit l, vec z, vec target) {
  vec off = vsub(unless_signed(z), target);
  return give(vfma(off, z, l.tail), vsub(off, vsigned(l.unlikely, z)));
}

/* u^exponent with u = s(-x) and softplus(x); the exponent is the same in all lanes */
ALWAYS_INLINE vec power_of_mistake(vec u, vec softplus, vec exponent) {
  vec one = vset1(1), two = vset1(2);
  if (vall(veq(exponent, two))) return vmul(u, u);
  if (vall(veq(exponent, one))) return u;
  if (vall(veq(exponent, vset1(0)))) return one;
  return vexp(vneg(vmul(exponent, softplus)));
}

/* The focal term of a target that is 0 or 1: with x = z or -z the logit of the true class and
 * u = s(-x), L = w u^g softplus(-x), dL/dx = -w u^g (g s(x) softplus(-x) + u) */
ALWAYS_INLINE element_result focal_term(logit l, vec z, vec target, vec weight, vec exponent,
                                        vec upstream) {
  vec zero = vset1(0), against = vfnma(vset1(2), target, vset1(1)), y = vmul(against, z); /* -x */
  probability mistaken = logit_shares(l, y);
  vec u = mistaken.p, p = mistaken.q;
  vec ce = vfma(unless_signed(y), y, l.tail), softplus = vadd(vmax(vneg(y), zero), l.tail);
  vec factor = vmul(weight, power_of_mistake(u, softplus, exponent));
  vec slope = vfma(vmul(exponent, p), ce, u);
  return give(vmul(factor, ce), vmul(vmul(factor, vmul(against, upstream)), slope));
}

enum { LOGIT_EXPONENT = 2 }; /* the parameter, of losses that have one */

/* Focal losses mostly have 2. */
static const usual_parameter usual_exponent = {LOGIT_EXPONENT, 2};

/* Whether the losses of infinite logits are infinite: as with any soft target for a soft one, and
 * without the exponent. What the limit multiplies may be too small for the type. */
ALWAYS_INLINE mask logit_is_endless(element_step *step, element finite, const element_options *o) {
  vec zero = vset1(0);
  element_options plain = *o;
  plain.parameters[LOGIT_EXPONENT] = plain.upstream = zero;
  mask soft = vand(vlt(zero, finite.target), vlt(finite.target, vset1(1)));
  finite.target = vselect(soft, vset1((real)0.75), finite.target);
  return vlt(zero, step(finite, &plain).loss);
}

/* A step that is right for finite logits and targets in [0, 1], on any. What is no probability
 * gives NaN. An infinite logit has the slope of the largest finite one, and its loss if that is 0;
 * else the loss is infinite too. */
ALWAYS_INLINE element_result any_logit(element_step *step, element x, const element_options *o) {
  vec infinity = vset1(real_infinity), z = vclamp(x.input), t = nearest_probability(x.target);
  mask outside = is_no_probability(x.target, t);
  element finite = {
      .input = z, .target = vselect(outside, vset1((real)NAN), t), .prepared = prepare_logit(z)};
  element_result r = step(finite, o);
  r.outside = outside;
  mask infinite = veq(vabs(x.input), infinity);
  if (!UNLIKELY(vbits(infinite))) return r;
  mask endless = vand(infinite, logit_is_endless(step, finite, o));
  r.loss = vselect(endless, infinity, r.loss);
  return r;
}

#endif
