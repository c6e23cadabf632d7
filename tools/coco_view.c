/* SPDX-License-Identifier: Apache-2.0 */
#include "coco_view.h"

#include <stdlib.h>
#include <string.h>

void coco_view_free(coco_view *view) {
  for (size_t i = 0; i < COCO_BUFFERS; i++) free(view->buffers[i].bytes);
}

void *coco_view_memory(coco_view *view, size_t bytes) {
  size_t i = view->used++;
  if (view->buffers[i].bytes == NULL || view->buffers[i].size < bytes) {
    free(view->buffers[i].bytes);
    view->buffers[i].size = bytes + bytes / 2 + 64;
    view->buffers[i].bytes = bytes < PTRDIFF_MAX / 2 ? malloc(view->buffers[i].size) : NULL;
  }
  return view->buffers[i].bytes;
}

/* The arrays of one side. */
typedef struct side {
  const coco_item *items;
  size_t count;
  double *boxes, *areas, *scores;
  int64_t *classes;
  uint8_t *crowd, *ignored;
} side;

static int open_side(coco_view *view, const coco_items *all, size_t image, side *s) {
  size_t count = all->begin[image + 1] - all->begin[image];
  const coco_item *items = all->items + all->begin[image];
  double *numbers = coco_view_memory(view, count * 6 * sizeof *numbers);
  int64_t *classes = coco_view_memory(view, count * sizeof *classes);
  uint8_t *flags = coco_view_memory(view, 2 * count);
  if (numbers == NULL || classes == NULL || flags == NULL) return 0;
  *s = (side){items,   count, numbers,      numbers + 4 * count, numbers + 5 * count,
              classes, flags, flags + count};
  for (size_t i = 0; i < count; i++) {
    memcpy(s->boxes + 4 * i, items[i].box, sizeof items[i].box);
    s->areas[i] = items[i].area;
    s->scores[i] = items[i].score;
    s->classes[i] = items[i].class_id;
    s->crowd[i] = items[i].is_crowd;
    s->ignored[i] = items[i].is_ignored;
  }
  return 1;
}

static vloss_mask *open_masks(coco_view *view, const coco_data *data, const side *s) {
  vloss_mask *masks = coco_view_memory(view, s->count * sizeof *masks);
  for (size_t i = 0; masks != NULL && i < s->count; i++)
    masks[i] = coco_mask_of(data, &s->items[i]);
  return masks;
}

/* The reader has seen that the masks are good and of one size. */
static int compare_masks(coco_view *view, const coco_data *data, const side *d, const side *t,
                         double *out) {
  vloss_mask_options options = VLOSS_MASK_OPTIONS_INIT;
  vloss_mask *a = open_masks(view, data, d), *b = open_masks(view, data, t);
  if (a == NULL || b == NULL) return 0;
  size_t size = vloss_mask_iou_workspace(a, d->count, b, t->count);
  void *workspace = coco_view_memory(view, size);
  options.crowd = data->lvis ? NULL : t->crowd;
  return workspace != NULL &&
         vloss_mask_iou(a, d->count, b, t->count, &options, workspace, size, out) == VLOSS_OK;
}

static double *open_points(coco_view *view, const coco_data *data, const side *s) {
  double *points = coco_view_memory(view, s->count * COCO_POINT_NUMBERS * sizeof *points);
  for (size_t i = 0; points != NULL && i < s->count; i++)
    memcpy(points + i * COCO_POINT_NUMBERS, data->numbers + s->items[i].points,
           COCO_POINT_NUMBERS * sizeof *points);
  return points;
}

static int compare_points(coco_view *view, const coco_data *data, const side *d, const side *t,
                          double *out) {
  double *a = open_points(view, data, d), *b = open_points(view, data, t);
  return a != NULL && b != NULL &&
         vloss_oks(a, d->count, b, t->areas, t->boxes, t->count, COCO_POINTS, NULL, out) ==
             VLOSS_OK;
}

static int compare(coco_view *view, const coco_data *data, const side *d, const side *t) {
  if (data->type == COCO_BOXES || d->count == 0 || t->count == 0) return 1;
  size_t pairs;
  if (__builtin_mul_overflow(d->count, t->count * sizeof(double), &pairs)) return 0;
  double *similarity = coco_view_memory(view, pairs);
  view->image.similarity = similarity;
  if (similarity == NULL) return 0;
  return (data->type == COCO_MASKS ? compare_masks : compare_points)(view, data, d, t, similarity);
}

int coco_view_open(coco_view *view, const coco_data *data, size_t image) {
  const coco_image *about = &data->images[image];
  side d, t;
  view->used = 0;
  view->image = (vloss_coco_image)VLOSS_COCO_IMAGE_INIT;
  if (!open_side(view, &data->results, image, &d) || !open_side(view, &data->targets, image, &t))
    return 0;
  view->image.image_id = about->id;
  view->image.detections = d.count;
  view->image.boxes = d.boxes;
  view->image.scores = d.scores;
  view->image.classes = d.classes;
  view->image.areas = d.areas;
  view->image.targets = t.count;
  view->image.target_boxes = t.boxes;
  view->image.target_classes = t.classes;
  view->image.target_areas = t.areas;
  view->image.target_crowd = t.crowd;
  view->image.target_ignored = t.ignored;
  view->image.negative_classes = data->integers + about->negative;
  view->image.negative_count = about->negative_count;
  view->image.not_exhaustive_classes = data->integers + about->partial;
  view->image.not_exhaustive_count = about->partial_count;
  return compare(view, data, &d, &t);
}
