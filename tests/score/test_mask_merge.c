/* SPDX-License-Identifier: Apache-2.0 */
/* Are unions and intersections those of the pixels, and polygons drawn as COCO draws them? */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "images.h"
#include "mask_vectors.h"
#include "mode.h"
#include "testing.h"

enum { MOST = 6 };

/* Merges with just enough workspace, misaligned, and just enough capacity, and less of each. */
static void check_merge(const vloss_mask *masks, size_t n, vloss_mask_operation operation,
                        const vloss_mask *expected) {
  size_t need = vloss_mask_merge_workspace(masks, n), count = 0;
  char *workspace = new_array(need + 1, 1);
  uint32_t *counts = new_array(expected->count, sizeof *counts);
  memset(counts, 9, (expected->count + 1) * sizeof *counts);
  if (need)
    assert_int_equal(vloss_mask_merge(masks, n, operation, NULL, workspace + 1, need - 1,
                                      expected->count, counts, &count),
                     VLOSS_ERROR_WORKSPACE);
  assert_int_equal(count, 0);
  assert_int_equal(vloss_mask_merge(masks, n, operation, NULL, workspace + 1, need,
                                    expected->count - 1, counts, &count),
                   VLOSS_ERROR_CAPACITY);
  assert_int_equal(count, expected->count);
  for (size_t i = 0; i <= expected->count; i++) assert_int_equal(counts[i], 0x09090909);
  assert_int_equal(
      vloss_mask_merge(masks, n, operation, NULL, workspace + 1, need, count, counts, &count),
      VLOSS_OK);
  expect_runs(expected, counts, count, "merged");
  assert_int_equal(counts[count], 0x09090909);
  free(counts);
  free(workspace);
}

static void one_merge(rng *r) {
  size_t height = rng_below(r, 40), width = rng_below(r, 40), n = 1 + rng_below(r, MOST);
  image results[] = {image_new(height, width), image_new(height, width)};
  vloss_mask masks[MOST];
  memset(results[VLOSS_MASK_INTERSECTION].pixels, 1, height * width);
  for (size_t i = 0; i < n; i++) {
    image now = image_random(r, height, width);
    vloss_mask runs = image_runs(&now);
    for (size_t k = 0; k < height * width; k++) {
      results[VLOSS_MASK_UNION].pixels[k] |= now.pixels[k];
      results[VLOSS_MASK_INTERSECTION].pixels[k] &= now.pixels[k];
    }
    masks[i] = runs;
    if (rng_below(r, 2)) {
      masks[i] = runs_stretched(r, &runs);
      runs_free(&runs);
    }
    image_free(&now);
  }
  for (int operation = 0; operation < 2; operation++) {
    vloss_mask expected = image_runs(&results[operation]);
    check_merge(masks, n, (vloss_mask_operation)operation, &expected);
    runs_free(&expected);
    image_free(&results[operation]);
  }
  for (size_t i = 0; i < n; i++) runs_free(&masks[i]);
}

static void test_random_merges(void **state) {
  (void)state;
  rng r = rng_init(data_seed(), 0);
  for (int i = 0; i < (mode_emulated() ? 100 : 3000); i++) one_merge(&r);
}

static void test_no_masks(void **state) {
  (void)state;
  size_t count = 5;
  assert_int_equal(vloss_mask_merge_workspace(NULL, 0), 0);
  assert_int_equal(vloss_mask_merge(NULL, 0, VLOSS_MASK_UNION, NULL, NULL, 0, 0, NULL, &count),
                   VLOSS_OK);
  assert_int_equal(count, 0);
}

static size_t read_text(const char *text, size_t height, size_t width, uint32_t *counts) {
  size_t count = 0;
  assert_int_equal(
      vloss_mask_from_text(text, strlen(text), height, width, NULL, 400, counts, &count), VLOSS_OK);
  return count;
}

static void test_published_merges(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof mask_vectors / sizeof *mask_vectors; i++) {
    const mask_vector *v = &mask_vectors[i];
    uint32_t counts[4][400];
    const char *const texts[] = {v->a, v->b, v->either, v->both};
    vloss_mask m[4];
    for (int k = 0; k < 4; k++)
      m[k] = (vloss_mask){counts[k], read_text(texts[k], v->height, v->width, counts[k]), v->height,
                          v->width};
    check_merge(m, 2, VLOSS_MASK_UNION, &m[2]);
    check_merge(m, 2, VLOSS_MASK_INTERSECTION, &m[3]);
  }
}

static void check_polygons(const vloss_polygon *polygons, size_t n, const vloss_mask *expected) {
  size_t height = expected->height, width = expected->width, count = 0;
  size_t need = vloss_mask_polygons_workspace(polygons, n, height, width);
  char *workspace = new_array(need + 1, 1);
  uint32_t *counts = new_array(expected->count, sizeof *counts);
  assert_true(need > 0);
  assert_int_equal(vloss_mask_from_polygons(polygons, n, height, width, NULL, workspace + 1,
                                            need - 1, expected->count, counts, &count),
                   VLOSS_ERROR_WORKSPACE);
  assert_int_equal(count, 0);
  assert_int_equal(vloss_mask_from_polygons(polygons, n, height, width, NULL, workspace + 1, need,
                                            0, NULL, &count),
                   VLOSS_ERROR_CAPACITY);
  assert_int_equal(count, expected->count);
  assert_int_equal(vloss_mask_from_polygons(polygons, n, height, width, NULL, workspace + 1, need,
                                            count, counts, &count),
                   VLOSS_OK);
  expect_runs(expected, counts, count, "polygons");
  free(counts);
  free(workspace);
}

