/* SPDX-License-Identifier: Apache-2.0 */
/* A ground truth and its results in memory. */
#ifndef VLOSS_TOOLS_COCO_DATA_H
#define VLOSS_TOOLS_COCO_DATA_H

#include <vloss/coco.h>
#include <vloss/mask.h>

enum { COCO_POINTS = 17, COCO_POINT_NUMBERS = 3 * COCO_POINTS };

typedef enum coco_type { COCO_BOXES, COCO_MASKS, COCO_KEYPOINTS } coco_type;

typedef struct coco_image {
  int64_t id;
  size_t entry;             /* in its file */
  int64_t height, width;    /* -1: not said */
  size_t negative, partial; /* LVIS: where its classes begin in the pool, */
  size_t negative_count, partial_count;
} coco_image;

typedef struct coco_category {
  int64_t id;
  size_t entry;
  const char *name; /* in the pool of text, or NULL */
  uint8_t frequency;
} coco_category;

/* An annotation or a result. */
typedef struct coco_item {
  size_t file, entry; /* where it came from */
  size_t image;       /* index */
  int64_t id, class_id;
  double box[4], area, score;
  size_t begin, count;  /* its runs in the pool */
  size_t height, width; /* of them */
  size_t points;        /* where its keypoints begin in the pool of numbers */
  uint8_t is_crowd, is_ignored;
} coco_item;

/* Items in the order of their images; those of image i are [begin[i], begin[i + 1]). */
typedef struct coco_items {
  coco_item *items;
  size_t count, room;
  size_t *begin;
} coco_items;

/* What the area, and a missing box, of results are taken from: the first one decides. */
typedef enum coco_source { SOURCE_UNKNOWN, SOURCE_BOX, SOURCE_MASK, SOURCE_POINTS } coco_source;

typedef struct coco_data {
  coco_type type;
  int lvis;
  const char *const *paths; /* of the ground truth, then of the results */
  coco_image *images;       /* by id */
  size_t image_count, image_room;
  coco_category *categories; /* by id */
  size_t category_count, category_room;
  coco_items targets, results;
  coco_source source;
  size_t dropped; /* results of classes that the ground truth does not have */
  double *numbers;
  size_t number_count, number_room;
  uint32_t *runs;
  size_t run_count, run_room;
  vloss_polygon *polygons; /* of the mask that is being read */
  size_t polygon_count, polygon_room;
  void *workspace;
  size_t workspace_size;
  int64_t *integers;
  size_t integer_count, integer_room;
  char **names; /* owned */
  size_t name_count, name_room;
} coco_data;

void coco_data_free(coco_data *data);

/* Each of these returns 0, or an exit code after saying what is wrong. */

/* Room for `more` elements of `width` bytes behind `count`. */
int coco_grow(void **array, size_t *room, size_t count, size_t more, size_t width);

/* Read the files. */
int coco_load_truth(coco_data *data);
int coco_load_results(coco_data *data, size_t file);

vloss_mask coco_mask_of(const coco_data *data, const coco_item *item);

/* Index of an image, or SIZE_MAX. */
size_t coco_find_image(const coco_data *data, int64_t id);
int coco_has_category(const coco_data *data, int64_t id);

/* Order images and categories by id, each once. */
void coco_order_images(coco_data *data);
void coco_order_categories(coco_data *data);

/* Order items by image, otherwise as they came. */
int coco_order_items(const coco_data *data, coco_items *items);

#endif
