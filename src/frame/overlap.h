/* SPDX-License-Identifier: Apache-2.0 */
/* Losses of a group's sums: sums first, then the loss's own terms, then the gradient. */
#ifndef VLOSS_OVERLAP_H
#define VLOSS_OVERLAP_H

#include "frame/overlap_index.h"
#include "frame/reduce.h"

ALWAYS_INLINE probability activate(vec x, vloss_activation activation) {
  return activation == VLOSS_IDENTITY ? (probability){x, vsub(vset1(1), x)} : vlogistic(x);
}

typedef struct overlap_lanes {
  lanes product, false_positives, false_negatives;
} overlap_lanes;

ALWAYS_INLINE void overlap_add(overlap_lanes *s, size_t j, probability a, vec t, int squared) {
  vec false_positive = vmul(a.p, vsub(vset1(1), t)), false_negative = vmul(t, a.q);
  s->product.lane[j] = vfma(a.p, t, s->product.lane[j]);
  if (squared) {
    vec d = vsub(false_positive, false_negative); /* p - t */
    s->false_positives.lane[j] = vfma(d, d, s->false_positives.lane[j]);
  } else {
    s->false_positives.lane[j] = vadd(s->false_positives.lane[j], false_positive);
    s->false_negatives.lane[j] = vadd(s->false_negatives.lane[j], false_negative);
  }
}

/* A group of elements, or less. */
ALWAYS_INLINE overlap_lanes overlap_group_sums(const real *input, const real *target, size_t count,
                                               vloss_activation activation, int squared) {
  overlap_lanes s = {lanes_zero(), lanes_zero(), lanes_zero()};
  size_t i = 0;
  for (; i + BLOCK <= count; i += BLOCK)
    for (size_t j = 0; j < VECS; j++) {
      size_t at = i + j * LANES;
      overlap_add(&s, j, activate(vload(input + at), activation), vload(target + at), squared);
    }
  for (size_t j = 0; j < VECS && i < count; i += LANES, j++) {
    size_t part = lanes_left(count, i);
    /* a logit of -inf is a probability of 0 */
    real padding = activation == VLOSS_SIGMOID ? -real_infinity : 0;
    probability p = activate(vload_part_or(input + i, part, padding), activation);
    overlap_add(&s, j, p, vload_part(target + i, part), squared);
  }
  return s;
}

ALWAYS_INLINE void overlap_chunk(const real *input, const real *target, size_t count,
                                 vloss_activation activation, int squared, totals sums[3]) {
  overlap_lanes all = {lanes_zero(), lanes_zero(), lanes_zero()};
  for (size_t i = 0; i < count; i += GROUP) {
    overlap_lanes s =
        overlap_group_sums(input + i, target + i, smaller(count - i, GROUP), activation, squared);
    all.product = lanes_add(all.product, s.product);
    all.false_positives = lanes_add(all.false_positives, s.false_positives);
    all.false_negatives = lanes_add(all.false_negatives, s.false_negatives);
  }
  totals_add_any_lanes(&sums[0], all.product);
  totals_add_any_lanes(&sums[1], all.false_positives);
  totals_add_any_lanes(&sums[2], all.false_negatives);
}

ALWAYS_INLINE void overlap_add_range(const overlap_job *j, size_t begin, size_t end,
                                     vloss_activation activation, int squared, partial *result) {
  totals sums[3] = {totals_zero(), totals_zero(), totals_zero()};
  const real *input = reals(j->base.input, 0), *target = reals(j->target, 0);
  for (size_t i = begin; i < end; i += CHUNK)
    overlap_chunk(input + i, target + i, smaller(end - i, CHUNK), activation, squared, sums);
  for (int k = 0; k < 3; k++) result->sums[k] = totals_sum(&sums[k]);
}

static void overlap_add_all(const overlap_job *j, size_t begin, size_t end, partial *result) {
  int sigmoid = j->options->activation == VLOSS_SIGMOID, squared = j->options->squared;
  if (sigmoid && squared)
    overlap_add_range(j, begin, end, VLOSS_SIGMOID, 1, result);
  else if (sigmoid)
    overlap_add_range(j, begin, end, VLOSS_SIGMOID, 0, result);
  else if (squared)
    overlap_add_range(j, begin, end, VLOSS_IDENTITY, 1, result);
  else
    overlap_add_range(j, begin, end, VLOSS_IDENTITY, 0, result);
}

/* (constant + t target + p input), through the activation */
typedef struct overlap_slopes {
  vec constant, target, input;
} overlap_slopes;

