/* SPDX-License-Identifier: Apache-2.0 */
/* The results of a COCO evaluation: the table, JSON, curves. */
#ifndef VLOSS_TOOLS_COCO_PRINT_H
#define VLOSS_TOOLS_COCO_PRINT_H

#include "coco_match.h"

/* Results of one class, at the first threshold where that matters. */
typedef struct coco_class_result {
  int64_t id;
  const char *name;
  vloss_coco_summary summary;
  vloss_coco_point best; /* of the largest F1 */
} coco_class_result;

typedef struct coco_result {
  vloss_coco_summary summary;
  double calibration;         /* with classes only */
  coco_class_result *classes; /* NULL: not asked for */
  size_t class_count;
} coco_result;

/* Fills a result, reordering the records, and writes the curves if there is a file for them; 0, or
 * an exit code after saying what is wrong. */
int coco_compute(coco_state *state, int per_class, FILE *curves, coco_result *result);

void coco_print(const coco_state *state, const coco_result *result, int json);

#endif
