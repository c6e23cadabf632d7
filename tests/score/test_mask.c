/* SPDX-License-Identifier: Apache-2.0 */
/* Do pixels, runs and text become each other, in both orders of pixels, next to memory that nothing
 * may touch? Are area and box those of the pixels? */
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "images.h"
#include "mask_vectors.h"
#include "mode.h"
#include "testing.h"

static guard pixels_guard, counts_guard;

static const char *what(void) { return "test_mask"; }

static uint8_t *place_pixels(const image *i, vloss_mask_layout layout, placement place) {
  size_t n = i->height * i->width;
  uint8_t *p = guard_place(&pixels_guard, place, n, 1);
  guard_paint(&pixels_guard, p, n);
  for (size_t x = 0; x < i->width; x++)
    for (size_t y = 0; y < i->height; y++)
      p[layout == VLOSS_ROW_MAJOR ? y * i->width + x : x * i->height + y] =
          i->pixels[x * i->height + y];
  return p;
}

static void check_encode(rng *r, const image *i, const vloss_mask *runs, vloss_mask_layout layout) {
  vloss_mask_options options = VLOSS_MASK_OPTIONS_INIT;
  placement place = (placement)rng_below(r, PLACEMENTS);
  size_t count = 0, bytes = runs->count * sizeof(uint32_t);
  uint8_t *pixels = place_pixels(i, layout, place);
  for (size_t k = 0; k < i->height * i->width; k++)
    if (pixels[k]) pixels[k] = (uint8_t)(1 + rng_below(r, 255));
  uint32_t *counts = guard_place(&counts_guard, place, bytes, sizeof(uint32_t));
  guard_paint(&counts_guard, counts, bytes);
  options.layout = layout;
  assert_int_equal(
      vloss_mask_encode(pixels, i->height, i->width, &options, runs->count - 1, counts, &count),
      VLOSS_ERROR_CAPACITY);
  assert_int_equal(count, runs->count);
  for (size_t k = 0; k < bytes; k++) assert_int_equal(((unsigned char *)counts)[k], 0xa5);
  count = 0;
  assert_int_equal(
      vloss_mask_encode(pixels, i->height, i->width, &options, runs->count, counts, &count),
      VLOSS_OK);
  expect_runs(runs, counts, count, "encoded");
  assert_true(guard_intact(&counts_guard, counts, bytes));
}

static void check_decode(rng *r, const image *i, const vloss_mask *runs, vloss_mask_layout layout) {
  vloss_mask_options options = VLOSS_MASK_OPTIONS_INIT;
  size_t n = i->height * i->width;
  placement place = (placement)rng_below(r, PLACEMENTS);
  uint8_t *expected = new_array(n, 1), *pixels = place_pixels(i, layout, place);
  memcpy(expected, pixels, n);
  memset(pixels, 7, n);
  options.layout = layout;
  assert_int_equal(vloss_mask_decode(runs, &options, pixels), VLOSS_OK);
  if (memcmp(pixels, expected, n) != 0)
    fail_msg("decoded %zu x %zu, layout %d, differs", i->height, i->width, (int)layout);
  assert_true(guard_intact(&pixels_guard, pixels, n));
  free(expected);
}

static void check_text(const vloss_mask *runs) {
  char *text = new_array(runs->count, 7);
  uint32_t *counts = new_array(runs->count, sizeof *counts);
  size_t length = 0, again = 0, count = 0;
  assert_int_equal(vloss_mask_to_text(runs, NULL, 0, NULL, &length), VLOSS_ERROR_CAPACITY);
  assert_int_equal(vloss_mask_to_text(runs, NULL, length, text, &again), VLOSS_OK);
  assert_int_equal(again, length);
  assert_int_equal(text[length], 0);
  assert_int_equal(vloss_mask_from_text(text, length, runs->height, runs->width, NULL, runs->count,
                                        counts, &count),
                   VLOSS_OK);
  expect_runs(runs, counts, count, "from text");
  free(text);
  free(counts);
}

