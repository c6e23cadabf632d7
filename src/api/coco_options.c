/* SPDX-License-Identifier: Apache-2.0 */
/* Options and images of COCO evaluation: defaults and checks. */
#include "api/coco.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* As numpy.linspace(.5, .95, 10) and numpy.linspace(0, 1, 101) round them. */
#define THRESHOLD(i) (.5 + (i) * ((.95 - .5) / 9))
static const double default_thresholds[] = {THRESHOLD(0), THRESHOLD(1), THRESHOLD(2), THRESHOLD(3),
                                            THRESHOLD(4), THRESHOLD(5), THRESHOLD(6), THRESHOLD(7),
                                            THRESHOLD(8), .95};
#define RECALL(i) ((i)*.01)
#define TEN_RECALLS(i)                                                                  \
  RECALL(i), RECALL(i + 1), RECALL(i + 2), RECALL(i + 3), RECALL(i + 4), RECALL(i + 5), \
      RECALL(i + 6), RECALL(i + 7), RECALL(i + 8), RECALL(i + 9)
static const double default_recalls[] = {TEN_RECALLS(0),
                                         TEN_RECALLS(10),
                                         TEN_RECALLS(20),
                                         TEN_RECALLS(30),
                                         TEN_RECALLS(40),
                                         TEN_RECALLS(50),
                                         TEN_RECALLS(60),
                                         TEN_RECALLS(70),
                                         TEN_RECALLS(80),
                                         TEN_RECALLS(90),
                                         1};

/* all, small, medium, large; all, medium, large */
static const double detection_areas[] = {0, 1e10, 0, 1024, 1024, 9216, 9216, 1e10};
static const double keypoint_areas[] = {0, 1e10, 1024, 9216, 9216, 1e10};

static const size_t detection_limits[] = {1, 10, 100}, keypoint_limits[] = {20},
                    lvis_limits[] = {300};

static const struct {
  const double *areas;
  size_t area_count;
  const size_t *limits;
  size_t limit_count;
} defaults[] = {
    [VLOSS_COCO_DETECTION] = {detection_areas, COUNT(detection_areas) / 2, detection_limits,
                              COUNT(detection_limits)},
    [VLOSS_COCO_KEYPOINTS] = {keypoint_areas, COUNT(keypoint_areas) / 2, keypoint_limits,
                              COUNT(keypoint_limits)},
    [VLOSS_COCO_LVIS] = {detection_areas, COUNT(detection_areas) / 2, lvis_limits,
                         COUNT(lvis_limits)},
};

static const vloss_coco_options no_options = VLOSS_COCO_OPTIONS_INIT;
static const vloss_coco_image no_image = VLOSS_COCO_IMAGE_INIT;

static void set_defaults(vloss_coco_options *o) {
  if (!o->thresholds) {
    o->thresholds = default_thresholds;
    o->threshold_count = COUNT(default_thresholds);
  }
  if (!o->recalls) {
    o->recalls = default_recalls;
    o->recall_count = COUNT(default_recalls);
  }
  if (!o->areas) {
    o->areas = defaults[o->kind].areas;
    o->area_count = defaults[o->kind].area_count;
  }
  if (!o->max_detections) {
    o->max_detections = defaults[o->kind].limits;
    o->max_detection_count = defaults[o->kind].limit_count;
  }
}

/* Numbers in [0, 1], at least one. */
static int are_fractions(const double *numbers, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (!(numbers[i] >= 0 && numbers[i] <= 1)) return 0;
  }
  return count > 0;
}

static int ascend(const double *numbers, size_t count) {
  for (size_t i = 1; i < count; i++) {
    if (numbers[i] < numbers[i - 1]) return 0;
  }
  return 1;
}

static int are_ranges(const double *areas, size_t count) {
  for (size_t i = 0; i < 2 * count; i++) {
    if (areas[i] != areas[i]) return 0;
  }
  return count > 0 && count <= VLOSS_COCO_MAX_CELLS;
}

static int are_limits(const size_t *limits, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (limits[i] < 1 || (i > 0 && limits[i] <= limits[i - 1])) return 0;
  }
  return count > 0 && count <= VLOSS_COCO_MAX_LIMITS;
}

static void check_classes(score_request *r, const vloss_coco_options *o) {
  if (!o->classes && (o->class_count || o->frequencies))
    vloss_score_fail(r, VLOSS_ERROR_NULL, "classes");
  for (size_t i = 1; o->classes && i < o->class_count; i++) {
    if (o->classes[i] <= o->classes[i - 1]) vloss_score_fail(r, VLOSS_ERROR_PARAMETER, "classes");
  }
  for (size_t i = 0; o->frequencies && o->classes && i < o->class_count; i++) {
    if (o->frequencies[i] > VLOSS_COCO_FREQUENT)
      vloss_score_fail(r, VLOSS_ERROR_ENUM, "frequencies");
  }
}

