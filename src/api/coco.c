/* SPDX-License-Identifier: Apache-2.0 */
/* COCO evaluation from images to tables. */
#include "api/coco.h"

#include "score/coco_tables.h"

/* Bytes of a workspace for things of two kinds; SIZE_MAX if it cannot exist. */
static size_t room_for(size_t n, size_t per_n, size_t m, size_t per_m) {
  size_t a, b, sum;
  if (__builtin_mul_overflow(n, per_n, &a) || __builtin_mul_overflow(m, per_m, &b) ||
      __builtin_add_overflow(a, b, &sum) || sum > PTRDIFF_MAX - COCO_ALIGNMENT)
    return SIZE_MAX;
  return sum + COCO_ALIGNMENT;
}

size_t vloss_coco_match_workspace(size_t detections, size_t targets) {
  if (detections > UINT32_MAX || targets > UINT32_MAX) return SIZE_MAX;
  return room_for(detections, COCO_PER_DETECTION, targets, COCO_PER_TARGET);
}

size_t vloss_coco_accumulate_workspace(size_t count) {
  return room_for(count, COCO_PER_RECORD, 0, 0);
}

size_t vloss_coco_confusion_workspace(size_t detections, size_t targets) {
  if (detections > UINT32_MAX || targets > UINT32_MAX) return SIZE_MAX;
  return room_for(detections, COCO_PER_PARTNER, targets, COCO_PER_PARTNER);
}

static size_t count_degenerate(const double *boxes, size_t count) {
  const box_source source = {boxes, VLOSS_XYWH, 0, 0};
  return boxes ? vloss_score_degenerate(&source, VLOSS_F64, count) : 0;
}

vloss_status vloss_coco_match(const vloss_coco_image *image, const vloss_coco_options *coco,
                              void *workspace, size_t workspace_size, size_t capacity,
                              vloss_coco_record *records, size_t *count) {
  coco_call call;
  score_request *r = &call.request;
  vloss_coco_open(&call, coco);
  vloss_coco_image whole = vloss_coco_open_image(&call, image);
  size_t need = vloss_coco_match_workspace(whole.detections, whole.targets);
  vloss_score_output(r, "count", count, 1, sizeof *count);
  vloss_score_output(r, "records", records, capacity, sizeof *records);
  vloss_score_workspace(r, workspace, workspace_size, need);
  if (!vloss_score_ready(r)) return vloss_score_close(r);
  coco_matched found = vloss_coco_match_image(&whole, &call.options, workspace, capacity, records);
  r->counted = found.detections;
  r->ignored = whole.detections - found.detections;
  if (r->report)
    r->degenerate = count_degenerate(whole.boxes, whole.detections) +
                    count_degenerate(whole.target_boxes, whole.targets);
  (void)vloss_score_count(r, found.records, capacity, count);
  return vloss_score_close(r);
}

vloss_status vloss_coco_classes(vloss_coco_record *records, size_t count, void *workspace,
                                size_t workspace_size, size_t capacity, int64_t *classes,
                                size_t *class_count) {
  coco_call call;
  score_request *r = &call.request;
  vloss_coco_open(&call, NULL);
  vloss_score_output(r, "class_count", class_count, 1, sizeof *class_count);
  vloss_score_output(r, "classes", classes, capacity, sizeof *classes);
  vloss_coco_open_records(&call, records, count, workspace, workspace_size);
  if (!vloss_score_ready(r)) return vloss_score_close(r);
  count = vloss_coco_order(records, count, NULL, workspace);
  size_t found = vloss_coco_list(records, count, 0, NULL);
  if (vloss_score_count(r, found, capacity, class_count))
    (void)vloss_coco_list(records, count, capacity, classes);
  return vloss_score_close(r);
}

static void fill(double *table, size_t count) {
  for (size_t i = 0; table && i < count; i++) table[i] = -1;
}

/* -1 in all entries, if they can be. Returns whether the call goes on. */
static int prepare(score_request *r, const coco_tables *t) {
  const vloss_coco_options *o = t->options;
  size_t cells = o->threshold_count * o->area_count * o->max_detection_count, rows, all;
  if (__builtin_mul_overflow(cells, t->classes, &rows) ||
      __builtin_mul_overflow(rows, o->recall_count, &all) || all > PTRDIFF_MAX / sizeof(double)) {
    vloss_score_fail(r, VLOSS_ERROR_SIZE, "classes");
    return 0;
  }
  vloss_score_output_or_null(r, "precision", t->precision, all, sizeof(double));
  vloss_score_output_or_null(r, "scores", t->scores, all, sizeof(double));
  vloss_score_output_or_null(r, "recall", t->recall, rows, sizeof(double));
  if (!vloss_score_ready(r)) return 0;
  fill(t->precision, all);
  fill(t->scores, all);
  fill(t->recall, rows);
  return 1;
}

vloss_status vloss_coco_accumulate(vloss_coco_record *records, size_t count,
                                   const vloss_coco_options *coco, void *workspace,
                                   size_t workspace_size, double *precision, double *recall,
                                   double *scores, vloss_coco_summary *summary) {
  coco_call call;
  score_request *r = &call.request;
  const vloss_coco_options *o = &call.options;
  coco_tables tables = {o, precision, recall, scores, 0};
  vloss_coco_summary whole;
  vloss_coco_open(&call, coco);
  if (summary && !struct_is_known(summary, STRUCT_SIZES(vloss_coco_summary, targets)))
    vloss_score_fail(r, VLOSS_ERROR_STRUCT_SIZE, "summary");
  vloss_coco_open_records(&call, records, count, workspace, workspace_size);
  if (!vloss_score_ready(r)) return vloss_score_close(r);
  count = vloss_coco_order(records, count, o->executor, workspace);
  tables.classes = o->classes ? o->class_count : vloss_coco_list(records, count, 0, NULL);
  if (!prepare(r, &tables)) return vloss_score_close(r);
  r->ignored = vloss_coco_fill_tables(&tables, records, count, workspace, &whole);
  r->counted = whole.detections + whole.targets;
  if (summary) struct_put(summary, &whole);
  return vloss_score_close(r);
}
