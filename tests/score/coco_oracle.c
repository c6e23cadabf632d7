/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "coco_data.h"
#include "testing.h"

/* Detections of a class over all images, at one range, threshold and limit. */
typedef struct found {
  double score;
  int64_t image;
  int hit, ignored;
} found;

typedef struct list {
  found items[MOST_IMAGES * MOST_BOXES];
  size_t count, positives;
} list;

static double iou(const scene *s, size_t d, size_t t, int crowd) {
  const double *a = s->boxes + 4 * d, *b = s->target_boxes + 4 * t;
  if (s->image.similarity) {
    size_t stride = s->image.similarity_stride ? s->image.similarity_stride : s->image.targets;
    return s->similarity[d * stride + t];
  }
  for (int c = 0; c < 4; c++) {
    if (isnan(a[c]) || isnan(b[c])) return (double)NAN;
  }
  if (!(a[2] > 0 && a[3] > 0 && b[2] > 0 && b[3] > 0)) return 0;
  double w = fmin(a[0] + a[2], b[0] + b[2]) - fmax(a[0], b[0]);
  double h = fmin(a[1] + a[3], b[1] + b[3]) - fmax(a[1], b[1]);
  if (w <= 0 || h <= 0) return 0;
  double both = w * h, either = crowd ? a[2] * a[3] : a[2] * a[3] + b[2] * b[3] - both;
  return both / either;
}

static int has(const int64_t *classes, size_t count, int64_t wanted) {
  for (size_t i = 0; i < count; i++) {
    if (classes[i] == wanted) return 1;
  }
  return 0;
}

/* Whether detection a comes before b in its image. */
static int precedes(const scene *s, size_t a, size_t b) {
  return s->scores[a] > s->scores[b] || (s->scores[a] == s->scores[b] && a < b);
}

/* Place of a detection among those of its class, or of all. */
static size_t place_of(const scene *s, size_t d, int of_class) {
  size_t place = 0;
  for (size_t i = 0; i < s->image.detections; i++)
    place += (!of_class || s->classes[i] == s->classes[d]) && precedes(s, i, d);
  return place;
}

static int is_evaluated(const scene *s, size_t d, const vloss_coco_options *o) {
  if (isnan(s->scores[d])) return 0;
  if (o->kind != VLOSS_COCO_LVIS) return 1;
  const vloss_coco_image *m = &s->image;
  return place_of(s, d, 0) < o->max_detections[o->max_detection_count - 1] &&
         (has(s->target_classes, m->targets, s->classes[d]) ||
          has(s->negative, m->negative_count, s->classes[d]));
}

static int is_outside(double area, const double *range) {
  return area < range[0] || area > range[1];
}

/* One image, class, range and threshold; what it finds goes to `to`. */
static void evaluate(const scene *s, const vloss_coco_options *o, int64_t class_id, size_t range,
                     double threshold, size_t limit, list *to) {
  const vloss_coco_image *m = &s->image;
  int lvis = o->kind == VLOSS_COCO_LVIS, taken[MOST_BOXES] = {0}, ignored[MOST_BOXES];
  for (size_t t = 0; t < m->targets; t++) {
    ignored[t] = (s->crowd[t] && !lvis) || s->ignored[t] ||
                 is_outside(s->target_areas[t], o->areas + 2 * range);
    to->positives += s->target_classes[t] == class_id && !ignored[t];
  }
  size_t order[MOST_BOXES], count = 0;
  for (size_t d = 0; d < m->detections; d++) {
    if (s->classes[d] != class_id || !is_evaluated(s, d, o)) continue;
    size_t at = count++;
    for (; at > 0 && precedes(s, d, order[at - 1]); at--) order[at] = order[at - 1];
    order[at] = d;
  }
  for (size_t i = 0; i < count && i < limit; i++) {
    size_t d = order[i], best = MOST_BOXES;
    for (int pass = 0; pass <= 1 && best == MOST_BOXES; pass++) {
      double reach = fmin(threshold, 1 - 1e-10);
      for (size_t t = 0; t < m->targets; t++) {
        int crowd = s->crowd[t] && !lvis;
        if (s->target_classes[t] != class_id || ignored[t] != pass || (taken[t] && !crowd))
          continue;
        double similarity = iou(s, d, t, crowd);
        if (!(similarity >= reach)) continue;
        reach = similarity;
        best = t;
      }
    }
    found *f = &to->items[to->count++];
    *f = (found){s->scores[d], m->image_id, best < MOST_BOXES, 0};
    if (best < MOST_BOXES) {
      taken[best] = 1;
      f->ignored = ignored[best];
    } else {
      double area = m->areas ? s->areas[d] : s->boxes[4 * d + 2] * s->boxes[4 * d + 3];
      f->ignored = is_outside(area, o->areas + 2 * range) ||
                   (lvis && has(s->not_exhaustive, m->not_exhaustive_count, class_id));
    }
  }
}

