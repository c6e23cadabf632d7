/* SPDX-License-Identifier: Apache-2.0 */
/* From records to tables and their summary. */
#include "score/coco_tables.h"

static double mean_of(const coco_mean *mean) {
  if (!mean->count) return -1;
  return (mean->sum.value + mean->sum.error) / (double)mean->count;
}

/* Mean over the cells of a range: all thresholds, or one. */
static double range_mean(const coco_tables *t, const coco_mean *cells, size_t range, size_t begin,
                         size_t end) {
  coco_mean all = {{0, 0}, 0};
  for (size_t i = begin; i < end; i++) {
    const coco_mean *cell = &cells[range * t->options->threshold_count + i];
    sum_merge(&all.sum, cell->sum);
    all.count += cell->count;
  }
  return mean_of(&all);
}

static double mean_at(const coco_tables *t, const coco_mean *cells, double threshold) {
  const vloss_coco_options *o = t->options;
  for (size_t i = 0; i < o->threshold_count; i++) {
    if (o->thresholds[i] == threshold) return range_mean(t, cells, 0, i, i + 1);
  }
  return -1;
}

/* Means of the ranges all, small, medium, large. */
static void range_means(const coco_tables *t, const coco_mean *cells, double means[4]) {
  const vloss_coco_options *o = t->options;
  size_t without_small = o->kind == VLOSS_COCO_KEYPOINTS;
  int named = o->area_count + without_small == 4;
  means[0] = range_mean(t, cells, 0, 0, o->threshold_count);
  for (size_t i = 1; i < 4; i++) {
    size_t range = i - without_small;
    means[i] = named && range > 0 ? range_mean(t, cells, range, 0, o->threshold_count) : -1;
  }
}

static vloss_coco_summary summarize(const coco_tables *t, const coco_sums *sums) {
  const coco_mean *ap = sums->ap, *ar = sums->ar[AR_SLOTS - 1];
  double precision[4], recall[4];
  range_means(t, ap, precision);
  range_means(t, ar, recall);
  vloss_coco_summary s = {.struct_size = sizeof s,
                          .ap = precision[0],
                          .ap50 = mean_at(t, ap, .5),
                          .ap75 = mean_at(t, ap, .75),
                          .ap_small = precision[1],
                          .ap_medium = precision[2],
                          .ap_large = precision[3],
                          .ap_rare = mean_of(&sums->ap_frequency[VLOSS_COCO_RARE]),
                          .ap_common = mean_of(&sums->ap_frequency[VLOSS_COCO_COMMON]),
                          .ap_frequent = mean_of(&sums->ap_frequency[VLOSS_COCO_FREQUENT]),
                          .ar_all = recall[0],
                          .ar50 = mean_at(t, ar, .5),
                          .ar75 = mean_at(t, ar, .75),
                          .ar_small = recall[1],
                          .ar_medium = recall[2],
                          .ar_large = recall[3],
                          .class_count = t->classes,
                          .detections = sums->detections,
                          .targets = sums->targets};
  for (size_t m = 0; m < VLOSS_COCO_SUMMARY_AR; m++)
    s.ar[m] = range_mean(t, sums->ar[m], 0, 0, t->options->threshold_count);
  return s;
}

/* The records of a task, which begin and end with a class, and what they give. */
typedef struct share {
  size_t begin, end;
  size_t k; /* of the first class, if the options have no list */
  size_t used;
  coco_sums sums;
} share;

/* Records that are worth a task, whose workspace has room for its share. */
enum { GRAIN = 128 };
_Static_assert(sizeof(share) <= GRAIN * COCO_PER_RECORD, "shares need more than the workspace");

typedef struct filling {
  const coco_tables *tables;
  const vloss_coco_record *records;
  share *shares;
  size_t tasks;
} filling;

static void cut(const filling *f, size_t count) {
  size_t k = 0, at = 0;
  for (size_t i = 0; i < f->tasks; i++) {
    share *s = &f->shares[i];
    size_t end = (size_t)share_end(count, f->tasks, i);
    s->begin = at;
    s->k = k;
    for (; at < end; k++) at = vloss_coco_next_class(f->records, count, at + 1);
    s->end = at;
  }
}

static void fill_share(const filling *f, share *s) {
  const coco_tables *t = f->tables;
  const vloss_coco_options *o = t->options;
  size_t k = o->classes ? 0 : s->k;
  coco_class c;
  s->used = 0;
  s->sums = (coco_sums){.detections = 0};
  for (size_t begin = s->begin; begin < s->end; begin = c.end) {
    c = vloss_coco_class_at(f->records, s->end, begin);
    while (o->classes && k < t->classes && o->classes[k] < c.class_id) k++;
    if (o->classes && (k == t->classes || o->classes[k] != c.class_id)) continue;
    vloss_coco_fill_class(t, f->records, c, k++, &s->sums);
    s->used += c.end - c.begin;
  }
}

static void fill_shares(const void *work, size_t begin, size_t end, partial *none) {
  const filling *f = work;
  (void)none;
  for (size_t i = begin; i < end; i++) {
    share *s = &f->shares[i];
    if (i == 0 || s->begin < s->end) fill_share(f, s);
  }
}

static void merge_means(coco_mean *into, const coco_mean *from, size_t count) {
  for (size_t i = 0; i < count; i++) {
    sum_merge(&into[i].sum, from[i].sum);
    into[i].count += from[i].count;
  }
}

/* Adds the shares to the first one, in order. */
static void merge_shares(const filling *f) {
  share *all = f->shares;
  for (const share *s = all + 1; s < all + f->tasks; s++) {
    if (s->begin == s->end) continue;
    merge_means(all->sums.ap, s->sums.ap, VLOSS_COCO_MAX_CELLS);
    merge_means(all->sums.ap_frequency, s->sums.ap_frequency, FREQUENCIES);
    for (size_t m = 0; m < AR_SLOTS; m++)
      merge_means(all->sums.ar[m], s->sums.ar[m], VLOSS_COCO_MAX_CELLS);
    all->sums.detections += s->sums.detections;
    all->sums.targets += s->sums.targets;
    all->used += s->used;
  }
}

/* The shares of several tasks stand in the workspace. */
size_t vloss_coco_fill_tables(const coco_tables *t, const vloss_coco_record *records, size_t count,
                              void *workspace, vloss_coco_summary *summary) {
  share only;
  filling f = {.tables = t, .records = records, .shares = &only};
  f.tasks = task_count(count, GRAIN);
  if (f.tasks > 1) f.shares = coco_align(workspace);
  cut(&f, count);
  run_tasks(t->options->executor, fill_shares, &f, f.tasks);
  merge_shares(&f);
  *summary = summarize(t, &f.shares->sums);
  return count - f.shares->used;
}
