/* SPDX-License-Identifier: Apache-2.0 */
/* From records to tables and their summary. */
#include "api/structs.h"
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

void vloss_coco_summarize(const coco_tables *t, vloss_coco_summary *summary) {
  const coco_mean *ar = t->ar[AR_SLOTS - 1];
  double precision[4], recall[4];
  range_means(t, t->ap, precision);
  range_means(t, ar, recall);
  vloss_coco_summary s = {.ap = precision[0],
                          .ap50 = mean_at(t, t->ap, .5),
                          .ap75 = mean_at(t, t->ap, .75),
                          .ap_small = precision[1],
                          .ap_medium = precision[2],
                          .ap_large = precision[3],
                          .ap_rare = mean_of(&t->ap_frequency[VLOSS_COCO_RARE]),
                          .ap_common = mean_of(&t->ap_frequency[VLOSS_COCO_COMMON]),
                          .ap_frequent = mean_of(&t->ap_frequency[VLOSS_COCO_FREQUENT]),
                          .ar_all = recall[0],
                          .ar50 = mean_at(t, ar, .5),
                          .ar75 = mean_at(t, ar, .75),
                          .ar_small = recall[1],
                          .ar_medium = recall[2],
                          .ar_large = recall[3],
                          .class_count = t->classes,
                          .detections = t->detections,
                          .targets = t->targets};
  for (size_t m = 0; m < VLOSS_COCO_SUMMARY_AR; m++)
    s.ar[m] = range_mean(t, t->ar[m], 0, 0, t->options->threshold_count);
  struct_put(summary, &s);
}

static void fill(double *table, size_t count) {
  for (size_t i = 0; table && i < count; i++) table[i] = -1;
}

static size_t count_classes(const vloss_coco_options *o, const vloss_coco_record *records,
                            size_t count) {
  if (o->classes) return o->class_count;
  size_t classes = count > 0;
  for (size_t i = 1; i < count; i++) classes += records[i].class_id != records[i - 1].class_id;
  return classes;
}

/* -1 in all entries; the faults of their number. */
static void prepare(coco_call *call, coco_tables *t) {
  const vloss_coco_options *o = t->options;
  size_t cells = o->threshold_count * o->area_count * o->max_detection_count, rows, all;
  if (__builtin_mul_overflow(cells, t->classes, &rows) ||
      __builtin_mul_overflow(rows, o->recall_count, &all) || all > PTRDIFF_MAX / sizeof(double)) {
    vloss_coco_fail(call, VLOSS_ERROR_SIZE, "classes");
    return;
  }
  fill(t->precision, all);
  fill(t->scores, all);
  fill(t->recall, rows);
}

static void fill_tables(coco_call *call, coco_tables *t, const vloss_coco_record *records,
                        size_t count) {
  const vloss_coco_options *o = t->options;
  size_t k = 0, used = 0;
  coco_class c;
  for (size_t begin = 0; begin < count; begin = c.end) {
    c = vloss_coco_class_at(records, count, begin);
    while (o->classes && k < t->classes && o->classes[k] < c.class_id) k++;
    if (o->classes && (k == t->classes || o->classes[k] != c.class_id)) continue;
    vloss_coco_fill_class(t, records, c, k++);
    used += c.end - c.begin;
  }
  call->counted = t->detections + t->targets;
  call->ignored = count - used;
}

vloss_status vloss_coco_accumulate(vloss_coco_record *records, size_t count,
                                   const vloss_coco_options *coco, void *workspace,
                                   size_t workspace_size, double *precision, double *recall,
                                   double *scores, vloss_coco_summary *summary) {
  coco_call call;
  coco_tables tables = {.precision = precision, .recall = recall, .scores = scores};
  vloss_coco_open(&call, coco);
  tables.options = &call.options;
  if (summary && !struct_is_known(summary, STRUCT_SIZES(vloss_coco_summary, targets)))
    vloss_coco_fail(&call, VLOSS_ERROR_STRUCT_SIZE, "summary");
  size_t once = vloss_coco_order(&call, records, count, workspace, workspace_size);
  if (call.status == VLOSS_OK) {
    tables.classes = count_classes(&call.options, records, once);
    prepare(&call, &tables);
  }
  if (call.status == VLOSS_OK) {
    fill_tables(&call, &tables, records, once);
    if (summary) vloss_coco_summarize(&tables, summary);
  }
  return vloss_coco_close(&call);
}
