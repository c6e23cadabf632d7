/* SPDX-License-Identifier: Apache-2.0 */
/* The ground truth's file. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coco_load.h"
#include "fail.h"

/* An id and the annotation that has it. */
typedef struct owner {
  int64_t id;
  size_t entry;
} owner;

static int read_classes(coco_data *data, const entry *e, int field, size_t *begin, size_t *count) {
  int status = entry_array(e, field);
  if (status) return status;
  *begin = data->integer_count;
  *count = json_count(e->fields[field]);
  status = coco_grow((void **)&data->integers, &data->integer_room, data->integer_count, *count,
                     sizeof *data->integers);
  if (status) return status;
  for (json_walk w = json_walk_begin(e->fields[field]); json_walk_next(&w);) {
    if (json_node_kind(w.node) != JSON_INTEGER) return entry_fail(e, field, "must hold integers");
    data->integers[data->integer_count++] = json_node_integer(w.node);
  }
  return 0;
}

/* Where no mask needs it, what is no extent is as good as none. */
static int read_extent(const coco_data *data, const entry *e, int field, int64_t *extent) {
  *extent = -1;
  if (!entry_has(e, field)) return 0;
  int is_integer = json_node_kind(e->fields[field]) == JSON_INTEGER;
  int64_t value = is_integer ? json_node_integer(e->fields[field]) : -1;
  if (value >= 0 && value <= UINT32_MAX)
    *extent = value;
  else if (data->type == COCO_MASKS)
    return entry_fail(e, field, "must be a number of pixels");
  return 0;
}

static int read_image(coco_data *data, entry *e, json_node node) {
  static const char *const names[] = {
      "id", "height", "width", "neg_category_ids", "not_exhaustive_category_ids", NULL};
  enum { ID, HEIGHT, WIDTH, NEGATIVE, PARTIAL };
  e->names = names;
  int status = coco_grow((void **)&data->images, &data->image_room, data->image_count, 1,
                         sizeof *data->images);
  if (!status) status = entry_open(e, node);
  if (status) return status;
  coco_image *image = &data->images[data->image_count++];
  *image = (coco_image){.entry = e->index, .height = -1, .width = -1};
  status = entry_integer(e, ID, &image->id);
  if (!status) status = read_extent(data, e, HEIGHT, &image->height);
  if (!status) status = read_extent(data, e, WIDTH, &image->width);
  if (status || !data->lvis) return status;
  status = read_classes(data, e, NEGATIVE, &image->negative, &image->negative_count);
  return status ? status : read_classes(data, e, PARTIAL, &image->partial, &image->partial_count);
}

static int read_frequency(const entry *e, int field, uint8_t *frequency) {
  static const char letters[] = "rcf"; /* in the order of vloss_coco_frequency */
  size_t length = 0;
  const char *text = "";
  if (!entry_has(e, field)) return entry_fail(e, field, "is missing");
  if (json_node_kind(e->fields[field]) == JSON_STRING)
    text = json_node_string(e->fields[field], &length);
  const char *letter = length == 1 ? strchr(letters, *text) : NULL;
  if (letter == NULL || *letter == '\0') return entry_fail(e, field, "must be r, c or f");
  *frequency = (uint8_t)(letter - letters);
  return 0;
}

static int keep_name(coco_data *data, json_node node, const char **name) {
  size_t length;
  const char *text = json_node_string(node, &length);
  int status =
      coco_grow((void **)&data->names, &data->name_room, data->name_count, 1, sizeof *data->names);
  char *copy = status ? NULL : malloc(length + 1);
  if (copy == NULL) return status ? status : fail("out of memory");
  memcpy(copy, text, length);
  copy[length] = '\0';
  *name = data->names[data->name_count++] = copy;
  return 0;
}

static int read_category(coco_data *data, entry *e, json_node node) {
  static const char *const names[] = {"id", "name", "frequency", NULL};
  enum { ID, NAME, FREQUENCY };
  e->names = names;
  int status = coco_grow((void **)&data->categories, &data->category_room, data->category_count, 1,
                         sizeof *data->categories);
  if (!status) status = entry_open(e, node);
  if (status) return status;
  coco_category *category = &data->categories[data->category_count++];
  *category = (coco_category){.entry = e->index};
  status = entry_integer(e, ID, &category->id);
  if (!status && entry_has(e, NAME) && json_node_kind(e->fields[NAME]) == JSON_STRING)
    status = keep_name(data, e->fields[NAME], &category->name);
  if (!status && data->lvis) status = read_frequency(e, FREQUENCY, &category->frequency);
  return status;
}

