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

/* The slopes of a group, times what multiplies its gradient. */
static inline overlap_slopes group_slopes(const overlap_group *g, double factor) {
  if (factor > DBL_MAX) factor = DBL_MAX; /* a slope of 0 stays 0 */
  if (factor < -DBL_MAX) factor = -DBL_MAX;
  return (overlap_slopes){factor * g->slope, factor * g->slope_target, factor * g->slope_input, 0};
}

/* All groups of the call; returns the sum of weight x loss. */
compensated vloss_planes_run(const planes_call *c);

#endif
