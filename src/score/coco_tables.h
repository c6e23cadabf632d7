/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of an evaluation while they are filled, and the sums of a summary. */
#ifndef VLOSS_SCORE_COCO_TABLES_H
#define VLOSS_SCORE_COCO_TABLES_H

#include "compensated.h"
#include "score/coco.h"

enum { FREQUENCIES = VLOSS_COCO_FREQUENT + 1, AR_SLOTS = VLOSS_COCO_SUMMARY_AR + 1 };

/* A mean in the making. */
typedef struct coco_mean {
  compensated sum;
  size_t count;
} coco_mean;

/* What some classes add to a summary. */
typedef struct coco_sums {
  coco_mean ap[VLOSS_COCO_MAX_CELLS], ap_frequency[FREQUENCIES];
  coco_mean ar[AR_SLOTS][VLOSS_COCO_MAX_CELLS]; /* at the first limits, at the largest */
  size_t detections, targets;
} coco_sums;

typedef struct coco_tables {
  const vloss_coco_options *options;
  double *precision, *recall, *scores; /* each may be NULL */
  size_t classes;
} coco_tables;

static inline void mean_add(coco_mean *mean, double sum, size_t count) {
  sum_merge(&mean->sum, (compensated){sum, 0});
  mean->count += count;
}

/* Fills the places of class k and adds it to the sums. */
void vloss_coco_fill_class(const coco_tables *tables, const vloss_coco_record *records,
                           coco_class c, size_t k, coco_sums *sums);

/* Fills tables that are -1 everywhere, and `summary`. Returns the records of other classes. */
size_t vloss_coco_fill_tables(const coco_tables *tables, const vloss_coco_record *records,
                              size_t count, void *workspace, vloss_coco_summary *summary);

#endif
