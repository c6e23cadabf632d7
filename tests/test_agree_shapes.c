/* SPDX-License-Identifier: Apache-2.0 */
/* Is every loss bit-identical on each instruction set for the shapes that its family treats apart:
 * few and many classes, strided classes, small and long groups, and sizes that are split into
 * tasks, or written around the caches? */

#include "agree.h"
#include "executors.h"
#include "mode.h"
#include "testing.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void shaped(rng *r, const vloss_loss *loss, dtype type, const size_t shape[3], size_t thin) {
  call c = case_call(loss, type, rng_below(r, case_settings(loss)));
  for (int reduction = VLOSS_MEAN; reduction <= VLOSS_NONE; reduction++)
    agree_case(r, &c, shape, (data_kind)rng_below(r, DATA_KINDS), (vloss_reduction)reduction, thin);
}

static void rows(rng *r, const vloss_loss *loss, dtype type) {
  static const size_t classes[] = {1,  2,   3,   7,   8,   10,   19,   31,   32,  33,
                                   64, 100, 255, 256, 257, 1000, 2047, 2049, 4099};
  static const size_t inner[] = {1, 2, 7, 9, 31, 32, 33, 49};
  if (loss->family != VLOSS_ROWS) return;
  for (size_t i = 0; i < COUNT(classes); i++)
    for (size_t k = 0; k < COUNT(inner); k++) {
      size_t shape[3] = {1 + rng_below(r, 4), classes[i], inner[k]};
      size_t elements = shape[0] * shape[1] * shape[2];
      if (mode_emulated() && elements > 2000) continue;
      shaped(r, loss, type, shape, mode_emulated() ? 12 : elements > 20000 ? 12 : 4);
    }
}

static void groups(rng *r, const vloss_loss *loss, dtype type) {
  static const size_t counts[] = {1, 2, 3, 7, 8, 9, 17, 33};
  static const size_t sizes[] = {1, 31, 32, 33, 255, 256, 257, 513, 1000, 4099};
  static const size_t channels[] = {1, 2, 3, 5, 17, 33};
  if (loss->family != VLOSS_OVERLAP) return;
  for (size_t i = 0; i < COUNT(counts); i++)
    for (size_t k = 0; k < COUNT(sizes); k++) {
      size_t shape[3] = {counts[i], sizes[k], 1};
      if (mode_emulated() && counts[i] * sizes[k] > 600) continue;
      for (int repeat = 0; repeat < 3; repeat++) {
        shape[2] = channels[rng_below(r, COUNT(channels))];
        shape[1] = (sizes[k] / shape[2] + 1) * shape[2];
        shaped(r, loss, type, shape, 6);
      }
    }
}

/* Shapes of `elements`, more or less, that a call splits along every axis it can. */
static int long_shape(vloss_family family, size_t elements, size_t variant, size_t shape[3]) {
  const size_t rows_shapes[][3] = {{elements / 10, 10, 1},   {elements / 1000, 1000, 1},
                                   {elements / 80, 80, 1},   /* packed */
                                   {elements / 140, 140, 1}, /* in batches */
                                   {elements / 300, 100, 3}, {elements / 600, 200, 3},
                                   {3, 19, elements / 57},   {5, elements / 5, 1}};
  const size_t group_shapes[][3] = {{1, elements, 1},
                                    {3, elements / 3, 1},
                                    {elements / 33, 33, 1},
                                    {3, elements / 57 * 19, 19},
                                    {elements / 600, 600, 3},
                                    {elements / 21, 21, 21},
                                    {2, elements / 512 * 256, 256}};
  const size_t box_shape[3] = {elements / 4, 1, 1}, plain_shape[3] = {elements, 1, 1};
  const size_t *from = family == VLOSS_BOXES ? box_shape : plain_shape;
  size_t variants = family == VLOSS_ROWS      ? COUNT(rows_shapes)
                    : family == VLOSS_OVERLAP ? COUNT(group_shapes)
                                              : 1;
  if (variant >= variants) return 0;
  if (family == VLOSS_ROWS) from = rows_shapes[variant];
  if (family == VLOSS_OVERLAP) from = group_shapes[variant];
  for (int i = 0; i < 3; i++) shape[i] = from[i];
  return 1;
}

/* All of them, but half on each scalar build, the other half on the next. */
static void repeat_all(problem *p, const repetition *ways, size_t count) {
  for (size_t i = 0; i < agree_isas(); i++) {
    size_t step = agree_is_scalar(i) ? 2 : 1;
    for (size_t k = i % step; k < count; k += step) agree_repeat(p, i, ways[k]);
  }
}

