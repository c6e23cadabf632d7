/* SPDX-License-Identifier: Apache-2.0 */
/* Segmentations of a file, as runs. */
#include <vloss/mask.h>

#include "coco_load.h"
#include "fail.h"

/* All masks of an image are of one size: its own, or where it does not say, that of the first. */
static int check_size(coco_data *data, const entry *e, int field, const coco_item *item) {
  coco_image *image = &data->images[item->image];
  if (image->height < 0 || image->width < 0) {
    image->height = (int64_t)item->height;
    image->width = (int64_t)item->width;
  }
  if ((size_t)image->height == item->height && (size_t)image->width == item->width) return 0;
  return entry_fail(e, field, "is not of its image's size");
}

static int grow_runs(coco_data *data, size_t more) {
  return coco_grow((void **)&data->runs, &data->run_room, data->run_count, more,
                   sizeof *data->runs);
}

static int read_polygon(coco_data *data, const entry *e, int field, json_node polygon) {
  if (json_node_kind(polygon) != JSON_ARRAY) return entry_fail(e, field, "must hold polygons");
  size_t count = json_count(polygon), begin = data->number_count;
  if (count % 2 != 0) return entry_fail(e, field, "must hold polygons of pairs of numbers");
  int status = coco_grow((void **)&data->numbers, &data->number_room, begin, count + 1,
                         sizeof *data->numbers);
  if (!status)
    status = coco_grow((void **)&data->polygons, &data->polygon_room, data->polygon_count, 1,
                       sizeof *data->polygons);
  if (status) return status;
  for (json_walk w = json_walk_begin(polygon); json_walk_next(&w);) {
    if (!is_number(w.node)) return entry_fail(e, field, "must hold polygons of numbers");
    data->numbers[data->number_count++] = json_node_number(w.node);
  }
  data->polygons[data->polygon_count++] = (vloss_polygon){.count = count / 2};
  return 0;
}

/* The union of the polygons behind `begin` in the pool of numbers, which it gives back. */
static int draw(coco_data *data, const entry *e, int field, size_t begin, coco_item *item) {
  const double *vertices = data->numbers + begin;
  size_t n = data->polygon_count, count = 0;
  for (size_t i = 0; i < n; vertices += 2 * data->polygons[i++].count)
    data->polygons[i].vertices = vertices;
  data->number_count = begin;
  data->polygon_count = 0;
  size_t size = vloss_mask_polygons_workspace(data->polygons, n, item->height, item->width);
  int status = coco_grow(&data->workspace, &data->workspace_size, 0, size, 1);
  vloss_status drawn = VLOSS_ERROR_CAPACITY;
  for (size_t room = 64; !status && drawn == VLOSS_ERROR_CAPACITY; room = count) {
    status = grow_runs(data, room);
    if (status) return status;
    drawn = vloss_mask_from_polygons(data->polygons, n, item->height, item->width, NULL,
                                     data->workspace, data->workspace_size, room,
                                     data->runs + data->run_count, &count);
  }
  if (status) return status;
  if (drawn != VLOSS_OK) return entry_fail(e, field, "has coordinates out of range");
  item->begin = data->run_count;
  item->count = count;
  data->run_count += count;
  return 0;
}

static int take_image_size(coco_data *data, const entry *e, int field, coco_item *item) {
  const coco_image *image = &data->images[item->image];
  if (image->height < 0 || image->width < 0)
    return entry_fail(e, field, "needs 'height' and 'width' of its image");
  item->height = (size_t)image->height;
  item->width = (size_t)image->width;
  return 0;
}

static int read_polygons(coco_data *data, const entry *e, int field, coco_item *item) {
  size_t begin = data->number_count;
  int status = take_image_size(data, e, field, item);
  for (json_walk w = json_walk_begin(e->fields[field]); !status && json_walk_next(&w);)
    status = read_polygon(data, e, field, w.node);
  return status ? status : draw(data, e, field, begin, item);
}

