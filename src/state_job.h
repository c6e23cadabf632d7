/* SPDX-License-Identifier: Apache-2.0 */
/* What the api hands to the kernel of softmax states. */
#ifndef VLOSS_STATE_JOB_H
#define VLOSS_STATE_JOB_H

#include <vloss/state.h>

#include "job.h"

typedef enum state_phase {
  STATE_TOPS,          /* the doubles of states in which nothing is known */
  STATE_SUMS,          /* their integers, relative to those */
  STATE_CROSS_ENTROPY, /* loss and gradient */
  STATE_FOCAL_SOFTMAX,
  STATE_ENTROPY
} state_phase;

/* Units: rows. */
typedef struct state_job {
  rows_job rows; /* `classes` are those of whole rows; input and grad are those of the shard */
  state_phase phase;
  size_t first_class, classes; /* of the shard */
  vloss_softmax_state *states; /* of the rows from first_row on */
  size_t first_row;
  int smoothed, entropy; /* sums: further ones */
  int weight_exponent;   /* 2 to it is just above the largest class weight */
} state_job;

#endif
