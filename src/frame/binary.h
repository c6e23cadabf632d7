/* SPDX-License-Identifier: Apache-2.0 */
/* The loop over logits and probabilities. A step is right for finite logits and targets in [0, 1];
 * what is not is made good here, out of the way of the loop. NaN goes through either; and infinite
 * logits may, where their slopes come out right: their losses do not, but are never finite, so that
 * the sum is made again. */
#ifndef VLOSS_BINARY_H
#define VLOSS_BINARY_H

#include "frame/logit.h"

enum { BINARY_EXPONENT = 2 }; /* its parameter, of losses that have one */

/* Whether the losses of infinite logits are infinite: as with any soft target for a soft one, and
 * without the exponent. What the limit multiplies may be too small for the type. */
ALWAYS_INLINE mask binary_endless(pairwise_prepare *prepare, pairwise_finish *finish, vec finite,
                                  vec target, const vec *parameters) {
  vec zero = vset1(0), plain[PAIRWISE_PARAMETERS];
  memcpy(plain, parameters, sizeof plain);
  plain[BINARY_EXPONENT] = zero;
  mask soft = vand(vlt(zero, target), vlt(target, vset1(1)));
  target = vselect(soft, vset1((real)0.75), target);
  return vlt(zero, finish(prepare(finite), finite, target, zero, plain).loss);
}

/* What is no probability gives NaN. An infinite logit has the slope of the largest finite one, and
 * its loss if that is 0; else the loss is infinite too. */
ALWAYS_INLINE pair binary_any(pairwise_prepare *prepare, pairwise_finish *finish, vec z, vec target,
                              vec upstream, const vec *parameters, size_t *degenerate) {
  vec infinity = vset1(real_infinity);
  vec finite = vclamp(z), t = nearest_probability(target);
  mask outside = is_no_probability(target, t);
  *degenerate += count_bits(vbits(outside)); /* padding is 0 */
  t = vselect(outside, vset1((real)NAN), t);
  pair r = finish(prepare(finite), finite, t, upstream, parameters);
  mask infinite = veq(vabs(z), infinity);
  if (!UNLIKELY(vbits(infinite))) return r;
  mask endless = vand(infinite, binary_endless(prepare, finish, finite, t, parameters));
  r.loss = vselect(endless, infinity, r.loss);
  return r;
}

static const element_watch binary_watch = {unit_look, unit_ordinary};

/* Positives have no weight. */
static const usual_parameter binary_usual = {1, 0};

ALWAYS_INLINE void binary_rare(const void *work, size_t begin, size_t end, partial *result,
                               pairwise_finish *finish) {
  pairwise_form f = {.prepare = prepare_logit, .finish = finish, .any = binary_any};
  pairwise_chunks(work, begin, end, result, f);
}

ALWAYS_INLINE void binary(const void *work, size_t begin, size_t end, partial *result,
                          pairwise_finish *finish, kernel *rare) {
  pairwise_form f = {
      .prepare = prepare_logit, .finish = finish, .watch = &binary_watch, .rare = rare};
  pairwise_usual(work, begin, end, result, f, &binary_usual);
}

#endif
