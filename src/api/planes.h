/* SPDX-License-Identifier: Apache-2.0 */
/* Overlap losses of images whose channels are planes: groups that run through several images, and
 * groups that a softmax over the channels couples. */
#ifndef VLOSS_PLANES_API_H
#define VLOSS_PLANES_API_H

#include <float.h>

#include "api/check.h"

typedef struct planes_call {
  const request *request;
  job base;
  const void *target;
  const vloss_overlap_options *options;
  kernel *sums_and_gradient, *terms;
  size_t images, channels, inner;
} planes_call;

/* Which products of a group were too small for the dtype, so that the sums must be made again:
 * where neither smoothing nor other products hide what is lost. Where nothing is there, nothing
 * is. */
static inline int faint_products(const request *r, const vloss_overlap_options *o,
                                 const compensated sums[3], size_t size) {
  double least = (double)size * (r->dtype == VLOSS_F64 ? DBL_MIN : (double)FLT_MIN * SUM_UNIT);
  double product = sums[0].value, positives = sums[1].value, negatives = sums[2].value;
  int exact = r->dtype == VLOSS_F32 && !o->squared; /* the double sums of mistakes */
  if (!(fabs(product) + o->smoothing * SUM_UNIT < least)) return 0;
  if (exact && product == 0 && (positives == 0 || negatives == 0)) return 0;
  int small = fabs(positives) < least && fabs(negatives) < least;
  return small ? FAINT_PRODUCT | FAINT_MISTAKES : FAINT_PRODUCT;
}

/* A group from its sums. What exceeds the type when it is lifted cancels, and is next to
 * nothing. */
static inline overlap_group group_of(const request *r, const compensated sums[3], int faint) {
  double lift = r->dtype == VLOSS_F64 ? OVERLAP_LIFT_F64 : OVERLAP_LIFT_F32;
  overlap_group g = {.lift = faint ? lift : 1};
  for (int k = 0; k < 3; k++) {
    double down = k > 0 && (faint & FAINT_MISTAKES) ? 1 / lift : 1;
    int lost = faint && sums[k].value - sums[k].value != 0;
    if (!lost) g.sums[k] = (compensated){sums[k].value * down, sums[k].error * down};
  }
  return g;
}

/* What multiplies the gradient of a group. */
static inline double group_factor(const request *r, const job *base, size_t group) {
  int exponent = 0;
  double weight = digits_of(request_number(r, base->weight, group, 1), &exponent);
  double upstream = digits_of(request_number(r, base->grad_output, group, 1), &exponent);
  double digits = digits_of(base->grad_factor, &exponent) * (weight * upstream);
  return from_digits(digits, exponent);
}

/* The slopes of a group, times that, in the dtype: a slope of 0 stays 0, and their sum is finite.
 * Nothing, of a factor of 0. */
static inline overlap_slopes group_slopes(const request *r, const overlap_group *g, double factor) {
  double steepest = fmax(fabs(g->slope), fmax(fabs(g->slope_target), fabs(g->slope_input)));
  double largest = r->dtype == VLOSS_F64 ? DBL_MAX : (double)FLT_MAX;
  double most = fmin(DBL_MAX, largest / 4 / steepest);
  if (request_is_zero(r, factor)) return (overlap_slopes){.weightless = 1};
  if (factor > most) factor = most; /* in this order NaN stays */
  if (factor < -most) factor = -most;
  return (overlap_slopes){factor * g->slope, factor * g->slope_target, factor * g->slope_input, 0};
}

/* All groups of the call; returns the sum of weight x loss. */
compensated vloss_planes_run(const planes_call *c);

#endif
