/* SPDX-License-Identifier: Apache-2.0 */
/* Is the IoU of masks that of their pixels, with every executor, stride and crowd flag? */
#include <stdlib.h>
#include <string.h>

#include "executors.h"
#include "images.h"
#include "mask_vectors.h"
#include "mode.h"
#include "testing.h"

enum { MOST = 12, STRIDE = MOST + 3 };

typedef struct scene {
  size_t n, m, height, width;
  image images[2 * MOST]; /* first n, then m */
  vloss_mask masks[2 * MOST];
  uint8_t crowd[MOST];
} scene;

static scene scene_new(rng *r, size_t most) {
  scene s = {.n = rng_below(r, MOST), .m = rng_below(r, MOST)};
  s.height = 1 + rng_below(r, most);
  s.width = 1 + rng_below(r, most);
  for (size_t i = 0; i < s.n + s.m; i++) {
    s.images[i] = image_random(r, s.height, s.width);
    vloss_mask runs = image_runs(&s.images[i]);
    s.masks[i] = runs;
    if (rng_below(r, 4) == 0) {
      s.masks[i] = runs_stretched(r, &runs);
      runs_free(&runs);
    }
  }
  for (size_t k = 0; k < s.m; k++) s.crowd[k] = (uint8_t)rng_below(r, 3);
  return s;
}

static void scene_free(scene *s) {
  for (size_t i = 0; i < s->n + s->m; i++) {
    runs_free(&s->masks[i]);
    image_free(&s->images[i]);
  }
}

static double truth(const image *a, const image *b, int crowd) {
  size_t both = 0, either = 0;
  for (size_t k = 0; k < a->height * a->width; k++) {
    both += a->pixels[k] & b->pixels[k];
    either += a->pixels[k] | b->pixels[k];
  }
  if (!both) return 0;
  return (double)both / (double)(crowd ? image_area(a) : either);
}

static void check_scene(const scene *s, const vloss_mask_options *options) {
  const vloss_mask *a = s->masks, *b = s->masks + s->n;
  double out[MOST * STRIDE];
  size_t need = vloss_mask_iou_workspace(a, s->n, b, s->m);
  char *workspace = new_array(need + 1, 1);
  size_t stride = options->row_stride ? options->row_stride : s->m;
  for (size_t i = 0; i < MOST * STRIDE; i++) out[i] = -7;
  if (need)
    assert_int_equal(vloss_mask_iou(a, s->n, b, s->m, options, workspace + 1, need - 1, out),
                     VLOSS_ERROR_WORKSPACE);
  assert_true(out[0] == -7);
  assert_int_equal(vloss_mask_iou(a, s->n, b, s->m, options, workspace + 1, need, out), VLOSS_OK);
  for (size_t i = 0; i < s->n; i++)
    for (size_t k = 0; k < stride; k++) {
      double got = out[i * stride + k], expected = -7;
      if (k < s->m)
        expected = truth(&s->images[i], &s->images[s->n + k], options->crowd && s->crowd[k]);
      if (k >= s->m && i + 1 < s->n) assert_true(got == expected);
      if (k < s->m && got != expected)
        fail_msg("%zu x %zu: masks %zu and %zu have %.17g, not %.17g", s->height, s->width, i, k,
                 got, expected);
    }
  free(workspace);
}

static void test_random_masks(void **state) {
  (void)state;
  const vloss_executor *const executors[] = {NULL, &executor_reversed, &executor_threads};
  rng r = rng_init(data_seed(), 0);
  for (int i = 0; i < (mode_emulated() ? 60 : 1500); i++) {
    scene s = scene_new(&r, 50);
    vloss_mask_options options = VLOSS_MASK_OPTIONS_INIT;
    if (rng_below(&r, 2)) options.crowd = s.crowd;
    if (rng_below(&r, 2)) options.row_stride = s.m + rng_below(&r, 4);
    options.executor = executors[rng_below(&r, 3)];
    check_scene(&s, &options);
    scene_free(&s);
  }
}

/* Enough work for many tasks. */
static void test_tasks(void **state) {
  (void)state;
  rng r = rng_init(data_seed(), 1);
  for (int i = 0; i < 3; i++) {
    scene s;
    for (s = scene_new(&r, 400); s.n < 4 || s.m < 4; s = scene_new(&r, 400)) scene_free(&s);
    vloss_mask_options options = VLOSS_MASK_OPTIONS_INIT;
    options.executor = &executor_threads;
    check_scene(&s, &options);
    scene_free(&s);
  }
  assert_true(executor_most_tasks() > 1);
}

static void test_published_iou(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof mask_vectors / sizeof *mask_vectors; i++) {
    const mask_vector *v = &mask_vectors[i];
    uint32_t counts[2][200];
    vloss_mask m[2];
    for (int k = 0; k < 2; k++) {
      const char *text = k ? v->b : v->a;
      m[k] = (vloss_mask){counts[k], 0, v->height, v->width};
      assert_int_equal(vloss_mask_from_text(text, strlen(text), v->height, v->width, NULL, 200,
                                            counts[k], &m[k].count),
                       VLOSS_OK);
    }
    for (int k = 0; k < 2; k++) {
      vloss_mask_options options = VLOSS_MASK_OPTIONS_INIT;
      uint8_t crowd = (uint8_t)k, workspace[4000];
      double iou = -1;
      options.crowd = &crowd;
      assert_int_equal(
          vloss_mask_iou(&m[0], 1, &m[1], 1, &options, workspace, sizeof workspace, &iou),
          VLOSS_OK);
      assert_true(iou == v->iou[k]);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_masks),
                                     cmocka_unit_test(test_tasks),
                                     cmocka_unit_test(test_published_iou)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
