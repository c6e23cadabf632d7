/* SPDX-License-Identifier: Apache-2.0 */
#include "coco_data.h"

#include <stdlib.h>
#include <string.h>

#include "fail.h"

void coco_data_free(coco_data *data) {
  for (size_t i = 0; i < data->name_count; i++) free(data->names[i]);
  free(data->names);
  free(data->images);
  free(data->categories);
  free(data->targets.items);
  free(data->targets.begin);
  free(data->results.items);
  free(data->results.begin);
  free(data->numbers);
  free(data->runs);
  free(data->polygons);
  free(data->workspace);
  free(data->integers);
}

int coco_grow(void **array, size_t *room, size_t count, size_t more, size_t width) {
  if (*room - count >= more) return 0;
  size_t wanted = *room + *room / 2 + more + 64;
  void *larger = wanted < PTRDIFF_MAX / width ? realloc(*array, wanted * width) : NULL;
  if (larger == NULL) return fail("out of memory");
  *array = larger;
  *room = wanted;
  return 0;
}

static int compare(int64_t a, int64_t b) { return (a > b) - (a < b); }

static int by_image(const void *a, const void *b) {
  const coco_image *x = a, *y = b;
  int order = compare(x->id, y->id);
  return order ? order : (x->entry > y->entry) - (x->entry < y->entry);
}

static int by_category(const void *a, const void *b) {
  const coco_category *x = a, *y = b;
  int order = compare(x->id, y->id);
  return order ? order : (x->entry > y->entry) - (x->entry < y->entry);
}

void coco_order_images(coco_data *data) {
  size_t kept = 0;
  coco_image *images = data->images;
  if (data->image_count) qsort(images, data->image_count, sizeof *images, by_image);
  for (size_t i = 0; i < data->image_count; i++) {
    if (kept == 0 || images[i].id != images[kept - 1].id) images[kept++] = images[i];
  }
  data->image_count = kept;
}

void coco_order_categories(coco_data *data) {
  size_t kept = 0;
  coco_category *c = data->categories;
  if (data->category_count) qsort(c, data->category_count, sizeof *c, by_category);
  for (size_t i = 0; i < data->category_count; i++) {
    if (kept == 0 || c[i].id != c[kept - 1].id) c[kept++] = c[i];
  }
  data->category_count = kept;
}

size_t coco_find_image(const coco_data *data, int64_t id) {
  size_t low = 0, high = data->image_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (data->images[middle].id < id)
      low = middle + 1;
    else
      high = middle;
  }
  return low < data->image_count && data->images[low].id == id ? low : SIZE_MAX;
}

int coco_has_category(const coco_data *data, int64_t id) {
  size_t low = 0, high = data->category_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (data->categories[middle].id < id)
      low = middle + 1;
    else
      high = middle;
  }
  return low < data->category_count && data->categories[low].id == id;
}

vloss_mask coco_mask_of(const coco_data *data, const coco_item *item) {
  return (vloss_mask){data->runs + item->begin, item->count, item->height, item->width};
}

static int are_ordered(const coco_items *items) {
  for (size_t i = 1; i < items->count; i++) {
    if (items->items[i].image < items->items[i - 1].image) return 0;
  }
  return 1;
}

int coco_order_items(const coco_data *data, coco_items *items) {
  /* Image i begins at begin[i + 1], and at begin[i] when all those before it have been placed. */
  size_t images = data->image_count, *begin = calloc(images + 2, sizeof *begin);
  if (begin == NULL) return fail("out of memory");
  for (size_t i = 0; i < items->count; i++) begin[items->items[i].image + 2]++;
  for (size_t i = 2; i < images + 2; i++) begin[i] += begin[i - 1];
  if (!are_ordered(items)) {
    coco_item *ordered = malloc(items->count * sizeof *ordered);
    if (ordered == NULL) {
      free(begin);
      return fail("out of memory");
    }
    for (size_t i = 0; i < items->count; i++)
      ordered[begin[items->items[i].image + 1]++] = items->items[i];
    free(items->items);
    items->items = ordered;
    items->room = items->count;
  } else {
    memmove(begin, begin + 1, (images + 1) * sizeof *begin);
  }
  items->begin = begin;
  return 0;
}
