/* SPDX-License-Identifier: Apache-2.0 */
/* Object keypoint similarity of rows of detections with all targets. */
#ifndef VLOSS_SCORE_OKS_H
#define VLOSS_SCORE_OKS_H

#include "job.h"

enum { OKS_NUMBERS = 3 }; /* of a point */

typedef struct oks_job {
  const double *detections, *targets, *areas, *boxes, *sigmas;
  size_t m, points, row_stride;
  double *out;
} oks_job;

/* How many points of a target are visible. */
size_t vloss_oks_visible(const double *target, size_t points);

kernel vloss_oks_rows; /* units: detections */

#endif
