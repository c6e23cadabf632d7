/* SPDX-License-Identifier: Apache-2.0 */
/* Files of results. */
#include "coco_load.h"
#include "fail.h"

static const char *const names[] = {"image_id",     "category_id", "score", "bbox",
                                    "segmentation", "keypoints",   NULL};
enum { IMAGE, CATEGORY, SCORE, BOX, MASK, POINTS };

/* An empty array is as good as none. */
static int has_box(const entry *e) {
  if (!entry_has(e, BOX)) return 0;
  if (json_node_kind(e->fields[BOX]) != JSON_ARRAY) return 1;
  json_walk numbers = json_walk_begin(e->fields[BOX]);
  return json_walk_next(&numbers);
}

static coco_source source_of(const entry *e) {
  if (has_box(e)) return SOURCE_BOX;
  if (entry_has(e, MASK)) return SOURCE_MASK;
  return entry_has(e, POINTS) ? SOURCE_POINTS : SOURCE_BOX;
}

/* The extents of all keypoints. */
static void box_points(const coco_data *data, coco_item *item) {
  const double *p = data->numbers + item->points;
  double low[2] = {p[0], p[1]}, high[2] = {p[0], p[1]};
  for (int i = 1; i < COCO_POINTS; i++) {
    for (int c = 0; c < 2; c++) {
      double value = p[3 * i + c];
      if (value < low[c]) low[c] = value;
      if (value > high[c]) high[c] = value;
    }
  }
  for (int c = 0; c < 2; c++) {
    item->box[c] = low[c];
    item->box[2 + c] = high[c] - low[c];
  }
  item->area = item->box[2] * item->box[3];
}

/* Area and, where there is none, box of the mask. */
static int measure_mask(const coco_data *data, const entry *e, coco_item *item, int wants_box) {
  vloss_mask mask = coco_mask_of(data, item);
  int64_t area;
  if (vloss_mask_area(&mask, 1, NULL, &area) != VLOSS_OK ||
      (wants_box && vloss_mask_box(&mask, 1, NULL, item->box) != VLOSS_OK))
    return entry_fail(e, MASK, "is no mask");
  item->area = (double)area;
  return 0;
}

/* Areas are taken from what the first result has; boxes too, where there are no others. */
static int read_body(coco_data *data, const entry *e, coco_item *item) {
  int status = 0, from_mask = data->source == SOURCE_MASK, is_boxed = from_mask && has_box(e);
  if (data->source == SOURCE_BOX || is_boxed) {
    status = entry_numbers(e, BOX, 4, item->box);
    item->area = item->box[2] * item->box[3];
  }
  if (status) return status;
  if (data->type == COCO_MASKS && data->source == SOURCE_BOX && !entry_has(e, MASK))
    status = coco_make_mask(data, e, MASK, item);
  else if (data->type == COCO_MASKS || from_mask)
    status = coco_read_mask(data, e, MASK, item);
  if (!status && from_mask) status = measure_mask(data, e, item, !is_boxed);
  if (!status && (data->type == COCO_KEYPOINTS || data->source == SOURCE_POINTS))
    status = coco_read_points(data, e, POINTS, item);
  if (!status && data->source == SOURCE_POINTS) box_points(data, item);
  return status;
}

static int find_image(const coco_data *data, const entry *e, coco_item *item) {
  int64_t id;
  size_t last = data->results.count > 1 ? item[-1].image : SIZE_MAX;
  int status = entry_integer(e, IMAGE, &id);
  if (status) return status;
  if (last != SIZE_MAX && data->images[last].id == id)
    item->image = last;
  else
    item->image = coco_find_image(data, id);
  return item->image != SIZE_MAX ? 0 : entry_fail(e, IMAGE, "names no image of the ground truth");
}

static int read_result(coco_data *data, entry *e, size_t file, json_node node) {
  coco_item *item;
  int status = coco_add_item(&data->results, &item);
  if (!status) status = entry_open(e, node);
  if (status) return status;
  if (data->source == SOURCE_UNKNOWN) data->source = source_of(e);
  item->file = file;
  item->entry = e->index;
  status = find_image(data, e, item);
  if (!status) status = entry_integer(e, CATEGORY, &item->class_id);
  if (!status) status = entry_number(e, SCORE, &item->score);
  if (!status) status = read_body(data, e, item);
  if (status || coco_has_category(data, item->class_id)) return status;
  data->dropped++;
  if (!data->lvis) data->results.count--; /* in LVIS it takes a place among the image's best */
  return 0;
}

int coco_load_results(coco_data *data, size_t file) {
  coco_file f;
  entry e = {.path = data->paths[file], .what = "entry", .names = names};
  int status = coco_file_open(&f, e.path);
  if (!status && json_node_kind(f.root) != JSON_ARRAY)
    status = fail("%s: not an array of results", e.path);
  if (!status) {
    for (json_walk w = json_walk_begin(f.root); !status && json_walk_next(&w); e.index++)
      status = read_result(data, &e, file, w.node);
  }
  coco_file_close(&f);
  return status;
}