/* By descending score; what is equal stays as it is. */
static void order(list *l) {
  for (size_t i = 1; i < l->count; i++) {
    found f = l->items[i];
    size_t at = i;
    for (; at > 0 && l->items[at - 1].score < f.score; at--) l->items[at] = l->items[at - 1];
    l->items[at] = f;
  }
}

static double read_list(const list *l, const vloss_coco_options *o, double *precision,
                        double *scores) {
  static double p[MOST_IMAGES * MOST_BOXES], r[MOST_IMAGES * MOST_BOXES];
  double tp = 0, fp = 0;
  for (size_t i = 0; i < l->count; i++) {
    tp += l->items[i].hit && !l->items[i].ignored;
    fp += !l->items[i].hit && !l->items[i].ignored;
    p[i] = tp / (fp + tp + 0x1p-52);
    r[i] = tp / (double)l->positives;
  }
  for (size_t i = l->count; i-- > 1;) p[i - 1] = fmax(p[i], p[i - 1]);
  for (size_t j = 0; j < o->recall_count; j++) {
    size_t i = 0;
    while (i < l->count && r[i] < o->recalls[j]) i++;
    precision[j] = i < l->count ? p[i] : 0;
    scores[j] = i < l->count ? l->items[i].score : 0;
  }
  return l->count ? r[l->count - 1] : 0;
}

void oracle_tables(const dataset *d, const vloss_coco_options *o, double *precision, double *recall,
                   double *scores) {
  static list l;
  double p[128], s[128];
  size_t T = o->threshold_count, R = o->recall_count, K = o->class_count, A = o->area_count,
         M = o->max_detection_count;
  assert_true(R <= 128);
  for (size_t i = 0; i < T * K * A * M; i++) {
    size_t m = i % M, a = i / M % A, k = i / M / A % K, t = i / M / A / K;
    l.count = l.positives = 0;
    for (size_t n = 0; n < d->count; n++)
      evaluate(&d->scenes[n], o, o->classes[k], a, o->thresholds[t], o->max_detections[m], &l);
    order(&l);
    for (size_t j = 0; j < R; j++) p[j] = s[j] = -1;
    recall[i] = l.positives ? read_list(&l, o, p, s) : -1;
    for (size_t j = 0; j < R; j++) {
      size_t at = (((t * R + j) * K + k) * A + a) * M + m;
      precision[at] = p[j];
      scores[at] = s[j];
    }
  }
}

static size_t column_of(const vloss_coco_options *o, int64_t class_id) {
  size_t k = 0;
  while (k < o->class_count && o->classes[k] != class_id) k++;
  return k;
}

/* The pair of highest rank among those that are free; 0 if there is none. */
static int best_pair(const scene *s, const vloss_coco_options *o, const int *used, const int *taken,
                     double threshold, size_t *d, size_t *t) {
  double best = threshold;
  int same = 0, any = 0;
  for (size_t i = 0; i < s->image.detections; i++) {
    for (size_t j = 0; j < s->image.targets; j++) {
      double similarity = iou(s, i, j, 0);
      int equal = s->classes[i] == s->target_classes[j];
      if (used[i] || taken[j] || !(similarity > threshold)) continue;
      if (any && (similarity < best || (similarity == best && equal <= same))) continue;
      any = 1;
      best = similarity;
      same = equal;
      *d = i;
      *t = j;
    }
  }
  (void)o;
  return any;
}

void oracle_confusion(const scene *s, const vloss_coco_options *o, double score_threshold,
                      double threshold, int64_t *matrix) {
  size_t K = o->class_count, d, t;
  int used[MOST_BOXES], taken[MOST_BOXES];
  for (size_t i = 0; i < MOST_BOXES; i++) {
    used[i] = i >= s->image.detections || !(s->scores[i] > score_threshold) ||
              column_of(o, s->classes[i]) == K;
    taken[i] = i >= s->image.targets || s->crowd[i] || s->ignored[i] ||
               column_of(o, s->target_classes[i]) == K;
  }
  while (best_pair(s, o, used, taken, threshold, &d, &t)) {
    used[d] = taken[t] = 1;
    matrix[column_of(o, s->classes[d]) * (K + 1) + column_of(o, s->target_classes[t])]++;
  }
  for (size_t i = 0; i < MOST_BOXES; i++) {
    if (!used[i]) matrix[column_of(o, s->classes[i]) * (K + 1) + K]++;
    if (!taken[i]) matrix[K * (K + 1) + column_of(o, s->target_classes[i])]++;
  }
}
