/* SPDX-License-Identifier: Apache-2.0 */
/* What COCO evaluation is made of: ordered keys, ordered records. All lists of the options are
 * there. */
#ifndef VLOSS_SCORE_COCO_H
#define VLOSS_SCORE_COCO_H

#include <math.h>
#include <string.h>

#include <vloss/coco.h>

#include "api/split.h"

typedef struct coco_key {
  uint64_t word; /* what is sorted by */
  size_t index;
} coco_key;

/* Stable; `spare` has room for as many keys. */
void vloss_coco_sort(coco_key *keys, coco_key *spare, size_t count);

/* The first of the ordered keys whose word is not less, or their number. */
size_t vloss_coco_find(const coco_key *keys, size_t count, uint64_t word);

/* Words in the order of their numbers. */
static inline uint64_t integer_key(int64_t value) { return (uint64_t)value ^ (uint64_t)1 << 63; }

/* The same, descending; -0 is +0. Not for NaN. No key is UINT64_MAX. */
static inline uint64_t descending_key(double value) {
  uint64_t bits;
  value += 0.0; /* -0 becomes +0 */
  memcpy(&bits, &value, sizeof bits);
  return bits >> 63 ? bits : ~bits & UINT64_MAX >> 1;
}

/* How many tasks are worth running where one is worth `grain` units: from the sizes only. */
static inline size_t task_count(uint64_t units, uint64_t grain) {
  uint64_t tasks = units / grain;
  return tasks < 1 ? 1 : tasks < TASKS_MOST ? (size_t)tasks : TASKS_MOST;
}

/* Where the share of a task ends, about: units / tasks * (task + 1). */
static inline uint64_t share_end(uint64_t units, size_t tasks, size_t task) {
  return task + 1 == tasks ? units : units / tasks * (task + 1);
}

/* Runs the tasks [0, tasks), each as a unit of `run`. */
static inline void run_tasks(const vloss_executor *executor, kernel *run, const void *work,
                             size_t tasks) {
  partial none;
  split_run(run, work, (division){tasks, 1, 1}, 0, executor, &none);
}

/* An image's records, which are written if there is room for them all. */
typedef struct coco_matched {
  size_t records, detections; /* of them */
} coco_matched;

coco_matched vloss_coco_match_image(const vloss_coco_image *image, const vloss_coco_options *o,
                                    void *workspace, size_t capacity, vloss_coco_record *records);

/* Orders records; those that are there once more come behind the others. The number of others. The
 * workspace is vloss_coco_accumulate_workspace(count). */
size_t vloss_coco_order(vloss_coco_record *records, size_t count, const vloss_executor *executor,
                        void *workspace);

/* Bytes of the workspaces, each with COCO_ALIGNMENT to spare. That of records is free again when
 * they are in order. */
enum {
  COCO_ALIGNMENT = 16,
  COCO_PER_DETECTION = 2 * sizeof(coco_key),
  COCO_PER_TARGET = 4 * sizeof(coco_key) + sizeof(double) + 2 * sizeof(uint64_t),
  COCO_PER_RECORD = sizeof(coco_key) + sizeof(vloss_coco_record),
  COCO_PER_PARTNER = sizeof(size_t) /* confusion: of either side */
};

/* How many classes ordered records have, and which, up to a capacity. */
size_t vloss_coco_list(const vloss_coco_record *records, size_t count, size_t capacity,
                       int64_t *classes);

/* The first record at or behind `at` with which a class begins. */
size_t vloss_coco_next_class(const vloss_coco_record *records, size_t count, size_t at);

/* Records [begin, end) of one class, in order. */
typedef struct coco_class {
  int64_t class_id;
  size_t begin, targets, end; /* detections are [begin, targets) */
} coco_class;

/* The class that begins at record `begin`. */
coco_class vloss_coco_class_at(const vloss_coco_record *records, size_t count, size_t begin);

/* The records of a class, which may have none. */
coco_class vloss_coco_class_of(const vloss_coco_record *records, size_t count, int64_t class_id);

/* The points of a class at one threshold, into `points` if there are any, and the best of them. */
size_t vloss_coco_trace(const vloss_coco_record *records, size_t count, const vloss_coco_options *o,
                        int64_t class_id, size_t threshold, vloss_coco_point *points,
                        vloss_coco_point *best);

double vloss_coco_integrate(const vloss_coco_point *points, size_t count,
                            vloss_coco_integral integral);

enum { COCO_BINS_MOST = 1000 };

/* The calibration error, over as many detections as it says. */
double vloss_coco_calibrate(const vloss_coco_record *records, size_t count,
                            const vloss_coco_options *o, size_t threshold, size_t bins,
                            size_t *detections);

/* Adds an image to the matrix; returns how many detections take part. */
size_t vloss_coco_confuse(const vloss_coco_image *image, const vloss_coco_options *o,
                          double score_threshold, double threshold, void *workspace,
                          int64_t *matrix);

/* The bits of all thresholds, in the first area range. */
static inline uint64_t threshold_bits(const vloss_coco_options *o) {
  return o->threshold_count == 64 ? UINT64_MAX : ((uint64_t)1 << o->threshold_count) - 1;
}

static inline uint64_t range_bits(const vloss_coco_options *o, size_t range) {
  return threshold_bits(o) << range * o->threshold_count;
}

static inline size_t largest_limit(const vloss_coco_options *o) {
  return o->max_detections[o->max_detection_count - 1];
}

/* An aligned place in a workspace; NULL stays NULL. */
static inline void *coco_align(void *workspace) {
  if (!workspace) return NULL;
  size_t over = (uintptr_t)workspace % COCO_ALIGNMENT;
  return (char *)workspace + (over ? COCO_ALIGNMENT - over : 0);
}

static inline int has_nan(const double *box) {
  return box[0] != box[0] || box[1] != box[1] || box[2] != box[2] || box[3] != box[3];
}

static inline double lower_of(double a, double b) { return a < b ? a : b; }
static inline double higher_of(double a, double b) { return a > b ? a : b; }

/* Extents <= 0 leave width or height <= 0. */
static inline double box_similarity(const double *d, const double *t, int crowd) {
  double width = lower_of(d[0] + d[2], t[0] + t[2]) - higher_of(d[0], t[0]);
  double height = lower_of(d[1] + d[3], t[1] + t[3]) - higher_of(d[1], t[1]);
  if (has_nan(d) || has_nan(t)) return NAN; /* which a comparison may have lost */
  if (width <= 0 || height <= 0) return 0;
  double overlap = width * height, area = d[2] * d[3];
  return overlap / (crowd ? area : area + t[2] * t[3] - overlap);
}

/* Similarity of a detection and a target: the caller's, or of their boxes. */
static inline double coco_similarity(const vloss_coco_image *image, size_t detection, size_t target,
                                     int crowd) {
  if (image->similarity) return image->similarity[detection * image->similarity_stride + target];
  return box_similarity(image->boxes + 4 * detection, image->target_boxes + 4 * target, crowd);
}

static inline int is_crowd(const vloss_coco_image *image, const vloss_coco_options *o,
                           size_t target) {
  return o->kind != VLOSS_COCO_LVIS && image->target_crowd && image->target_crowd[target] != 0;
}

static inline int64_t class_of(const int64_t *classes, size_t i) {
  return classes ? classes[i] : 0;
}

#endif