static void check_measures(const image *i, const vloss_mask *runs) {
  size_t left = i->width, top = i->height, right = 0, bottom = 0;
  int64_t area;
  double box[4];
  for (size_t x = 0; x < i->width; x++)
    for (size_t y = 0; y < i->height; y++)
      if (i->pixels[x * i->height + y]) {
        left = x < left ? x : left;
        top = y < top ? y : top;
        right = x + 1 > right ? x + 1 : right;
        bottom = y + 1 > bottom ? y + 1 : bottom;
      }
  if (!right) left = top = 0;
  assert_int_equal(vloss_mask_area(runs, 1, NULL, &area), VLOSS_OK);
  assert_int_equal(area, image_area(i));
  assert_int_equal(vloss_mask_box(runs, 1, NULL, box), VLOSS_OK);
  assert_true(box[0] == (double)left && box[1] == (double)top);
  assert_true(box[2] == (double)(right - left) && box[3] == (double)(bottom - top));
}

static void check_image(rng *r, size_t height, size_t width) {
  image i = image_random(r, height, width);
  vloss_mask runs = image_runs(&i), stretched = runs_stretched(r, &runs);
  for (int layout = VLOSS_COLUMN_MAJOR; layout <= VLOSS_ROW_MAJOR; layout++) {
    check_encode(r, &i, &runs, (vloss_mask_layout)layout);
    check_decode(r, &i, &runs, (vloss_mask_layout)layout);
    check_decode(r, &i, &stretched, (vloss_mask_layout)layout);
  }
  check_text(&runs);
  check_text(&stretched);
  check_measures(&i, &runs);
  check_measures(&i, &stretched);
  runs_free(&stretched);
  runs_free(&runs);
  image_free(&i);
}

static void test_all_sizes(void **state) {
  (void)state;
  rng r = rng_init(data_seed(), 0);
  size_t step = mode_emulated() ? 7 : 1;
  for (size_t height = 0; height <= 70; height += step)
    for (size_t width = 0; width <= 70; width += step) check_image(&r, height, width);
}

static void test_tall_and_wide(void **state) {
  (void)state;
  static const size_t sizes[][2] = {{16384, 9}, {16385, 9}, {40000, 3}, {3, 40000},
                                    {1, 70000}, {70000, 1}, {480, 640}};
  rng r = rng_init(data_seed(), 1);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (int k = 0; k < (mode_emulated() ? 1 : 8); k++) check_image(&r, sizes[i][0], sizes[i][1]);
}

static void test_published_masks(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof mask_vectors / sizeof *mask_vectors; i++) {
    const mask_vector *v = &mask_vectors[i];
    uint32_t counts[200];
    size_t count = 0, length = 0;
    char text[200];
    double box[4];
    int64_t area;
    assert_int_equal(
        vloss_mask_from_text(v->a, strlen(v->a), v->height, v->width, NULL, 200, counts, &count),
        VLOSS_OK);
    vloss_mask a = {counts, count, v->height, v->width};
    assert_int_equal(vloss_mask_to_text(&a, NULL, sizeof text, text, &length), VLOSS_OK);
    assert_int_equal(length, strlen(v->a));
    assert_memory_equal(text, v->a, length);
    assert_int_equal(vloss_mask_area(&a, 1, NULL, &area), VLOSS_OK);
    assert_int_equal(area, v->area);
    assert_int_equal(vloss_mask_box(&a, 1, NULL, box), VLOSS_OK);
    for (int k = 0; k < 4; k++) assert_true(box[k] == v->box[k]);
  }
}

/* A run of almost all that an image may have, and the largest difference of two. */
static void test_largest(void **state) {
  (void)state;
  uint32_t counts[] = {5, 1, 2, UINT32_MAX - 10, 1, 1}, back[6];
  vloss_mask m = {counts, 6, UINT32_MAX, 1};
  char text[64];
  size_t length = 0, count = 0;
  int64_t area;
  assert_int_equal(vloss_mask_area(&m, 1, NULL, &area), VLOSS_OK);
  assert_int_equal(area, (int64_t)UINT32_MAX - 8);
  assert_int_equal(vloss_mask_to_text(&m, NULL, sizeof text, text, &length), VLOSS_OK);
  assert_int_equal(vloss_mask_from_text(text, length, m.height, 1, NULL, 6, back, &count),
                   VLOSS_OK);
  expect_runs(&m, back, count, "largest");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_all_sizes), cmocka_unit_test(test_tall_and_wide),
      cmocka_unit_test(test_published_masks), cmocka_unit_test(test_largest)};
  pixels_guard = guard_new(1 << 20);
  counts_guard = guard_new(8 << 20);
  guard_announce(what);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  guard_free(&pixels_guard);
  guard_free(&counts_guard);
  return failed != 0;
}
