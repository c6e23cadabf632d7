/* SPDX-License-Identifier: Apache-2.0 */
/* Are exact sums rounded once, whatever the order, the split and the merges; and denominators those
 * of the losses themselves? */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vloss/state.h>
#include <vloss/vloss.h>

#include "data.h"
#include "mode.h"
#include "testing.h"

enum { MOST = 400, PARTS = 64 };

/* Shewchuk's expansion: parts that do not overlap, smallest first. Finite sums only. */
typedef struct expansion {
  double part[2048];
  size_t count;
} expansion;

static void expansion_add(expansion *e, double x) {
  size_t kept = 0;
  for (size_t i = 0; i < e->count; i++) {
    double y = e->part[i];
    if (fabs(x) < fabs(y)) {
      double swap = x;
      x = y;
      y = swap;
    }
    double high = x + y, low = y - (high - x);
    if (low != 0) e->part[kept++] = low;
    x = high;
  }
  e->part[kept++] = x;
  e->count = kept;
}

/* Rounds it: a rest of half a unit in the last place goes where the next part points. */
static double expansion_round(const expansion *e) {
  if (e->count == 0) return 0;
  size_t n = e->count - 1;
  double high = e->part[n], low = 0;
  while (n > 0) {
    double x = high, y = e->part[--n];
    high = x + y;
    low = y - (high - x);
    if (low != 0) break;
  }
  if (n > 0 && ((low < 0 && e->part[n - 1] < 0) || (low > 0 && e->part[n - 1] > 0))) {
    double twice = low * 2, x = high + twice;
    if (twice == x - high) high = x;
  }
  return high;
}

static double number(rng *r, size_t kind) {
  double digits = 1 + rng_unit(r);
  int exponent = kind == 0   ? (int)rng_below(r, 40) - 20
                 : kind == 1 ? (int)rng_below(r, 1900) - 1074
                             : (int)rng_below(r, 12) - 1074;
  return rng_signed(r, ldexp(digits, exponent));
}

static double round_sum(const vloss_exact_sum *sum) {
  double value = 42;
  assert_int_equal(vloss_exact_sum_round(sum, 1, NULL, &value), VLOSS_OK);
  return value;
}

static void assert_same(double a, double b) {
  if (memcmp(&a, &b, sizeof a) != 0) fail_msg("%a, not %a", a, b);
}

/* Merges sums in pairs of random choice until one is left in sums[0]; every other time by words. */
static void merge_tree(rng *r, vloss_exact_sum *sums, size_t count) {
  for (; count > 1; count--) {
    size_t from = rng_below(r, count - 1);
    if (rng_below(r, 2)) {
      assert_int_equal(vloss_exact_sum_merge(&sums[count - 1], 1, NULL, &sums[from]), VLOSS_OK);
      continue;
    }
    int64_t a[sizeof *sums / 8], b[sizeof *sums / 8];
    memcpy(a, &sums[from], sizeof a);
    memcpy(b, &sums[count - 1], sizeof b);
    for (size_t k = 0; k < sizeof a / sizeof *a; k++) a[k] += b[k];
    memcpy(&sums[from], a, sizeof a);
  }
}

static void test_orders(void **state) {
  (void)state;
  rng r = rng_init(data_seed(), 801);
  for (size_t round = 0; round < (mode_emulated() ? 60 : 600); round++) {
    double values[MOST];
    size_t count = rng_below(&r, MOST), kind = round % 3, parts = 1 + rng_below(&r, PARTS);
    static vloss_exact_sum sums[PARTS];
    expansion truth = {.count = 0};
    memset(sums, 0, sizeof sums);
    for (size_t i = 0; i < count; i++) {
      values[i] = number(&r, kind);
      if (i > 0 && rng_below(&r, 3) == 0) values[i] = -values[rng_below(&r, i)];
      expansion_add(&truth, values[i]);
      assert_int_equal(vloss_exact_sum_add_f64(&values[i], 1, NULL, &sums[rng_below(&r, parts)]),
                       VLOSS_OK);
    }
    merge_tree(&r, sums, parts);
    double expected = expansion_round(&truth);
    assert_same(round_sum(&sums[0]), expected == 0 ? 0 : expected);
  }
}

static void test_f32(void **state) {
  (void)state;
  float values[3] = {0x1p-149f, FLT_MAX, -FLT_MAX};
  vloss_exact_sum sum = VLOSS_EXACT_SUM_INIT;
  assert_int_equal(vloss_exact_sum_add_f32(values, 3, NULL, &sum), VLOSS_OK);
  assert_same(round_sum(&sum), 0x1p-149);
}

