/* SPDX-License-Identifier: Apache-2.0 */
/* The confusion matrix of an image. Taking pairs by descending similarity gives the one stable
 * matching of detections and targets that rank each other by the same order of pairs, so it is
 * found by proposals (Gale and Shapley 1962), without an array of pairs. */
#include "score/coco.h"

#define NONE SIZE_MAX

typedef struct confusion {
  const vloss_coco_image *image;
  const vloss_coco_options *options;
  double threshold;
  size_t *asked;   /* by detection: the target that it asked last, or NONE */
  size_t *partner; /* by target: the detection that it holds, or NONE */
} confusion;

/* A pair, as one side sees it. */
typedef struct choice {
  double similarity;
  int differs; /* in class */
  size_t other;
} choice;

static int is_before(choice a, choice b) {
  if (a.similarity != b.similarity) return a.similarity > b.similarity;
  return a.differs != b.differs ? a.differs < b.differs : a.other < b.other;
}

/* The index of a class, or NONE. */
static size_t class_index(const vloss_coco_options *o, int64_t class_id) {
  size_t low = 0, high = o->class_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (o->classes[middle] < class_id)
      low = middle + 1;
    else
      high = middle;
  }
  return low < o->class_count && o->classes[low] == class_id ? low : NONE;
}

/* The index of the class of a target that takes part, or NONE. */
static size_t target_class(const confusion *w, size_t j) {
  const vloss_coco_image *image = w->image;
  if (image->target_crowd && image->target_crowd[j] != 0) return NONE;
  if (image->target_ignored && image->target_ignored[j] != 0) return NONE;
  return class_index(w->options, class_of(image->target_classes, j));
}

static size_t detection_class(const confusion *w, size_t i, double score_threshold) {
  if (!(w->image->scores[i] > score_threshold)) return NONE;
  return class_index(w->options, class_of(w->image->classes, i));
}

static choice choice_of(const confusion *w, size_t i, size_t j, size_t other) {
  const vloss_coco_image *image = w->image;
  int differs = class_of(image->classes, i) != class_of(image->target_classes, j);
  return (choice){coco_similarity(image, i, j, 0), differs, other};
}

/* The target that detection i asks next, or NONE. */
static size_t next_target(const confusion *w, size_t i) {
  choice last = {0, 0, NONE}, best = {0, 0, NONE};
  if (w->asked[i] != NONE) last = choice_of(w, i, w->asked[i], w->asked[i]);
  for (size_t j = 0; j < w->image->targets; j++) {
    choice c = choice_of(w, i, j, j);
    if (!(c.similarity > w->threshold) || (best.other != NONE && !is_before(c, best))) continue;
    if (last.other != NONE && !is_before(last, c)) continue;
    if (target_class(w, j) != NONE) best = c;
  }
  return best.other;
}

/* Finds a target for detection i, and for those that it drives out. */
static void propose(const confusion *w, size_t i) {
  while (i != NONE) {
    size_t j = w->asked[i] = next_target(w, i);
    if (j == NONE) return;
    size_t holder = w->partner[j];
    if (holder != NONE && is_before(choice_of(w, holder, j, holder), choice_of(w, i, j, i)))
      continue;
    w->partner[j] = i;
    i = holder;
  }
}

static void count_pairs(const confusion *w, double score_threshold, int64_t *matrix) {
  size_t background = w->options->class_count, width = background + 1;
  for (size_t i = 0; i < w->image->detections; i++) {
    size_t row = detection_class(w, i, score_threshold);
    if (row != NONE && w->asked[i] == NONE) matrix[row * width + background]++;
  }
  for (size_t j = 0; j < w->image->targets; j++) {
    size_t column = target_class(w, j), i = w->partner[j];
    if (column == NONE) continue;
    size_t row = i == NONE ? background : detection_class(w, i, score_threshold);
    matrix[row * width + column]++;
  }
}

size_t vloss_coco_confuse(const vloss_coco_image *image, const vloss_coco_options *o,
                          double score_threshold, double threshold, void *workspace,
                          int64_t *matrix) {
  size_t *asked = coco_align(workspace), counted = 0;
  confusion w = {image, o, threshold, asked, asked + image->detections};
  for (size_t i = 0; i < image->detections; i++) w.asked[i] = NONE;
  for (size_t j = 0; j < image->targets; j++) w.partner[j] = NONE;
  for (size_t i = 0; i < image->detections; i++) {
    if (detection_class(&w, i, score_threshold) == NONE) continue;
    counted++;
    propose(&w, i);
  }
  count_pairs(&w, score_threshold, matrix);
  return counted;
}