static void check_options(score_request *r, const vloss_coco_options *o) {
  if (o->threshold_count > VLOSS_COCO_MAX_CELLS ||
      !are_fractions(o->thresholds, o->threshold_count))
    vloss_score_fail(r, VLOSS_ERROR_PARAMETER, "thresholds");
  if (!are_fractions(o->recalls, o->recall_count) || !ascend(o->recalls, o->recall_count))
    vloss_score_fail(r, VLOSS_ERROR_PARAMETER, "recalls");
  if (!are_ranges(o->areas, o->area_count) ||
      o->area_count * o->threshold_count > VLOSS_COCO_MAX_CELLS)
    vloss_score_fail(r, VLOSS_ERROR_PARAMETER, "areas");
  if (!are_limits(o->max_detections, o->max_detection_count))
    vloss_score_fail(r, VLOSS_ERROR_PARAMETER, "max_detections");
  check_classes(r, o);
}

void vloss_coco_open(coco_call *call, const vloss_coco_options *coco) {
  score_request *r = &call->request;
  call->options = no_options;
  if (!vloss_score_options(r, "coco", coco, STRUCT_SIZES(vloss_coco_options, report),
                           &call->options))
    return;
  call->options.struct_size = sizeof call->options;
  vloss_score_open(r, call->options.report, call->options.executor);
  if ((unsigned)call->options.kind > VLOSS_COCO_LVIS) {
    vloss_score_fail(r, VLOSS_ERROR_ENUM, "kind");
    return;
  }
  set_defaults(&call->options);
  check_options(r, &call->options);
}

vloss_status vloss_coco_complete(const vloss_coco_options *coco, vloss_coco_options *whole) {
  coco_call call;
  vloss_coco_open(&call, coco);
  if (!whole)
    vloss_score_fail(&call.request, VLOSS_ERROR_NULL, "whole");
  else if (call.request.status == VLOSS_OK)
    *whole = call.options;
  return vloss_score_close(&call.request);
}

static void note_boxes(score_request *r, const char *name, const double *boxes, size_t count,
                       int needed) {
  const size_t width = 4 * sizeof *boxes;
  (needed ? vloss_score_input : vloss_score_input_or_null)(r, name, boxes, count, width);
}

static void note_arrays(score_request *r, const vloss_coco_image *i) {
  const size_t n = i->detections, m = i->targets, wide = sizeof(double);
  size_t entries;
  vloss_score_input(r, "scores", i->scores, n, wide);
  note_boxes(r, "boxes", i->boxes, n, !i->similarity || !i->areas);
  note_boxes(r, "target_boxes", i->target_boxes, m, !i->similarity || !i->target_areas);
  vloss_score_input_or_null(r, "classes", i->classes, n, sizeof *i->classes);
  vloss_score_input_or_null(r, "areas", i->areas, n, wide);
  vloss_score_input_or_null(r, "target_classes", i->target_classes, m, sizeof *i->classes);
  vloss_score_input_or_null(r, "target_areas", i->target_areas, m, wide);
  vloss_score_input_or_null(r, "target_crowd", i->target_crowd, m, 1);
  vloss_score_input_or_null(r, "target_ignored", i->target_ignored, m, 1);
  vloss_score_input(r, "negative_classes", i->negative_classes, i->negative_count,
                    sizeof *i->negative_classes);
  vloss_score_input(r, "not_exhaustive_classes", i->not_exhaustive_classes, i->not_exhaustive_count,
                    sizeof *i->not_exhaustive_classes);
  if (__builtin_mul_overflow(n && m ? n - 1 : 0, i->similarity_stride, &entries) ||
      __builtin_add_overflow(entries, n ? m : 0, &entries))
    entries = SIZE_MAX;
  if (i->similarity) vloss_score_input(r, "similarity", i->similarity, entries, wide);
}

vloss_coco_image vloss_coco_open_image(coco_call *call, const vloss_coco_image *image) {
  score_request *r = &call->request;
  vloss_coco_image whole = no_image;
  if (!image) {
    vloss_score_fail(r, VLOSS_ERROR_NULL, "image");
    return whole;
  }
  if (!struct_is_known(image, STRUCT_SIZES(vloss_coco_image, not_exhaustive_count))) {
    vloss_score_fail(r, VLOSS_ERROR_STRUCT_SIZE, "image");
    return whole;
  }
  memcpy(&whole, image, image->struct_size);
  size_t m = whole.targets;
  if (whole.detections > UINT32_MAX) vloss_score_fail(r, VLOSS_ERROR_SIZE, "detections");
  if (m > UINT32_MAX) vloss_score_fail(r, VLOSS_ERROR_SIZE, "targets");
  if (!whole.similarity_stride) whole.similarity_stride = m;
  if (whole.similarity && whole.similarity_stride < m)
    vloss_score_fail(r, VLOSS_ERROR_PARAMETER, "similarity_stride");
  note_arrays(r, &whole);
  return whole;
}

static int is_record(const vloss_coco_record *r) {
  return r->score == r->score && r->kind <= VLOSS_COCO_RECORD_TARGET;
}

void vloss_coco_open_records(coco_call *call, vloss_coco_record *records, size_t count,
                             void *workspace, size_t workspace_size) {
  score_request *r = &call->request;
  size_t need = vloss_coco_accumulate_workspace(count);
  if (need == SIZE_MAX) vloss_score_fail(r, VLOSS_ERROR_SIZE, "count");
  vloss_score_output(r, "records", records, count, sizeof *records);
  vloss_score_workspace(r, workspace, workspace_size, count ? need : 0);
  for (size_t i = 0; i < count && r->status == VLOSS_OK; i++)
    if (!is_record(&records[i])) vloss_score_fail_at(r, VLOSS_ERROR_PARAMETER, "records", i);
}