static double sum_of(const double *values, size_t count) {
  vloss_exact_sum sum = VLOSS_EXACT_SUM_INIT;
  assert_int_equal(vloss_exact_sum_add_f64(values, count, NULL, &sum), VLOSS_OK);
  return round_sum(&sum);
}

static void test_rounding(void **state) {
  (void)state;
  const struct {
    double values[4], sum;
  } rows[] = {
      {{0, 0, 0, 0}, 0},
      {{-0.0, -0.0, -0.0, -0.0}, 0},
      {{1, 0x1p-53, 0, 0}, 1},                        /* a tie, to even */
      {{1 + 0x1p-52, 0x1p-53, 0, 0}, 1 + 0x1p-51},    /* a tie, to even, upwards */
      {{1, 0x1p-53, 0x1p-1074, 0}, 1 + 0x1p-52},      /* just above a tie */
      {{-1, -0x1p-53, 0x1p-1074, 0}, -1},             /* just below */
      {{DBL_MAX, 0x1p969, 0, 0}, DBL_MAX},            /* below half a unit */
      {{DBL_MAX, 0x1p970, 0, 0}, INFINITY},           /* half of one */
      {{DBL_MAX, DBL_MAX, -DBL_MAX, 0}, DBL_MAX},     /* beyond the type and back */
      {{-DBL_MAX, -DBL_MAX, -DBL_MAX, 0}, -INFINITY}, /* beyond */
      {{DBL_MIN, -0x1p-1074, 0, 0}, DBL_MIN - 0x1p-1074},
      {{0x1p-1074, 0x1p-1074, 0x1p-1074, 0}, 0x3p-1074},
      {{0x1.fffffffffffffp1, 0x1p-52, 0, 0}, 4},
      {{INFINITY, -DBL_MAX, 0, 0}, INFINITY},
      {{-INFINITY, DBL_MAX, 0, 0}, -INFINITY},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    assert_same(sum_of(rows[i].values, 4), rows[i].sum);
  const double opposite[2] = {INFINITY, -INFINITY}, none[2] = {1, (double)NAN};
  assert_true(isnan(sum_of(opposite, 2)));
  assert_true(isnan(sum_of(none, 2)));
}

/* More addends than 32 bits of carries hold: by doubling a sum. */
static void test_carries(void **state) {
  (void)state;
  const double value = -0x1.fffffffffffffp31;
  vloss_exact_sum sum = VLOSS_EXACT_SUM_INIT, copy;
  assert_int_equal(vloss_exact_sum_add_f64(&value, 1, NULL, &sum), VLOSS_OK);
  for (int i = 0; i < 60; i++) {
    copy = sum;
    assert_int_equal(vloss_exact_sum_merge(&copy, 1, NULL, &sum), VLOSS_OK);
  }
  assert_same(round_sum(&sum), ldexp(value, 60));
}

/* 2^30 equal sums, added up by their words. */
static void check_words(const vloss_exact_sum *sum) {
  vloss_exact_sum all;
  int64_t words[sizeof all / sizeof(int64_t)];
  memcpy(words, sum, sizeof words);
  for (size_t k = 0; k < sizeof words / sizeof *words; k++)
    words[k] = (int64_t)((uint64_t)words[k] << 30);
  memcpy(&all, words, sizeof all);
  assert_same(round_sum(&all), ldexp(round_sum(sum), 30));
}

static void test_words_of_many(void **state) {
  (void)state;
  enum { COUNT = 1 << 14 };
  static float values[COUNT];
  static int64_t labels[COUNT];
  const float weight = 0x1.fffffep-1f;
  const vloss_loss *dice = vloss_find_loss("dice"), *loss = vloss_find_loss("cross_entropy");
  vloss_exact_sum sum = VLOSS_EXACT_SUM_INIT, merged = sum, weights = sum;
  vloss_group_sums group = VLOSS_GROUP_SUMS_INIT;
  vloss_cross_entropy_options o = VLOSS_CROSS_ENTROPY_OPTIONS_INIT;
  vloss_labels all = {labels, VLOSS_LABEL_INT64};
  o.class_weight = &weight;
  for (size_t i = 0; i < COUNT; i++) values[i] = weight;
  assert_int_equal(vloss_exact_sum_add_f32(values, COUNT, NULL, &sum), VLOSS_OK);
  for (int i = 0; i < 3; i++)
    assert_int_equal(vloss_exact_sum_merge(&sum, 1, NULL, &merged), VLOSS_OK);
  assert_int_equal(vloss_denominator(loss, VLOSS_F32, all, COUNT, 1, &o, NULL, &weights, NULL),
                   VLOSS_OK);
  assert_int_equal(vloss_group_sums_add_f32(dice, values, values, 1, COUNT, NULL, NULL, &group),
                   VLOSS_OK);
  check_words(&sum);
  check_words(&merged);
  check_words(&weights);
  check_words(&group.product);
}

static void test_errors(void **state) {
  (void)state;
  vloss_report report = VLOSS_REPORT_INIT;
  vloss_exact_sum sum = VLOSS_EXACT_SUM_INIT, before = sum;
  double value = 3;
  assert_int_equal(vloss_exact_sum_add_f64(NULL, 1, &report, &sum), VLOSS_ERROR_NULL);
  assert_string_equal(report.argument, "values");
  assert_int_equal(vloss_exact_sum_add_f64(&value, 1, &report, NULL), VLOSS_ERROR_NULL);
  assert_string_equal(report.argument, "sum");
  assert_int_equal(vloss_exact_sum_add_f64((double *)&sum, 1, &report, &sum), VLOSS_ERROR_OVERLAP);
  assert_int_equal(vloss_exact_sum_add_f64(&value, SIZE_MAX / 4, &report, &sum), VLOSS_ERROR_SIZE);
  assert_int_equal(vloss_exact_sum_merge(&sum, 1, &report, &sum), VLOSS_ERROR_OVERLAP);
  assert_int_equal(vloss_exact_sum_round(&sum, 1, &report, NULL), VLOSS_ERROR_NULL);
  assert_string_equal(report.argument, "value");
  report.struct_size = 3;
  assert_int_equal(vloss_exact_sum_round(&sum, 1, &report, &value), VLOSS_ERROR_STRUCT_SIZE);
  assert_memory_equal(&sum, &before, sizeof sum);
  assert_true(value == 3);
  assert_int_equal(vloss_exact_sum_add_f64(NULL, 0, NULL, &sum), VLOSS_OK);
}

/* -------------------------------------------------------------------------------- denominators */

/* The mean's denominator, as the loss itself reports it. */
static double denominator_of(const char *name, vloss_dtype type, vloss_labels labels, size_t rows,
                             size_t classes, const vloss_cross_entropy_options *o,
                             size_t *ignored) {
  static float zeros[MOST * 16], loss32;
  static double wide_zeros[MOST * 16], loss64;
  vloss_report report = VLOSS_REPORT_INIT;
  vloss_options options = VLOSS_OPTIONS_INIT;
  vloss_value values[2] = {{.real = 0}, {.whole = o->ignore_index}};
  const vloss_loss *loss = vloss_find_loss(name);
  vloss_call c = VLOSS_CALL_INIT;
  if (loss->parameter_count == 1) values[0] = values[1];
  options.report = &report;
  c.dtype = type;
  c.input = type == VLOSS_F32 ? (void *)zeros : (void *)wide_zeros;
  c.loss = type == VLOSS_F32 ? (void *)&loss32 : (void *)&loss64;
  c.labels = labels;
  c.class_weight = o->class_weight;
  c.shape[0] = rows;
  c.shape[1] = classes;
  c.values = values;
  c.options = &options;
  assert_int_equal(vloss_evaluate(loss, &c), VLOSS_OK);
  *ignored = report.ignored;
  return report.weight;
}

static void test_denominators(void **state) {
  (void)state;
  static const char *const names[] = {"cross_entropy", "nll", "focal_softmax"};
  rng r = rng_init(data_seed(), 802);
  for (size_t round = 0; round < 200; round++) {
    size_t rows = 1 + rng_below(&r, MOST - 1), classes = 1 + rng_below(&r, 15), ignored;
    vloss_dtype type = round % 2 ? VLOSS_F64 : VLOSS_F32;
    int32_t labels[MOST];
    double wide[16];
    float narrow[16];
    for (size_t k = 0; k < classes; k++)
      wide[k] = (double)(narrow[k] = (float)rng_between(&r, 0, 3));
    for (size_t i = 0; i < rows; i++)
      labels[i] = rng_below(&r, 4) == 0 ? -7 : (int32_t)rng_below(&r, classes);
    vloss_cross_entropy_options o = VLOSS_CROSS_ENTROPY_OPTIONS_INIT;
    o.ignore_index = -7;
    if (rng_below(&r, 3)) o.class_weight = type == VLOSS_F32 ? (void *)narrow : (void *)wide;
    for (size_t k = 0; k < 3; k++) {
      const vloss_loss *loss = vloss_find_loss(names[k]);
      vloss_report report = VLOSS_REPORT_INIT;
      vloss_exact_sum all = VLOSS_EXACT_SUM_INIT, parts = VLOSS_EXACT_SUM_INIT;
      vloss_labels l = {labels, VLOSS_LABEL_INT32};
      double value, truth = denominator_of(names[k], type, l, rows, classes, &o, &ignored);
      assert_int_equal(vloss_denominator(loss, type, l, rows, classes, &o, &report, &all, &value),
                       VLOSS_OK);
      assert_same(value, truth);
      assert_int_equal(report.ignored, ignored);
      assert_int_equal(report.counted, rows - ignored);
      for (size_t i = 0, count; i < rows; i += count) { /* in parts, the last one first */
        count = 1 + rng_below(&r, rows - i);
        vloss_labels part = {labels + rows - i - count, VLOSS_LABEL_INT32};
        assert_int_equal(
            vloss_denominator(loss, type, part, count, classes, &o, NULL, &parts, NULL), VLOSS_OK);
      }
      assert_same(round_sum(&parts), round_sum(&all));
      assert_true(fabs(round_sum(&all) - truth) <= truth * DBL_EPSILON);
    }
  }
}

static void expect_denominator(const vloss_loss *loss, vloss_dtype type, vloss_labels labels,
                               const vloss_cross_entropy_options *o, vloss_status status,
                               const char *argument, size_t bad) {
  vloss_report report = VLOSS_REPORT_INIT;
  vloss_exact_sum sum = VLOSS_EXACT_SUM_INIT, zero = sum;
  double value = 5;
  assert_int_equal(vloss_denominator(loss, type, labels, 3, 4, o, &report, &sum, &value), status);
  assert_string_equal(report.argument, argument);
  assert_int_equal(report.bad_label, bad);
  assert_true(value == 5);
  assert_memory_equal(&sum, &zero, sizeof sum);
}

static void test_denominator_errors(void **state) {
  (void)state;
  const vloss_loss *loss = vloss_find_loss("cross_entropy");
  int64_t labels[3] = {0, -100, 4};
  float weights[4] = {1, 1, -1, 1};
  vloss_labels bad = {labels, VLOSS_LABEL_INT64}, none = {NULL, VLOSS_LABEL_INT64};
  vloss_labels unknown = {labels, (vloss_label_type)9};
  vloss_cross_entropy_options o = VLOSS_CROSS_ENTROPY_OPTIONS_INIT;
  expect_denominator(loss, VLOSS_F32, bad, NULL, VLOSS_ERROR_LABEL, "labels", 2);
  expect_denominator(loss, VLOSS_F32, none, NULL, VLOSS_ERROR_NULL, "labels", SIZE_MAX);
  expect_denominator(loss, VLOSS_F32, unknown, NULL, VLOSS_ERROR_ENUM, "labels", SIZE_MAX);
  expect_denominator(NULL, VLOSS_F32, bad, NULL, VLOSS_ERROR_NULL, "loss", SIZE_MAX);
  expect_denominator(vloss_find_loss("mse"), VLOSS_F32, bad, NULL, VLOSS_ERROR_PARAMETER, "loss",
                     SIZE_MAX);
  expect_denominator(loss, (vloss_dtype)7, bad, NULL, VLOSS_ERROR_ENUM, "dtype", SIZE_MAX);
  o.class_weight = weights;
  expect_denominator(loss, VLOSS_F32, bad, &o, VLOSS_ERROR_PARAMETER, "class_weight", SIZE_MAX);
  o.struct_size = 1;
  expect_denominator(loss, VLOSS_F32, bad, &o, VLOSS_ERROR_STRUCT_SIZE, "cross_entropy", SIZE_MAX);
  double value = 5;
  assert_int_equal(vloss_denominator(loss, VLOSS_F32, none, 0, 4, NULL, NULL, NULL, &value),
                   VLOSS_OK);
  assert_true(value == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_orders),        cmocka_unit_test(test_f32),
      cmocka_unit_test(test_rounding),      cmocka_unit_test(test_carries),
      cmocka_unit_test(test_words_of_many), cmocka_unit_test(test_errors),
      cmocka_unit_test(test_denominators),  cmocka_unit_test(test_denominator_errors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
