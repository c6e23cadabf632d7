/* SPDX-License-Identifier: Apache-2.0 */
/* Other readings of records and images. */
#include "api/coco.h"

static void check_threshold(coco_call *call, size_t threshold_index) {
  if (threshold_index >= call->options.threshold_count)
    vloss_score_fail(&call->request, VLOSS_ERROR_PARAMETER, "threshold_index");
}

vloss_status vloss_coco_curve(vloss_coco_record *records, size_t count,
                              const vloss_coco_options *coco, int64_t class_id,
                              size_t threshold_index, void *workspace, size_t workspace_size,
                              size_t capacity, vloss_coco_point *points, size_t *point_count,
                              vloss_coco_point *best) {
  coco_call call;
  score_request *r = &call.request;
  const vloss_coco_options *o = &call.options;
  vloss_coco_point found;
  vloss_coco_open(&call, coco);
  vloss_score_output(r, "point_count", point_count, 1, sizeof *point_count);
  vloss_score_output(r, "points", points, capacity, sizeof *points);
  vloss_score_output_or_null(r, "best", best, 1, sizeof *best);
  check_threshold(&call, threshold_index);
  vloss_coco_open_records(&call, records, count, workspace, workspace_size);
  if (!vloss_score_ready(r)) return vloss_score_close(r);
  count = vloss_coco_order(records, count, o->executor, workspace);
  size_t size = vloss_coco_trace(records, count, o, class_id, threshold_index, NULL, &found);
  if (vloss_score_count(r, size, capacity, point_count)) {
    (void)vloss_coco_trace(records, count, o, class_id, threshold_index, points, &found);
    if (best) *best = found;
  }
  return vloss_score_close(r);
}

vloss_status vloss_coco_average_precision(const vloss_coco_point *points, size_t point_count,
                                          vloss_coco_integral integral, double *average_precision) {
  score_request r;
  vloss_score_open(&r, NULL, NULL);
  vloss_score_input(&r, "points", points, point_count, sizeof *points);
  vloss_score_output(&r, "average_precision", average_precision, 1, sizeof *average_precision);
  if ((unsigned)integral > VLOSS_COCO_ELEVEN_POINTS)
    vloss_score_fail(&r, VLOSS_ERROR_ENUM, "integral");
  if (vloss_score_ready(&r))
    *average_precision = vloss_coco_integrate(points, point_count, integral);
  return vloss_score_close(&r);
}

vloss_status vloss_coco_calibration(vloss_coco_record *records, size_t count,
                                    const vloss_coco_options *coco, size_t threshold_index,
                                    size_t bins, void *workspace, size_t workspace_size,
                                    double *error) {
  coco_call call;
  score_request *r = &call.request;
  const vloss_coco_options *o = &call.options;
  vloss_coco_open(&call, coco);
  vloss_score_output(r, "error", error, 1, sizeof *error);
  if (bins < 1 || bins > COCO_BINS_MOST) vloss_score_fail(r, VLOSS_ERROR_PARAMETER, "bins");
  check_threshold(&call, threshold_index);
  vloss_coco_open_records(&call, records, count, workspace, workspace_size);
  if (!vloss_score_ready(r)) return vloss_score_close(r);
  count = vloss_coco_order(records, count, o->executor, workspace);
  *error = vloss_coco_calibrate(records, count, o, threshold_index, bins, &r->counted);
  return vloss_score_close(r);
}

vloss_status vloss_coco_confusion(const vloss_coco_image *image, const vloss_coco_options *coco,
                                  double score_threshold, double threshold, void *workspace,
                                  size_t workspace_size, int64_t *matrix) {
  coco_call call;
  score_request *r = &call.request;
  const vloss_coco_options *o = &call.options;
  vloss_coco_open(&call, coco);
  vloss_coco_image whole = vloss_coco_open_image(&call, image);
  if (!o->classes) vloss_score_fail(r, VLOSS_ERROR_NULL, "classes");
  if (score_threshold != score_threshold)
    vloss_score_fail(r, VLOSS_ERROR_PARAMETER, "score_threshold");
  if (!(threshold >= 0 && threshold <= 1)) vloss_score_fail(r, VLOSS_ERROR_PARAMETER, "threshold");
  size_t row = vloss_score_bytes(r, "classes", o->class_count + 1, sizeof *matrix);
  vloss_score_output(r, "matrix", matrix, o->class_count + 1, row);
  vloss_score_workspace(r, workspace, workspace_size,
                        vloss_coco_confusion_workspace(whole.detections, whole.targets));
  if (!vloss_score_ready(r)) return vloss_score_close(r);
  r->counted = vloss_coco_confuse(&whole, o, score_threshold, threshold, workspace, matrix);
  r->ignored = whole.detections - r->counted;
  return vloss_score_close(r);
}
