/* SPDX-License-Identifier: Apache-2.0 */
/* Max-IoU assignment in either dtype: what the api hands to assign_rows.c. */
#ifndef VLOSS_SCORE_ASSIGN_H
#define VLOSS_SCORE_ASSIGN_H

#include <vloss/assign.h>

#include "job.h"

typedef struct assign_job {
  const void *predictions, *boxes; /* n x 4 and m x 4 of the caller */
  size_t n, m;
  const vloss_assign_options *options;
  void *targets; /* workspace: m structs of assign_rows.c */
  int64_t *index;
  void *iou; /* or NULL */
} assign_job;

/* Fills in the targets and returns how many boxes of either kind are degenerate. */
typedef size_t assign_prepare(const assign_job *job);

typedef struct assign_functions {
  assign_prepare *prepare;
  kernel *best; /* the best IoU of each target; units: targets */
  kernel *rows; /* units: predictions */
} assign_functions;

extern const assign_functions vloss_assign_functions_f32, vloss_assign_functions_f64;

/* Bytes of the workspace for a target, of either dtype. */
enum { ASSIGN_TARGET_SIZE = 48 };

#endif