static const char *const annotation_names[] = {
    "id",   "image_id",     "category_id", "area",          "iscrowd",
    "bbox", "segmentation", "keypoints",   "num_keypoints", NULL};
enum { ID, IMAGE, CATEGORY, AREA, CROWD, BOX, MASK, POINTS, VISIBLE };

/* What the kind of evaluation compares. */
static int read_body(coco_data *data, const entry *e, coco_item *item) {
  int64_t visible = 0;
  int status = 0;
  switch (data->type) {
    case COCO_BOXES: return entry_numbers(e, BOX, 4, item->box);
    case COCO_MASKS: return coco_read_mask(data, e, MASK, item);
    case COCO_KEYPOINTS: break;
  }
  status = entry_numbers(e, BOX, 4, item->box);
  if (!status) status = coco_read_points(data, e, POINTS, item);
  if (!status) status = entry_integer(e, VISIBLE, &visible);
  item->is_ignored = visible == 0;
  return status;
}

static int read_annotation(coco_data *data, entry *e, json_node node) {
  coco_item *item;
  int64_t image;
  int crowd = 0, status = coco_add_item(&data->targets, &item);
  e->names = annotation_names;
  if (!status) status = entry_open(e, node);
  if (status) return status;
  item->entry = e->index;
  status = entry_integer(e, ID, &item->id);
  if (!status) status = entry_integer(e, IMAGE, &image);
  if (!status) status = entry_integer(e, CATEGORY, &item->class_id);
  if (!status) status = entry_number(e, AREA, &item->area);
  if (!status && entry_has(e, CROWD)) status = entry_flag(e, CROWD, &crowd);
  if (status) return status;
  item->is_crowd = (uint8_t)crowd;
  item->image = coco_find_image(data, image);
  if (item->image == SIZE_MAX) return entry_fail(e, IMAGE, "names no image of the file");
  return read_body(data, e, item);
}

static int by_owner(const void *a, const void *b) {
  const owner *x = a, *y = b;
  if (x->id != y->id) return x->id < y->id ? -1 : 1;
  return (x->entry > y->entry) - (x->entry < y->entry);
}

static int check_ids(const coco_data *data) {
  size_t count = data->targets.count;
  owner *owners = malloc(count * sizeof *owners + 1);
  if (owners == NULL) return fail("out of memory");
  for (size_t i = 0; i < count; i++)
    owners[i] = (owner){data->targets.items[i].id, data->targets.items[i].entry};
  if (count) qsort(owners, count, sizeof *owners, by_owner);
  int status = 0;
  for (size_t i = 1; i < count && !status; i++) {
    if (owners[i].id == owners[i - 1].id)
      status = fail("%s: annotation %zu: 'id' %" PRId64 " is that of annotation %zu too",
                    data->paths[0], owners[i].entry, owners[i].id, owners[i - 1].entry);
  }
  free(owners);
  return status;
}

/* Reads each element of an array of the file. */
static int read_list(coco_data *data, const entry *file, int field, const char *what,
                     int (*read)(coco_data *, entry *, json_node)) {
  entry e = {.path = file->path, .what = what};
  int status = entry_array(file, field);
  if (status) return status;
  for (json_walk w = json_walk_begin(file->fields[field]); json_walk_next(&w); e.index++) {
    if ((status = read(data, &e, w.node)) != 0) return status;
  }
  return 0;
}

static void drop_foreign_classes(coco_data *data) {
  size_t kept = 0;
  coco_items *targets = &data->targets;
  for (size_t i = 0; i < targets->count; i++) {
    if (coco_has_category(data, targets->items[i].class_id))
      targets->items[kept++] = targets->items[i];
  }
  targets->count = kept;
}

int coco_load_truth(coco_data *data) {
  static const char *const names[] = {"images", "categories", "annotations", NULL};
  enum { IMAGES, CATEGORIES, ANNOTATIONS };
  entry whole = {.path = data->paths[0], .names = names};
  coco_file file;
  int status = coco_file_open(&file, data->paths[0]);
  if (!status) status = entry_open(&whole, file.root);
  if (!status) status = read_list(data, &whole, IMAGES, "image", read_image);
  if (!status) coco_order_images(data);
  if (!status) status = read_list(data, &whole, CATEGORIES, "category", read_category);
  if (!status) coco_order_categories(data);
  if (!status) status = read_list(data, &whole, ANNOTATIONS, "annotation", read_annotation);
  if (!status) status = check_ids(data);
  if (!status) drop_foreign_classes(data);
  coco_file_close(&file);
  return status ? status : coco_order_items(data, &data->targets);
}