static void executed(rng *r, const call *c, const size_t shape[3], vloss_reduction reduction,
                     unsigned extras) {
  static const repetition ways[] = {{PLACE_START, WANT_BOTH, NULL},
                                    {PLACE_END, WANT_IN_PLACE, &executor_threads},
                                    {PLACE_START, WANT_GRAD, &executor_reversed},
                                    {PLACE_ODD, WANT_LOSS, &executor_threads},
                                    {PLACE_END, WANT_BOTH, &executor_reversed}};
  problem *p = problem_new(r, c, shape, DATA_NASTY, reduction, extras);
  agree_reference(p);
  repeat_all(p, ways, COUNT(ways));
  problem_free(p);
}

static void split(rng *r, const vloss_loss *loss, dtype type) {
  size_t shape[3], elements = mode_emulated() ? 70001 : 300007;
  for (size_t variant = 0; long_shape(loss->family, elements, variant, shape); variant++)
    for (int reduction = VLOSS_MEAN; reduction <= VLOSS_NONE; reduction++) {
      call c = case_call(loss, type, variant == 0 ? 0 : rng_below(r, case_settings(loss)));
      if (mode_emulated() && reduction != VLOSS_MEAN) continue;
      executed(r, &c, shape, (vloss_reduction)reduction,
               reduction == VLOSS_MEAN ? 0 : (unsigned)rng_below(r, EXTRA_ALL + 1));
    }
}

/* Gradients of 16 MiB and more go around the caches, but not in place. */
static void streamed(const char *name, dtype type, size_t samples, size_t size, size_t channels,
                     vloss_grouping grouping) {
  static const repetition ways[] = {
      {PLACE_START, WANT_BOTH, &executor_threads},
      {PLACE_ODD, WANT_BOTH, NULL}, /* not aligned: not streamed */
      {PLACE_START, WANT_GRAD, NULL},
      {PLACE_START, WANT_IN_PLACE, NULL},
  };
  size_t elements = ((size_t)16 << 20) / dtype_size(type);
  size_t shape[3] = {samples ? samples : elements / size + 1, size, channels};
  call c = call_init(vloss_find_loss(name), type);
  rng r = rng_init(data_seed(), size);
  if (samples > 0) shape[1] = (elements / samples / channels + 1) * channels;
  (void)call_set(&c, "grouping", grouping);
  problem *p = problem_new(&r, &c, shape, DATA_NASTY, VLOSS_MEAN, 0);
  agree_reference(p);
  repeat_all(p, ways, COUNT(ways));
  problem_free(p);
}

static void test_streamed(void **state) {
  (void)state;
  if (mode_emulated()) skip();
  for (dtype type = F32; type < DTYPE_COUNT; type++) {
    streamed("mse", type, 0, 1, 1, VLOSS_GROUP_IMAGE);
    streamed("kl_div", type, 0, 1, 1, VLOSS_GROUP_IMAGE); /* groups that are done again */
    streamed("focal", type, 0, 1, 1, VLOSS_GROUP_IMAGE);
    streamed("giou", type, 0, 4, 1, VLOSS_GROUP_IMAGE);
    streamed("cross_entropy", type, 0, 20, 1, VLOSS_GROUP_IMAGE);
    streamed("cross_entropy", type, 0, 140, 1, VLOSS_GROUP_IMAGE);
    streamed("cross_entropy", type, 0, 1000, 1, VLOSS_GROUP_IMAGE);
    streamed("cross_entropy", type, 0, 5003, 1, VLOSS_GROUP_IMAGE); /* more than a row may keep */
    streamed("js_div_with_logits", type, 0, 1000, 1, VLOSS_GROUP_IMAGE);
    streamed("cross_entropy_soft", type, 0, 5003, 1, VLOSS_GROUP_IMAGE);
    streamed("dice", type, 2, 0, 3, VLOSS_GROUP_IMAGE);
    streamed("dice", type, 2, 0, 3, VLOSS_GROUP_CHANNEL); /* long runs */
    streamed("dice", type, 0, 192, 3, VLOSS_GROUP_CHANNEL);
  }
}

static void test_rows(void **state) {
  (void)state;
  agree_for_each(rows);
}

static void test_groups(void **state) {
  (void)state;
  agree_for_each(groups);
}

static void test_split(void **state) {
  (void)state;
  agree_for_each(split);
  assert_in_range(executor_most_tasks(), 2, 256);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_groups),
                                     cmocka_unit_test(test_split), cmocka_unit_test(test_streamed)};
  return cmocka_run_group_tests(tests, agree_start, agree_stop) != 0;
}
