/* SPDX-License-Identifier: Apache-2.0 */
/* Groups that are contiguous: their sums, and once a loss has made slopes of them, the gradient. */
#ifndef VLOSS_OVERLAP_SUMS_H
#define VLOSS_OVERLAP_SUMS_H

#include "frame/overlap/index.h"
#include "frame/reduce.h"

ALWAYS_INLINE probability activate(vec x, vloss_activation activation) {
  return activation == VLOSS_IDENTITY ? (probability){x, vsub(vset1(1), x)} : vlogistic(x);
}

typedef struct overlap_lanes {
  lanes product, false_positives, false_negatives;
} overlap_lanes;

ALWAYS_INLINE overlap_lanes overlap_lanes_zero(void) {
  return (overlap_lanes){lanes_zero(), lanes_zero(), lanes_zero()};
}

/* A factor of a product that would else be too small for the type. */
ALWAYS_INLINE vec lifted(vec a, int faint) {
  vec root = vset1(sizeof(real) == 4 ? 0x1p90f : (real)0x1p300); /* of OVERLAP_LIFT */
  return faint ? vmul(a, root) : a;
}

ALWAYS_INLINE vec lifted_product(vec a, vec b, int faint) {
  return vmul(lifted(a, faint), lifted(b, faint));
}

ALWAYS_INLINE void overlap_add(overlap_lanes *s, size_t j, probability a, vec t, int squared,
                               int faint) {
  int pairs = !squared && (faint & FAINT_MISTAKES), squares = squared && (faint & FAINT_MISTAKES);
  int products = faint & FAINT_PRODUCT;
  vec false_positive = lifted_product(a.p, vsub(vset1(1), t), pairs);
  vec false_negative = lifted_product(t, a.q, pairs);
  s->product.lane[j] = vfma(lifted(a.p, products), lifted(t, products), s->product.lane[j]);
  if (squared) {
    vec d = lifted(vsub(false_positive, false_negative), squares); /* p - t */
    s->false_positives.lane[j] = vfma(d, d, s->false_positives.lane[j]);
  } else {
    s->false_positives.lane[j] = vadd(s->false_positives.lane[j], false_positive);
    s->false_negatives.lane[j] = vadd(s->false_negatives.lane[j], false_negative);
  }
}

/* A group of elements, or less; `far` if they come from memory. */
ALWAYS_INLINE overlap_lanes overlap_group_sums(const real *input, const real *target, size_t count,
                                               vloss_activation activation, int squared, int faint,
                                               int far) {
  overlap_lanes s = overlap_lanes_zero();
  size_t i = 0;
  for (; i + BLOCK <= count; i += BLOCK) {
    if (far) prefetch_along(input + i, BLOCK);
    if (far) prefetch_along(target + i, BLOCK);
    for (size_t j = 0; j < VECS; j++) {
      size_t at = i + j * LANES;
      overlap_add(&s, j, activate(vload(input + at), activation), vload(target + at), squared,
                  faint);
    }
  }
  for (size_t j = 0; j < VECS && i < count; i += LANES, j++) {
    size_t part = lanes_left(count, i);
    /* a logit of -inf is a probability of 0 */
    real padding = activation == VLOSS_SIGMOID ? -real_infinity : 0;
    probability p = activate(vload_part_or(input + i, part, padding), activation);
    overlap_add(&s, j, p, vload_part(target + i, part), squared, faint);
  }
  return s;
}

ALWAYS_INLINE void overlap_lanes_merge(overlap_lanes *all, const overlap_lanes *s) {
  all->product = lanes_add(all->product, s->product);
  all->false_positives = lanes_add(all->false_positives, s->false_positives);
  all->false_negatives = lanes_add(all->false_negatives, s->false_negatives);
}

ALWAYS_INLINE void overlap_lanes_total(const overlap_lanes *all, totals sums[3]) {
  totals_add_any_lanes(&sums[0], all->product);
  totals_add_any_lanes(&sums[1], all->false_positives);
  totals_add_any_lanes(&sums[2], all->false_negatives);
}

ALWAYS_INLINE void overlap_chunk(const real *input, const real *target, size_t count,
                                 vloss_activation activation, int squared, int faint, int far,
                                 totals sums[3]) {
  overlap_lanes all = overlap_lanes_zero();
  for (size_t i = 0; i < count; i += GROUP) {
    overlap_lanes s = overlap_group_sums(input + i, target + i, smaller(count - i, GROUP),
                                         activation, squared, faint, far);
    overlap_lanes_merge(&all, &s);
  }
  overlap_lanes_total(&all, sums);
}

