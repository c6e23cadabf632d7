/* SPDX-License-Identifier: Apache-2.0 */
#include "calls.h"

static const int64_t classes[SCENE_CLASSES] = {0, 1, 2, 3, 4};

static vloss_coco_options coco(const scene *s) {
  vloss_coco_options o = VLOSS_COCO_OPTIONS_INIT;
  o.struct_size = SCENE_SIZE(s, o);
  o.kind = (vloss_coco_kind)(s->variant % 3);
  o.classes = classes;
  o.class_count = SCENE_CLASSES;
  o.executor = s->executor;
  return o;
}

static vloss_coco_image picture(const scene *s) {
  vloss_coco_image i = VLOSS_COCO_IMAGE_INIT;
  i.detections = s->n;
  i.boxes = s->plain;
  i.scores = s->f64.scores;
  i.classes = s->classes;
  i.targets = s->m;
  i.target_boxes = s->plain_others;
  i.target_classes = s->classes + s->n;
  i.target_areas = s->areas;
  i.target_crowd = s->crowd;
  return i;
}

static vloss_status complete(scene *s) {
  vloss_coco_options o = coco(s), whole;
  return vloss_coco_complete(&o, &whole);
}

static vloss_status match(scene *s) {
  vloss_coco_options o = coco(s);
  vloss_coco_image i = picture(s);
  size_t size = vloss_coco_match_workspace(s->n, s->m);
  return vloss_coco_match(&i, &o, s->workspace, size, s->n + s->m, s->records, &s->record_count);
}

/* The calls below take the records of the one above. */

static vloss_status list_classes(scene *s) {
  size_t count;
  return vloss_coco_classes(s->records, s->record_count, s->workspace,
                            vloss_coco_accumulate_workspace(s->record_count),
                            s->refused ? 0 : SCENE_CLASSES, s->index[0], &count);
}

static vloss_status accumulate(scene *s) {
  vloss_coco_options o = coco(s);
  vloss_coco_summary summary = VLOSS_COCO_SUMMARY_INIT;
  return vloss_coco_accumulate(s->records, s->record_count, &o, s->workspace,
                               vloss_coco_accumulate_workspace(s->record_count), NULL, NULL, NULL,
                               &summary);
}

static vloss_status curve(scene *s) {
  vloss_coco_options o = coco(s);
  vloss_coco_point best, *points = (vloss_coco_point *)(void *)s->f64.out;
  size_t count;
  return vloss_coco_curve(s->records, s->record_count, &o, 1, 0, s->workspace,
                          vloss_coco_accumulate_workspace(s->record_count), s->n, points, &count,
                          &best);
}

static vloss_status average_precision(scene *s) {
  static const vloss_coco_point points[] = {{0.75, 1, 0.25, 0.4}, {0.5, 0.5, 0.5, 0.5}};
  double result;
  return vloss_coco_average_precision(
      points, 2, (vloss_coco_integral)(s->refused ? 9 : s->variant % 2), &result);
}

static vloss_status calibration(scene *s) {
  vloss_coco_options o = coco(s);
  double error;
  return vloss_coco_calibration(s->records, s->record_count, &o, 0, 1000, s->workspace,
                                vloss_coco_accumulate_workspace(s->record_count), &error);
}

static vloss_status confusion(scene *s) {
  vloss_coco_options o = coco(s);
  vloss_coco_image i = picture(s);
  int64_t matrix[(SCENE_CLASSES + 1) * (SCENE_CLASSES + 1)] = {0};
  return vloss_coco_confusion(&i, &o, 0.25, 0.5, s->workspace,
                              vloss_coco_confusion_workspace(s->n, s->m), matrix);
}

const score_call calls_of_coco[] = {{"coco_complete", complete},
                                    {"coco_match", match},
                                    {"coco_classes", list_classes},
                                    {"coco_accumulate", accumulate},
                                    {"coco_curve", curve},
                                    {"coco_average_precision", average_precision},
                                    {"coco_calibration", calibration},
                                    {"coco_confusion", confusion},
                                    {NULL, NULL}};
