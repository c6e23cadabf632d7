/* SPDX-License-Identifier: Apache-2.0 */
/* What the api hands to a scoring kernel. */
#ifndef VLOSS_SCORE_JOBS_H
#define VLOSS_SCORE_JOBS_H

#include <vloss/score.h>

#include "kernel.h"

/* An array of boxes. */
typedef struct box_source {
  const void *data;
  vloss_box_format format;
  int any_corners;
  int integers; /* int32_t instead of numbers of the dtype */
} box_source;

/* Units: first boxes; of top k second boxes. A kernel has what it needs. */
typedef struct similarity_job {
  box_source first, second;
  size_t n, m;
  vloss_similarity_kind kind;
  const uint8_t *crowd; /* per second box, or NULL */
  void *out;            /* matrix, paired */
  size_t stride;
  int stream;  /* out is larger than the caches: write around them */
  void *value; /* best: or NULL; top k */
  int64_t *index;
  size_t k;
  double threshold;
  size_t step;   /* first boxes of a part */
  size_t *found; /* pairs of each part; when they are written, those of all parts before it */
  vloss_similarity_pair *pairs;
} similarity_job;

#endif