ALWAYS_INLINE void overlap_add_range(const overlap_job *j, size_t begin, size_t end,
                                     vloss_activation activation, int squared, int faint,
                                     partial *result) {
  totals sums[3] = {totals_zero(), totals_zero(), totals_zero()};
  const real *input = reals(j->base.input, 0), *target = reals(j->target, 0);
  for (size_t i = begin; i < end; i += CHUNK)
    overlap_chunk(input + i, target + i, smaller(end - i, CHUNK), activation, squared, faint,
                  j->base.stream, sums);
  for (int k = 0; k < 3; k++) result->sums[k] = totals_sum(&sums[k]);
}

COLD void overlap_add_faint(const overlap_job *j, size_t begin, size_t end, partial *result) {
  const vloss_overlap_options *o = j->options;
  overlap_add_range(j, begin, end, o->activation, o->squared, j->faint, result);
}

static void overlap_add_all(const overlap_job *j, size_t begin, size_t end, partial *result) {
  int sigmoid = j->options->activation == VLOSS_SIGMOID, squared = j->options->squared;
  if (j->faint)
    overlap_add_faint(j, begin, end, result);
  else if (sigmoid && squared)
    overlap_add_range(j, begin, end, VLOSS_SIGMOID, 1, 0, result);
  else if (sigmoid)
    overlap_add_range(j, begin, end, VLOSS_SIGMOID, 0, 0, result);
  else if (squared)
    overlap_add_range(j, begin, end, VLOSS_IDENTITY, 1, 0, result);
  else
    overlap_add_range(j, begin, end, VLOSS_IDENTITY, 0, 0, result);
}

/* dL/dp = constant + t target + p input */
typedef struct slope_vectors {
  vec constant, target, input;
} slope_vectors;

static inline slope_vectors slopes_open(const overlap_slopes *s) {
  return (slope_vectors){vset1(real_clamp(s->constant)), vset1(real_clamp(s->target)),
                         vset1(real_clamp(s->input))};
}

static inline vec slope_at(const slope_vectors *s, vec p, vec t) {
  return vfma(s->input, p, vfma(s->target, t, s->constant));
}

/* The same through the activation; of the target alone where the input's slope is 0. */
ALWAYS_INLINE vec overlap_slope(const slope_vectors *s, vec x, vec t, vloss_activation activation,
                                int unread) {
  if (unread) return vfma(s->target, t, s->constant);
  probability a = activate(x, activation);
  vec grad = slope_at(s, a.p, t);
  return activation == VLOSS_IDENTITY ? grad : vmul(grad, vmul(a.p, a.q));
}

/* Vector i. */
ALWAYS_INLINE vec overlap_slope_at(const slope_vectors *s, const real *input, const real *target,
                                   size_t i, size_t count, vloss_activation activation,
                                   int unread) {
  vec x = unread ? vset1(0) : vload_part(input + i, count);
  return overlap_slope(s, x, vload_part(target + i, count), activation, unread);
}

ALWAYS_INLINE void overlap_slopes_run(const real *input, const real *target, real *grad,
                                      size_t count, const slope_vectors *s,
                                      vloss_activation activation, int streamed, int unread) {
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    if (streamed && !unread && i % BLOCK == 0) prefetch_along(input + i, BLOCK);
    if (streamed && i % BLOCK == 0) prefetch_along(target + i, BLOCK);
    vec slope = overlap_slope_at(s, input, target, i, LANES, activation, unread);
    if (streamed)
      vstream(grad + i, slope);
    else
      vstore(grad + i, slope);
  }
  size_t rest = count - i;
  if (rest)
    vstore_part(grad + i, overlap_slope_at(s, input, target, i, rest, activation, unread), rest);
}

ALWAYS_INLINE void overlap_run(const real *input, const real *target, real *grad, size_t count,
                               const slope_vectors *s, vloss_activation activation, int streamed) {
  if (activation == VLOSS_IDENTITY && vall(veq(s->input, vset1(0))))
    overlap_slopes_run(input, target, grad, count, s, activation, streamed, 1);
  else
    overlap_slopes_run(input, target, grad, count, s, activation, streamed, 0);
}

ALWAYS_INLINE void overlap_gradient(const overlap_job *j, size_t begin, size_t end,
                                    vloss_activation activation, int streamed) {
  slope_vectors s = slopes_open(j->slopes);
  overlap_run(reals(j->base.input, begin), reals(j->target, begin), reals_out(j->base.grad, begin),
              end - begin, &s, activation, streamed);
}

static void overlap_differentiate(const overlap_job *j, size_t begin, size_t end) {
  int streamed = may_stream(&j->base, reals(j->base.grad, begin));
  int sigmoid = j->options->activation == VLOSS_SIGMOID;
  if (sigmoid && streamed)
    overlap_gradient(j, begin, end, VLOSS_SIGMOID, 1);
  else if (sigmoid)
    overlap_gradient(j, begin, end, VLOSS_SIGMOID, 0);
  else if (streamed)
    overlap_gradient(j, begin, end, VLOSS_IDENTITY, 1);
  else
    overlap_gradient(j, begin, end, VLOSS_IDENTITY, 0);
  if (streamed) vstream_end();
}

#endif
