/* SPDX-License-Identifier: Apache-2.0 */
#include "score/fusion.h"

#include <string.h>

#include "labels.h"

/* Whether one item comes before another; a total order. */
typedef int comes_before(const fusion *f, size_t a, size_t b);

/* Sorts f->order, with f->spare. */
static void sort_items(fusion *f, size_t n, comes_before *before) {
  for (size_t width = 1; width < n; width *= 2) {
    for (size_t begin = 0, at = 0; begin < n; begin += 2 * width) {
      size_t middle = n - begin > width ? begin + width : n;
      size_t end = n - begin > 2 * width ? begin + 2 * width : n;
      for (size_t i = begin, k = middle; at < end; at++) {
        int second = i == middle || (k < end && before(f, f->order[k], f->order[i]));
        f->spare[at] = second ? f->order[k++] : f->order[i++];
      }
    }
    size_t *swap = f->order;
    f->order = f->spare;
    f->spare = swap;
  }
}

static double number_at(const fusion *f, const void *numbers, size_t i) {
  return f->width == sizeof(double) ? ((const double *)numbers)[i]
                                    : (double)((const float *)numbers)[i];
}

int64_t vloss_fusion_class(const fusion *f, size_t i) {
  return f->classes.data ? label_at(f->classes, i) : 0;
}

/* Boxes and their weights: descending weight, then index. */
static int weighs_more(const fusion *f, size_t a, size_t b) {
  double s = f->weighted[a], t = f->weighted[b];
  return s != t ? s > t : a < b;
}

static int comes_first(const fusion *f, size_t a, size_t b) {
  int64_t s = vloss_fusion_class(f, a), t = vloss_fusion_class(f, b);
  return s != t ? s < t : weighs_more(f, a, b);
}

/* Clusters: descending score, NaN last, then as they were opened. */
static int scores_more(const fusion *f, size_t a, size_t b) {
  double s = f->clusters[a].score, t = f->clusters[b].score;
  if (s > t || (s == s && t != t)) return 1;
  if (s < t || (s != s && t == t)) return 0;
  return weighs_more(f, f->clusters[a].first, f->clusters[b].first);
}

/* A box, of which inverted axes become their centres. */
static int load_box(const fusion *f, size_t i, double box[4], corners *c) {
  for (size_t k = 0; k < 4; k++) box[k] = number_at(f, f->boxes, 4 * i + k);
  return box_corners(box, f->options->format, f->options->any_corners, c);
}

/* Weighs the boxes and lists those that take part. */
static void select_boxes(fusion *f) {
  const vloss_fusion_options *o = f->options;
  for (size_t i = 0; i < f->n; i++) {
    double score = number_at(f, f->scores, i), box[4];
    size_t model = o->models.data ? (size_t)label_at(o->models, i) : 0;
    corners c;
    f->degenerate += (size_t)load_box(f, i, box, &c);
    f->weighted[i] = o->weights ? score * o->weights[model] : score;
    f->joined[i] = SIZE_MAX;
    if (score > o->score_threshold && f->weighted[i] == f->weighted[i]) f->order[f->used++] = i;
  }
}

static size_t best_cluster(const fusion *f, size_t begin, const corners *c) {
  size_t best = SIZE_MAX;
  double most = f->threshold;
  for (size_t k = begin; k < f->count && c->left == c->left; k++) {
    if (f->overlaps[k].left != f->overlaps[k].left) continue;
    double iou = corners_iou(&f->overlaps[k], c);
    if (iou > most) {
      most = iou;
      best = k;
    }
  }
  return best;
}

static void open_cluster(fusion *f, size_t i, const double box[4], const corners *c) {
  double s = f->weighted[i];
  box_cluster *now = &f->clusters[f->count];
  *now = (box_cluster){.weight = s, .first = i, .members = 1};
  for (int k = 0; k < 4; k++) {
    now->box[k] = box[k];
    now->sums[k] = s * box[k];
  }
  f->overlaps[f->count] = *c;
  f->joined[i] = f->count++;
}

static void join_cluster(fusion *f, size_t i, const double box[4], size_t index) {
  double s = f->weighted[i], first[4], copy[4];
  box_cluster *now = &f->clusters[index];
  corners c;
  f->joined[i] = index;
  now->members++;
  now->weight += s;
  (void)load_box(f, now->first, first, &c);
  for (int k = 0; k < 4; k++) {
    now->sums[k] += s * box[k];
    now->box[k] = now->weight != 0 ? now->sums[k] / now->weight : first[k];
  }
  memcpy(copy, now->box, sizeof copy);
  (void)box_corners(copy, f->options->format, 0, &f->overlaps[index]);
}

/* Clusters of the boxes, one class after another. */
static void make_clusters(fusion *f) {
  size_t begin = 0;
  for (size_t at = 0; at < f->used; at++) {
    size_t i = f->order[at];
    double box[4];
    corners c;
    if (at && vloss_fusion_class(f, i) != vloss_fusion_class(f, f->order[at - 1])) begin = f->count;
    (void)load_box(f, i, box, &c);
    size_t index = best_cluster(f, begin, &c);
    if (index == SIZE_MAX)
      open_cluster(f, i, box, &c);
    else
      join_cluster(f, i, box, index);
  }
}

void vloss_fuse(fusion *f) {
  select_boxes(f);
  sort_items(f, f->used, comes_first);
  make_clusters(f);
  for (size_t k = 0; k < f->count; k++) {
    box_cluster *c = &f->clusters[k];
    size_t votes = c->members;
    if (!f->options->overflow && votes > f->options->model_count) votes = f->options->model_count;
    c->score = c->weight / (double)c->members * (double)votes / f->total_weight;
    f->order[k] = k;
  }
  sort_items(f, f->count, scores_more);
}
