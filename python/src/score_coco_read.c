/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "score_coco.h"

static int read_limits(scoring *s, PyObject *object, vloss_coco_options *coco) {
  const int64_t *limits = NULL;
  size_t count = 0;
  if (read_whole_list(s, "max_detections", object, &limits, &count) != 0) return -1;
  if (!limits) return 0;
  size_t *sizes = take_memory(s, count * sizeof *sizes);
  if (!sizes) return -1;
  for (size_t i = 0; i < count; i++) {
    if (limits[i] < 1) return place_fail(&s->at, PyExc_ValueError, "must be >= 1");
    sizes[i] = (size_t)limits[i];
  }
  coco->max_detections = sizes;
  coco->max_detection_count = count;
  return 0;
}

int read_coco(scoring *s, PyObject *tuple, vloss_coco_options *coco) {
  PyObject *thresholds, *recalls, *areas, *limits, *classes, *frequencies;
  int kind;
  *coco = (vloss_coco_options)VLOSS_COCO_OPTIONS_INIT;
  if (!PyArg_ParseTuple(tuple, "iOOOOOO", &kind, &thresholds, &recalls, &areas, &limits, &classes,
                        &frequencies))
    return -1;
  coco->kind = (vloss_coco_kind)kind;
  coco->executor = s->executor;
  coco->report = &s->report;
  if (read_list(s, "thresholds", thresholds, &coco->thresholds, &coco->threshold_count) != 0 ||
      read_list(s, "recalls", recalls, &coco->recalls, &coco->recall_count) != 0 ||
      read_list(s, "areas", areas, &coco->areas, &coco->area_count) != 0 ||
      read_whole_list(s, "classes", classes, &coco->classes, &coco->class_count) != 0 ||
      read_flags(s, "frequencies", frequencies, coco->class_count, &coco->frequencies) != 0)
    return -1;
  s->at.argument = "areas";
  if (coco->area_count % 2) return place_fail(&s->at, PyExc_ValueError, "must be pairs");
  coco->area_count /= 2;
  return read_limits(s, limits, coco);
}

/* The first axis of an array of boxes. */
static int read_corners(scoring *s, const char *name, PyObject *object, int format, size_t *count,
                        const double **boxes) {
  array *a = read_array(s, name, object);
  if (!a) return -1;
  *count = a->shape.dimensions ? a->shape.sizes[0] : 0;
  if (require_shape(s, a, 2, (size_t[]){*count, 4}) != 0 || array_to_doubles(a, &s->at) != 0)
    return -1;
  *boxes = a->data;
  if (format == VLOSS_XYWH) return 0;
  double *own = take_memory(s, *count * 4 * sizeof *own);
  if (!own) return -1;
  for (size_t i = 0; i < *count; i++) {
    const double *from = *boxes + 4 * i;
    double *to = own + 4 * i;
    int centred = format == VLOSS_CXCYWH;
    to[2] = centred ? from[2] : from[2] - from[0];
    to[3] = centred ? from[3] : from[3] - from[1];
    to[0] = centred ? from[0] - 0.5 * from[2] : from[0];
    to[1] = centred ? from[1] - 0.5 * from[3] : from[1];
  }
  *boxes = own;
  return 0;
}

static int read_classes(scoring *s, const char *name, PyObject *object, size_t count,
                        const int64_t **classes) {
  size_t found = count;
  if (read_whole_list(s, name, object, classes, &found) != 0) return -1;
  if (found == count) return 0;
  return place_fail(&s->at, PyExc_ValueError, "must have %zu entries, not %zu", count, found);
}

int read_image(scoring *s, PyObject *tuple, vloss_coco_image *image) {
  PyObject *boxes, *scores, *classes, *areas, *target_boxes, *target_classes, *target_areas;
  PyObject *crowd, *ignored, *similarity, *negative, *partial;
  int format;
  long long id;
  *image = (vloss_coco_image)VLOSS_COCO_IMAGE_INIT;
  if (!PyArg_ParseTuple(tuple, "LOOOOOOOOOOOOi", &id, &boxes, &scores, &classes, &areas,
                        &target_boxes, &target_classes, &target_areas, &crowd, &ignored,
                        &similarity, &negative, &partial, &format))
    return -1;
  image->image_id = id;
  if (read_corners(s, "boxes", boxes, format, &image->detections, &image->boxes) != 0 ||
      read_corners(s, "target_boxes", target_boxes, format, &image->targets,
                   &image->target_boxes) != 0)
    return -1;
  size_t n = image->detections, m = image->targets;
  int failed =
      read_doubles(s, "scores", scores, 1, &n, &image->scores) != 0 ||
      read_classes(s, "classes", classes, n, &image->classes) != 0 ||
      read_doubles(s, "areas", areas, 1, &n, &image->areas) != 0 ||
      read_classes(s, "target_classes", target_classes, m, &image->target_classes) != 0 ||
      read_doubles(s, "target_areas", target_areas, 1, &m, &image->target_areas) != 0 ||
      read_flags(s, "target_crowd", crowd, m, &image->target_crowd) != 0 ||
      read_flags(s, "target_ignored", ignored, m, &image->target_ignored) != 0 ||
      read_doubles(s, "similarity", similarity, 2, (size_t[]){n, m}, &image->similarity) != 0 ||
      read_whole_list(s, "negative_classes", negative, &image->negative_classes,
                      &image->negative_count) != 0 ||
      read_whole_list(s, "not_exhaustive_classes", partial, &image->not_exhaustive_classes,
                      &image->not_exhaustive_count) != 0;
  return failed ? -1 : 0;
}
