/* SPDX-License-Identifier: Apache-2.0 */
/* Random images with detections and targets, and a slow evaluation of them that shares nothing with
 * the library: image by image, threshold by threshold, as the definition says it. */
#ifndef VLOSS_TESTS_COCO_DATA_H
#define VLOSS_TESTS_COCO_DATA_H

#include <vloss/coco.h>

enum { MOST_IMAGES = 8, MOST_BOXES = 80, MOST_CLASSES = 6, MOST_CELLS = 64, MOST_LIMITS = 3 };

typedef struct scene {
  vloss_coco_image image; /* points into the arrays */
  double boxes[4 * MOST_BOXES], scores[MOST_BOXES], areas[MOST_BOXES];
  int64_t classes[MOST_BOXES];
  double target_boxes[4 * MOST_BOXES], target_areas[MOST_BOXES];
  int64_t target_classes[MOST_BOXES];
  uint8_t crowd[MOST_BOXES], ignored[MOST_BOXES];
  double similarity[MOST_BOXES * MOST_BOXES];
  int64_t negative[MOST_CLASSES], not_exhaustive[MOST_CLASSES];
} scene;

typedef struct dataset {
  scene scenes[MOST_IMAGES];
  size_t count;
  int64_t classes[MOST_CLASSES];
  size_t class_count;
} dataset;

/* A number in [0, n). */
uint64_t data_below(uint64_t n);
double data_fraction(void);
void data_seed(uint64_t seed);

/* Crowds, ignored targets, areas at the limits of ranges, ties, twins; some with own similarities.
 * Classes and image ids are beyond what doubles hold. */
void data_fill(dataset *d, int with_similarity);

/* The complete options of an evaluation of d. */
vloss_coco_options data_options(const dataset *d, vloss_coco_kind kind);

/* Tables as vloss_coco_accumulate() fills them. */
void oracle_tables(const dataset *d, const vloss_coco_options *o, double *precision, double *recall,
                   double *scores);

/* A matrix as vloss_coco_confusion() adds to it. */
void oracle_confusion(const scene *s, const vloss_coco_options *o, double score_threshold,
                      double threshold, int64_t *matrix);

#endif