static void test_published_polygons(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof polygon_vectors / sizeof *polygon_vectors; i++) {
    const polygon_vector *v = &polygon_vectors[i];
    uint32_t counts[400];
    vloss_mask expected = {counts, read_text(v->text, v->height, v->width, counts), v->height,
                           v->width};
    vloss_polygon polygons[] = {{v->vertices, v->corners[0]},
                                {v->vertices + 2 * v->corners[0], v->corners[1]}};
    check_polygons(polygons, 1 + (v->corners[1] > 0), &expected);
  }
}

/* A point of the boundary; every one of them is visited, as in COCO's source. */
typedef struct point {
  long x, y;
} point;

static point fine(const double *v) { return (point){(long)(5 * v[0] + .5), (long)(5 * v[1] + .5)}; }

static point along(point a, point b, long steps, long t) {
  int by_x = labs(b.x - a.x) >= labs(b.y - a.y);
  int turned = by_x ? a.x > b.x : a.y > b.y;
  point from = turned ? b : a, to = turned ? a : b;
  if (turned) t = steps - t;
  if (!steps) return from;
  if (by_x)
    return (point){from.x + t, (long)((double)from.y +
                                      (double)(to.y - from.y) / (double)steps * (double)t + .5)};
  return (point){(long)((double)from.x + (double)(to.x - from.x) / (double)steps * (double)t + .5),
                 from.y + t};
}

/* Turns the pixels behind a place over, in the order of runs. */
static void turn_over(image *i, size_t column, double row) {
  size_t from = column * i->height + (size_t)row;
  for (size_t k = from; k < i->height * i->width; k++) i->pixels[k] ^= 1;
}

static void visit(image *i, point u, point v) {
  if (u.x == v.x) return;
  double x = ((double)(u.x < v.x ? u.x : v.x) + .5) / 5 - .5;
  double y = ((double)(u.y < v.y ? u.y : v.y) + .5) / 5 - .5;
  if (floor(x) != x || x < 0 || x > (double)i->width - 1) return;
  y = ceil(fmin(fmax(y, 0), (double)i->height));
  turn_over(i, (size_t)x, y);
}

static void draw(image *i, const vloss_polygon *p) {
  point before = {0, 0};
  for (size_t k = 0; k < p->count; k++) {
    point a = fine(p->vertices + 2 * k), b = fine(p->vertices + 2 * ((k + 1) % p->count));
    long dx = labs(b.x - a.x), dy = labs(b.y - a.y), steps = dx >= dy ? dx : dy;
    for (long t = 0; t <= steps; t++) {
      point now = along(a, b, steps, t);
      if (k || t) visit(i, before, now);
      before = now;
    }
  }
}

static void fill_polygon(rng *r, double *v, size_t corners, size_t height, size_t width) {
  static const double sizes[] = {2, 20, 90, 2000};
  double size = sizes[rng_below(r, 4)];
  size_t kind = rng_below(r, 4);
  for (size_t k = 0; k < 2 * corners; k++) {
    v[k] = (double)(k % 2 ? height : width) / 2 + rng_between(r, -size, size);
    if (kind == 1) v[k] = floor(v[k]);
    if (kind == 2) v[k] = floor(v[k]) + .5;
  }
  if (kind == 3 && corners > 1) memcpy(v + 2, v, 2 * sizeof *v);
}

static void test_drawn_polygons(void **state) {
  (void)state;
  rng r = rng_init(data_seed(), 1);
  for (int i = 0; i < (mode_emulated() ? 100 : 3000); i++) {
    size_t height = 1 + rng_below(&r, 50), width = 1 + rng_below(&r, 50);
    size_t n = 1 + rng_below(&r, 3);
    image all = image_new(height, width);
    double vertices[3][20];
    vloss_polygon polygons[3];
    for (size_t k = 0; k < n; k++) {
      image one = image_new(height, width);
      polygons[k] = (vloss_polygon){vertices[k], rng_below(&r, 11)};
      fill_polygon(&r, vertices[k], polygons[k].count, height, width);
      draw(&one, &polygons[k]);
      for (size_t at = 0; at < height * width; at++) all.pixels[at] |= one.pixels[at];
      image_free(&one);
    }
    vloss_mask expected = image_runs(&all);
    check_polygons(polygons, n, &expected);
    runs_free(&expected);
    image_free(&all);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_random_merges), cmocka_unit_test(test_no_masks),
      cmocka_unit_test(test_published_merges), cmocka_unit_test(test_published_polygons),
      cmocka_unit_test(test_drawn_polygons)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