ALWAYS_INLINE vec overlap_slope(overlap_slopes s, vec x, vec t, vloss_activation activation) {
  probability a = activate(x, activation);
  vec grad = vfma(s.input, a.p, vfma(s.target, t, s.constant));
  return activation == VLOSS_IDENTITY ? grad : vmul(grad, vmul(a.p, a.q));
}

ALWAYS_INLINE void overlap_gradient(const overlap_job *j, size_t begin, size_t end,
                                    vloss_activation activation, int streamed) {
  const real *input = reals(j->base.input, 0), *target = reals(j->target, 0);
  real *grad = reals_out(j->base.grad, 0);
  double factor = j->base.grad_factor;
  overlap_slopes s = {vset1(real_clamp(factor * j->group->slope)),
                      vset1(real_clamp(factor * j->group->slope_target)),
                      vset1(real_clamp(factor * j->group->slope_input))};
  size_t i = begin;
  for (; i + LANES <= end; i += LANES) {
    vec slope = overlap_slope(s, vload(input + i), vload(target + i), activation);
    if (streamed)
      vstream(grad + i, slope);
    else
      vstore(grad + i, slope);
  }
  if (i < end)
    vstore_part(grad + i,
                overlap_slope(s, vload_part(input + i, end - i), vload_part(target + i, end - i),
                              activation),
                end - i);
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

/* The loss of an index D and its slope dL/dD: (1 - D)^gamma from the distance 1 - D, or -ln D. */
typedef struct overlap_outer {
  vec loss, slope;
} overlap_outer;

static inline overlap_outer overlap_focal(vec distance, vec gamma) {
  vec one = vset1(1), zero = vset1(0);
  mask plain = veq(gamma, one), perfect = veq(distance, zero);
  vec base = vmin(one, distance); /* beyond [0, 1] only for inputs that are */
  vec loss = vpow_unit(base, gamma);
  /* gamma distance^(gamma - 1), by the quotient: the exponent may be negative */
  vec slope = vselect(perfect, zero, vdiv(vmul(gamma, loss), base));
  loss = vselect(veq(distance, distance), vselect(plain, distance, loss), distance);
  return (overlap_outer){loss, vneg(vselect(plain, one, slope))};
}

static inline overlap_outer overlap_log(vec index) {
  vec positive = vmax(vset1(real_min_normal), index);
  return (overlap_outer){vmax(vset1(0), vneg(vlog(positive))), vneg(vdiv(vset1(1), positive))};
}

/* Sums are in units of 2^40 up to here. */
ALWAYS_INLINE void overlap_terms(const overlap_job *j, overlap_step *step) {
  overlap_group *g = j->group;
  const vloss_overlap_options *o = j->options;
  vec zero = vset1(0), one = vset1(1);
  overlap_sums s = {vset1_sum(g->sums[0]), vset1_sum(g->sums[1]), vset1_sum(g->sums[2])};
  overlap_index d = step(s, o);
  mask empty = vlt(vabs(d.denominator), vset1(real_min_normal));
  vec inverse = vselect(empty, zero, vdiv(one, d.denominator));
  vec index = vselect(empty, one, vdiv(d.numerator, d.denominator));
  vec distance = vmax(zero, vselect(empty, zero, vdiv(d.difference, d.denominator)));
  overlap_outer outer =
      o->log ? overlap_log(index) : overlap_focal(distance, vset1(real_clamp(o->gamma)));
  vec factor = vmul(outer.slope, inverse);
  vec results[4] = {
      outer.loss,
      vmul(factor, vneg(vmul(index, d.denominator_constant))),
      vmul(factor, vsub(d.numerator_target, vmul(index, d.denominator_target))),
      vmul(factor, vneg(vmul(index, d.denominator_input))),
  };
  real values[4 * LANES];
  for (size_t k = 0; k < 4; k++) vstore(values + k * LANES, results[k]);
  g->loss = (double)values[0];
  g->slope = (double)values[LANES];
  g->slope_target = (double)values[2 * LANES];
  g->slope_input = (double)values[3 * LANES];
}

ALWAYS_INLINE void overlap_rare(const void *work, size_t begin, size_t end, partial *result,
                                overlap_step *step) {
  (void)begin, (void)end, (void)result;
  overlap_terms(work, step);
}

ALWAYS_INLINE void overlap(const void *work, size_t begin, size_t end, partial *result,
                           overlap_step *step, kernel *rare) {
  (void)step;
  const overlap_job *j = work;
  if (j->phase == OVERLAP_SUMS)
    overlap_add_all(j, begin, end, result);
  else if (j->phase == OVERLAP_TERMS)
    rare(work, begin, end, result);
  else
    overlap_differentiate(j, begin, end);
}

#endif
