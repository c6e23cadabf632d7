/* SPDX-License-Identifier: Apache-2.0 */
/* vloss nms: what its two kinds of files have in common. */
#ifndef VLOSS_TOOLS_NMS_H
#define VLOSS_TOOLS_NMS_H

#include <vloss/score.h>

#include "npy.h"

/* Options that are files; boxes or results at 0. */
enum { NMS_BOXES, NMS_SCORES, NMS_CLASSES, NMS_OUT, NMS_SCORES_OUT, NMS_PATHS };

typedef struct suppression {
  const char *paths[NMS_PATHS];
  vloss_nms_options options;
  double threshold;
  int prints_summary;         /* what is left goes to a file, or nowhere */
  size_t boxes, count;        /* that there were, and that are left */
  size_t counted, degenerate; /* as of the reports */
} suppression;

/* Arrays of boxes, scores (or NULL) and classes (or NULL) in one type, and where the result goes:
 * as much room as there are boxes. */
typedef struct suppression_arrays {
  npy_type type;
  size_t n, count;
  const void *boxes, *scores;
  const int64_t *classes;
  void *workspace;
  size_t workspace_size;
  int64_t *kept;
  void *kept_scores;
} suppression_arrays;

/* Each of these returns 0, or an exit code after saying what is wrong. */

/* Suppress, and add to what `s` counts. */
int nms_run(suppression *s, suppression_arrays *arrays);

/* A suppression of arrays, and of a file of COCO's results: whole, but for the summary. */
int nms_arrays(suppression *s);
int nms_results(suppression *s);

#endif
