/* SPDX-License-Identifier: Apache-2.0 */
#include "math/elementary.h"
#include "score/assign.h"

#include "score/corners.h"

typedef struct target {
  corners corners;
  real best; /* IoU with any prediction, or 0 */
} target;

_Static_assert(sizeof(target) <= ASSIGN_TARGET_SIZE, "the workspace is for both dtypes");

static int corners_of(const assign_job *j, const void *boxes, size_t i, corners *c) {
  real box[4];
  memcpy(box, (const real *)boxes + 4 * i, sizeof box);
  return box_corners(box, j->options->format, j->options->any_corners, c);
}

static size_t prepare(const assign_job *j) {
  size_t degenerate = 0;
  target *targets = j->targets;
  corners c;
  for (size_t k = 0; k < j->m; k++) {
    degenerate += (size_t)corners_of(j, j->boxes, k, &targets[k].corners);
    targets[k].best = 0;
  }
  for (size_t i = 0; i < j->n; i++) degenerate += (size_t)corners_of(j, j->predictions, i, &c);
  return degenerate;
}

static inline int is_comparable(const corners *c) { return c->left == c->left; }

static void best_of_targets(const void *work, size_t begin, size_t end, partial *result) {
  const assign_job *j = work;
  target *targets = j->targets;
  (void)result;
  for (size_t i = 0; i < j->n; i++) {
    corners c;
    (void)corners_of(j, j->predictions, i, &c);
    if (!is_comparable(&c)) continue;
    for (size_t k = begin; k < end; k++) {
      real iou = corners_iou(&c, &targets[k].corners);
      if (iou > targets[k].best && is_comparable(&targets[k].corners)) targets[k].best = iou;
    }
  }
}

/* What a prediction finds among the targets. */
typedef struct finding {
  real iou;
  int64_t best, claim; /* or -1 */
} finding;

static finding find(const assign_job *j, const corners *c) {
  const vloss_assign_options *o = j->options;
  const target *targets = j->targets;
  finding f = {-(real)INFINITY, -1, -1};
  for (size_t k = 0; is_comparable(c) && k < j->m; k++) {
    const target *t = &targets[k];
    if (!is_comparable(&t->corners)) continue;
    real iou = corners_iou(c, &t->corners);
    if (iou > f.iou) {
      f.iou = iou;
      f.best = (int64_t)k;
    }
    if (iou > 0 && iou == t->best && (double)iou >= o->min_iou) f.claim = (int64_t)k;
  }
  return f;
}

static int64_t decide(const finding *f, const vloss_assign_options *o) {
  if (f->claim >= 0 && o->low_quality == VLOSS_LOW_QUALITY_CLAIM) return f->claim;
  if (f->claim >= 0 && o->low_quality == VLOSS_LOW_QUALITY_OWN) return f->best;
  if (f->best < 0) return VLOSS_BACKGROUND;
  if ((double)f->iou >= o->positive) return f->best;
  return (double)f->iou < o->negative ? VLOSS_BACKGROUND : VLOSS_UNDECIDED;
}

static void assign_predictions(const void *work, size_t begin, size_t end, partial *result) {
  const assign_job *j = work;
  real *iou = j->iou;
  (void)result;
  for (size_t i = begin; i < end; i++) {
    corners c;
    (void)corners_of(j, j->predictions, i, &c);
    finding f = find(j, &c);
    j->index[i] = decide(&f, j->options);
    if (iou) iou[i] = f.best < 0 ? 0 : f.iou;
  }
}

#ifdef DTYPE_F64
#define FUNCTIONS vloss_assign_functions_f64
#else
#define FUNCTIONS vloss_assign_functions_f32
#endif
const assign_functions FUNCTIONS = {prepare, best_of_targets, assign_predictions};
