/* SPDX-License-Identifier: Apache-2.0 */
/* Options and images of COCO evaluation: defaults and checks. */
#include "api/structs.h"
#include "cpu.h"
#include "score/coco.h"

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

void vloss_coco_fail(coco_call *call, vloss_status status, const char *argument) {
  if (call->status != VLOSS_OK) return;
  call->status = status;
  call->argument = argument;
}

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

static void check_classes(coco_call *call) {
  const vloss_coco_options *o = &call->options;
  if (!o->classes && (o->class_count || o->frequencies))
    vloss_coco_fail(call, VLOSS_ERROR_NULL, "classes");
  for (size_t i = 1; o->classes && i < o->class_count; i++) {
    if (o->classes[i] <= o->classes[i - 1]) vloss_coco_fail(call, VLOSS_ERROR_PARAMETER, "classes");
  }
  for (size_t i = 0; o->frequencies && o->classes && i < o->class_count; i++) {
    if (o->frequencies[i] > VLOSS_COCO_FREQUENT)
      vloss_coco_fail(call, VLOSS_ERROR_ENUM, "frequencies");
  }
}

static void check_options(coco_call *call) {
  const vloss_coco_options *o = &call->options;
  if (o->threshold_count > VLOSS_COCO_MAX_CELLS ||
      !are_fractions(o->thresholds, o->threshold_count))
    vloss_coco_fail(call, VLOSS_ERROR_PARAMETER, "thresholds");
  if (!are_fractions(o->recalls, o->recall_count) || !ascend(o->recalls, o->recall_count))
    vloss_coco_fail(call, VLOSS_ERROR_PARAMETER, "recalls");
  if (!are_ranges(o->areas, o->area_count) ||
      o->area_count * o->threshold_count > VLOSS_COCO_MAX_CELLS)
    vloss_coco_fail(call, VLOSS_ERROR_PARAMETER, "areas");
  if (!are_limits(o->max_detections, o->max_detection_count))
    vloss_coco_fail(call, VLOSS_ERROR_PARAMETER, "max_detections");
  check_classes(call);
}

static void check_report(coco_call *call) {
  vloss_report *report = call->options.report;
  if (!report) return;
  if (struct_is_known(report, REPORT_SIZES))
    call->report = report;
  else
    vloss_coco_fail(call, VLOSS_ERROR_STRUCT_SIZE, "report");
}

void vloss_coco_open(coco_call *call, const vloss_coco_options *coco) {
  *call = (coco_call){.options = no_options, .control = vloss_cpu_pin()};
  if (coco && !struct_is_known(coco, STRUCT_SIZES(vloss_coco_options, report))) {
    vloss_coco_fail(call, VLOSS_ERROR_STRUCT_SIZE, "coco");
    return;
  }
  if (coco) memcpy(&call->options, coco, coco->struct_size);
  call->options.struct_size = sizeof call->options;
  check_report(call);
  if (call->options.executor && !call->options.executor->run)
    vloss_coco_fail(call, VLOSS_ERROR_NULL, "executor");
  if ((unsigned)call->options.kind > VLOSS_COCO_LVIS) {
    vloss_coco_fail(call, VLOSS_ERROR_ENUM, "kind");
    return;
  }
  set_defaults(&call->options);
  check_options(call);
}

vloss_status vloss_coco_close(coco_call *call) {
  if (call->report) {
    struct_put(call->report, &(vloss_report){0, 0, 0, call->counted, call->ignored,
                                             call->degenerate, SIZE_MAX, call->argument});
  }
  vloss_cpu_unpin(call->control);
  return call->status;
}

vloss_status vloss_coco_complete(const vloss_coco_options *coco, vloss_coco_options *whole) {
  coco_call call;
  vloss_coco_open(&call, coco);
  if (!whole)
    vloss_coco_fail(&call, VLOSS_ERROR_NULL, "whole");
  else if (call.status == VLOSS_OK)
    *whole = call.options;
  return vloss_coco_close(&call);
}

static void need(coco_call *call, const void *array, size_t count, const char *argument) {
  if (count && !array) vloss_coco_fail(call, VLOSS_ERROR_NULL, argument);
}

vloss_coco_image vloss_coco_open_image(coco_call *call, const vloss_coco_image *image) {
  vloss_coco_image whole = no_image;
  if (!image) {
    vloss_coco_fail(call, VLOSS_ERROR_NULL, "image");
    return whole;
  }
  if (!struct_is_known(image, STRUCT_SIZES(vloss_coco_image, not_exhaustive_count))) {
    vloss_coco_fail(call, VLOSS_ERROR_STRUCT_SIZE, "image");
    return whole;
  }
  memcpy(&whole, image, image->struct_size);
  size_t n = whole.detections, m = whole.targets;
  if (n > UINT32_MAX) vloss_coco_fail(call, VLOSS_ERROR_SIZE, "detections");
  if (m > UINT32_MAX) vloss_coco_fail(call, VLOSS_ERROR_SIZE, "targets");
  need(call, whole.scores, n, "scores");
  if (!whole.similarity || !whole.areas) need(call, whole.boxes, n, "boxes");
  if (!whole.similarity || !whole.target_areas) need(call, whole.target_boxes, m, "target_boxes");
  need(call, whole.negative_classes, whole.negative_count, "negative_classes");
  need(call, whole.not_exhaustive_classes, whole.not_exhaustive_count, "not_exhaustive_classes");
  if (!whole.similarity_stride) whole.similarity_stride = m;
  if (whole.similarity && whole.similarity_stride < m)
    vloss_coco_fail(call, VLOSS_ERROR_PARAMETER, "similarity_stride");
  return whole;
}