int coco_make_mask(coco_data *data, const entry *e, int field, coco_item *item) {
  const double *b = item->box, right = b[0] + b[2], bottom = b[1] + b[3];
  const double corners[] = {b[0], b[1], b[0], bottom, right, bottom, right, b[1]};
  enum { NUMBERS = sizeof corners / sizeof *corners };
  size_t begin = data->number_count;
  int status = take_image_size(data, e, field, item);
  if (!status)
    status = coco_grow((void **)&data->numbers, &data->number_room, begin, NUMBERS,
                       sizeof *data->numbers);
  if (!status)
    status = coco_grow((void **)&data->polygons, &data->polygon_room, 0, 1, sizeof *data->polygons);
  if (status) return status;
  for (int i = 0; i < NUMBERS; i++) data->numbers[begin + (size_t)i] = corners[i];
  data->polygons[0] = (vloss_polygon){.count = NUMBERS / 2};
  data->polygon_count = 1;
  return draw(data, e, field, begin, item);
}

static int read_list(coco_data *data, const entry *e, int field, json_node counts,
                     coco_item *item) {
  item->count = json_count(counts);
  int status = grow_runs(data, item->count);
  if (status) return status;
  uint32_t *run = data->runs + item->begin;
  for (json_walk w = json_walk_begin(counts); json_walk_next(&w);) {
    int64_t length = json_node_kind(w.node) == JSON_INTEGER ? json_node_integer(w.node) : -1;
    if (length < 0 || length > UINT32_MAX)
      return entry_fail(e, field, "has counts that are no lengths of runs");
    *run++ = (uint32_t)length;
  }
  return 0;
}

static int read_text(coco_data *data, const entry *e, int field, json_node text, coco_item *item) {
  size_t length;
  const char *characters = json_node_string(text, &length);
  int status = grow_runs(data, length);
  if (status) return status;
  if (vloss_mask_from_text(characters, length, item->height, item->width, NULL, length,
                           data->runs + item->begin, &item->count) != VLOSS_OK)
    return entry_fail(e, field, "has counts that are no mask of its size");
  return 0;
}

static int read_size(const entry *e, int field, coco_item *item) {
  double size[2];
  int status = entry_numbers(e, field, 2, size);
  if (status) return status;
  for (int i = 0; i < 2; i++) {
    if (!(size[i] >= 0 && size[i] <= UINT32_MAX) || size[i] != (double)(uint32_t)size[i])
      return entry_fail(e, field, "must be two whole numbers");
  }
  item->height = (size_t)size[0];
  item->width = (size_t)size[1];
  return 0;
}

static int read_runs(coco_data *data, const entry *e, int field, coco_item *item) {
  static const char *const names[] = {"size", "counts", NULL};
  enum { SIZE, COUNTS };
  entry runs = {.path = e->path, .what = e->what, .index = e->index, .names = names};
  int64_t area;
  int status = entry_open(&runs, e->fields[field]);
  if (!status) status = read_size(&runs, SIZE, item);
  if (!status) status = check_size(data, e, field, item);
  if (status) return status;
  item->begin = data->run_count;
  int is_text = entry_has(&runs, COUNTS) && json_node_kind(runs.fields[COUNTS]) == JSON_STRING;
  if (!is_text) status = entry_array(&runs, COUNTS);
  if (!status)
    status = (is_text ? read_text : read_list)(data, e, field, runs.fields[COUNTS], item);
  if (status) return status;
  data->run_count += item->count;
  vloss_mask mask = coco_mask_of(data, item);
  if (vloss_mask_area(&mask, 1, NULL, &area) == VLOSS_OK) return 0;
  return entry_fail(e, field, "has counts that do not add up to its size");
}

int coco_read_mask(coco_data *data, const entry *e, int field, coco_item *item) {
  if (!entry_has(e, field)) return entry_fail(e, field, "is missing");
  switch (json_node_kind(e->fields[field])) {
    case JSON_OBJECT: return read_runs(data, e, field, item);
    case JSON_ARRAY: return read_polygons(data, e, field, item);
    default: return entry_fail(e, field, "must be runs or polygons");
  }
}
