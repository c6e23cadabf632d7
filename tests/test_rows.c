/* SPDX-License-Identifier: Apache-2.0 */
/* Do the row losses give what the header says of masks, saturated logits, empty rows and values
 * outside their domain? */
#include <math.h>
#include <string.h>

#include "call.h"
#include "data.h"
#include "testing.h"

enum { CLASSES = 3, MOST = 2 * CLASSES };
#define INF (double)INFINITY

/* One row, or two, and what comes out; a NaN stands for a NaN. */
typedef struct expectation {
  const char *loss_name, *parameter; /* a parameter that is not the default, or NULL */
  double value;
  double input[CLASSES], target[CLASSES]; /* the label stands in target[0] */
  double loss, grad[CLASSES];
  size_t degenerate;
} expectation;

static const expectation expectations[] = {
    /* saturated: the target certain, impossible, masked */
    {"focal_softmax", "gamma", 0.25, {1e4, 0, 0}, {0}, 0, {0, 0, 0}, 0},
    {"focal_softmax", "gamma", 0.25, {1e4, 0, 0}, {1}, 1e4, {1, -1, 0}, 0},
    {"focal_softmax", "gamma", 0, {1e4, 0, 0}, {1}, 1e4, {1, -1, 0}, 0},
    {"focal_softmax", "gamma", 1e300, {1e4, 0, 0}, {0}, 0, {0, 0, 0}, 0},
    {"focal_softmax", NULL, 0, {0, -INF, -INF}, {1}, INF, {1, -1, 0}, 0},
    {"focal_softmax", NULL, 0, {-INF, -INF, -INF}, {1}, INF, {0, -1, 0}, 0},
    /* other classes are not read */
    {"nll", NULL, 0, {NAN, -2, NAN}, {1}, 2, {0, -1, 0}, 0},
    {"nll", NULL, 0, {0, NAN, 0}, {1}, NAN, {NAN, NAN, NAN}, 0},
    {"nll", NULL, 0, {0, -INF, 0}, {1}, INF, {0, -1, 0}, 0},
    /* masks, with smoothing too; a masked class that is asked for */
    {"cross_entropy_soft", NULL, 0, {1e4, 0, 0}, {0, 1, 0}, 1e4, {1, -1, 0}, 0},
    {"cross_entropy_soft", NULL, 0, {5, -INF, -INF}, {1, 0, 0}, 0, {0, 0, 0}, 0},
    {"cross_entropy_soft", "smoothing", 1, {5, -INF, -INF}, {1, 0, 0}, 0, {0, 0, 0}, 0},
    {"cross_entropy_soft", NULL, 0, {5, -INF, -INF}, {0.5, 0.5, 0}, INF, {0.5, -0.5, 0}, 0},
    {"cross_entropy_soft", NULL, 0, {-INF, -INF, -INF}, {0, 0, 0}, 0, {0, 0, 0}, 0},
    {"cross_entropy_soft", NULL, 0, {INF, 0, 0}, {1, 0, 0}, 0, {0, 0, 0}, 0},
    {"cross_entropy_soft", NULL, 0, {0, 0, 0}, {1.5, 0, 0}, NAN, {NAN, NAN, NAN}, 1},
    {"cross_entropy_soft", NULL, 0, {0, 0, 0}, {0, 0, -1e-5}, NAN, {NAN, NAN, NAN}, 1},
    /* p ln p at 0, and what the student masks */
    {"kl_div_with_logits", NULL, 0, {7, -INF, -INF}, {1, 0, 0}, 0, {0, 0, 0}, 0},
    {"kl_div_with_logits", NULL, 0, {0, -INF, -INF}, {0, 1, 0}, INF, {1, -1, 0}, 0},
    {"kl_div_with_logits", NULL, 0, {0, 0, 0}, {0, 0, 0}, 0, {0, 0, 0}, 0},
    {"kl_div_with_logits", NULL, 0, {0, 0, 0}, {0, 2, 0}, NAN, {NAN, NAN, NAN}, 1},
    {"kl_div_with_logits", "teacher", 1, {3, 2, 1}, {-INF, -INF, -INF}, 0, {0, 0, 0}, 0},
    {"kl_div_with_logits", "teacher", 1, {3, 2, 1}, {5, 4, 3}, 0, {0, 0, 0}, 0},
    {"kl_div_with_logits", "teacher", 1, {1e4, 0, 0}, {0, 1e4, 0}, 1e4, {1, -1, 0}, 0},
    {"js_div_with_logits", NULL, 0, {1e4, 0, 0}, {1, 0, 0}, 0, {0, 0, 0}, 0},
    {"js_div_with_logits", NULL, 0, {1e4, 0, 0}, {0, 1, 0}, 0.69314718055994531, {0, 0, 0}, 0},
    {"js_div_with_logits", "teacher", 1, {-INF, -INF, -INF}, {-INF, -INF, -INF}, 0, {0, 0, 0}, 0},
    {"entropy", NULL, 0, {1, 0, 0}, {0}, 0, {-1, NAN, NAN}, 0}, /* NAN: only finite, below */
    {"entropy", NULL, 0, {1.25, 0, 0}, {0}, NAN, {NAN, NAN, NAN}, 1},
    {"entropy_with_logits", NULL, 0, {1e4, 0, 0}, {0}, 0, {0, 0, 0}, 0},
    {"entropy_with_logits", NULL, 0, {-INF, -INF, -INF}, {0}, 0, {0, 0, 0}, 0},
    {"entropy_with_logits", NULL, 0, {4, 4, -INF}, {0}, 0.69314718055994531, {0, 0, 0}, 0},
};

static void check_number(const expectation *e, double got, double expected) {
  int same = isnan(expected) ? isnan(got) : got == expected || fabs(got - expected) <= 1e-6;
  if (!same) fail_msg("%s: %.9g, not %.9g", e->loss_name, got, expected);
}

/* The row alone, and in the middle of as many rows as a block has, in place. */
static void check(const expectation *e, dtype type, size_t rows) {
  enum { ROWS = 70 };
  double input[ROWS * CLASSES], target[ROWS * CLASSES], loss[ROWS]; /* also hold floats */
  int64_t labels[ROWS];
  vloss_report report = VLOSS_REPORT_INIT;
  vloss_options options = VLOSS_OPTIONS_INIT;
  options.reduction = VLOSS_NONE;
  options.report = &report;
  call c = call_init(vloss_find_loss(e->loss_name), type);
  if (e->parameter != NULL) assert_true(call_set(&c, e->parameter, e->value));
  size_t row = rows / 2;
  for (size_t i = 0; i < rows * CLASSES; i++) {
    int own = i / CLASSES == row;
    data_set(type, input, i, own ? e->input[i % CLASSES] : 0.25);
    data_set(type, target, i, own ? e->target[i % CLASSES] : 0.5);
    labels[i / CLASSES] = own ? (int64_t)e->target[0] : 1;
  }
  c.shape[0] = rows;
  c.shape[1] = CLASSES;
  c.input = c.grad = input;
  c.target = target;
  c.labels = (vloss_labels){labels, VLOSS_LABEL_INT64};
  c.options = &options;
  c.loss_out = loss;
  assert_int_equal(call_run(&c), VLOSS_OK);
  assert_int_equal(report.degenerate, e->degenerate);
  check_number(e, data_get(type, loss, row), e->loss);
  for (size_t k = 0; k < CLASSES; k++) {
    double got = data_get(type, input, row * CLASSES + k);
    if (isnan(e->grad[k]) && !isnan(e->loss))
      assert_true(isfinite(got));
    else
      check_number(e, got, e->grad[k]);
  }
}

static void test_documented_rows(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof expectations / sizeof expectations[0]; i++)
    for (dtype type = F32; type < DTYPE_COUNT; type++) {
      check(&expectations[i], type, 1);
      check(&expectations[i], type, 69);
    }
}

/* The focal mean counts rows, whatever the alphas. */
static void test_focal_mean(void **state) {
  (void)state;
  const float logits[4] = {1, 0, 0, 1}, alphas[2] = {3, 0.5F};
  const uint8_t classes[2] = {0, 1};
  vloss_cross_entropy_options own = VLOSS_CROSS_ENTROPY_OPTIONS_INIT;
  vloss_report report = VLOSS_REPORT_INIT;
  vloss_options options = VLOSS_OPTIONS_INIT;
  float loss;
  own.class_weight = alphas;
  options.report = &report;
  vloss_labels labels = {classes, VLOSS_LABEL_UINT8};
  assert_int_equal(vloss_focal_softmax_f32(logits, labels, 2, 2, 1, &own, &options, &loss, NULL),
                   VLOSS_OK);
  assert_true(report.weight == 2);
  assert_int_equal(vloss_nll_f32(logits, labels, 2, 2, 1, &own, &options, &loss, NULL), VLOSS_OK);
  assert_true(report.weight == 3.5);
}

/* Of 1,000 logits that are 0 but for the target's, -10,000: what smoothing leaves of the target is
 * small beside it and large in the loss. */
static void test_nearly_all_smoothing(void **state) {
  (void)state;
  enum { MANY = 1000 };
  const double smoothing = 0.9999, far = 1e4, sum = log(MANY - 1);
  const double expected = (1 - smoothing) * (far + sum) + smoothing / MANY * (far + MANY * sum);
  static float logits[MANY], target[MANY];
  const int64_t label = 0;
  float loss[2];
  vloss_cross_entropy_options hard = VLOSS_CROSS_ENTROPY_OPTIONS_INIT;
  vloss_soft_options soft = VLOSS_SOFT_OPTIONS_INIT;
  logits[0] = -(float)far;
  target[0] = 1;
  hard.smoothing = soft.smoothing = smoothing;
  assert_int_equal(vloss_cross_entropy_f32(logits, (vloss_labels){&label, VLOSS_LABEL_INT64}, 1,
                                           MANY, 1, &hard, NULL, &loss[0], NULL),
                   VLOSS_OK);
  assert_int_equal(
      vloss_cross_entropy_soft_f32(logits, target, 1, MANY, 1, &soft, NULL, &loss[1], NULL),
      VLOSS_OK);
  for (size_t k = 0; k < 2; k++) assert_true(fabs((double)loss[k] - expected) <= 5e-7 * expected);
}

/* Of a student that is nearly the teacher, where rounding could leave less than nothing. */
static void test_divergence_is_not_negative(void **state) {
  (void)state;
  rng r = rng_init(1, 0);
  for (size_t n = 0; n < 20000; n++) {
    float student[4], teacher[4], loss[2];
    vloss_teacher_options options = VLOSS_TEACHER_OPTIONS_INIT;
    options.teacher = VLOSS_TEACHER_LOGITS;
    for (size_t k = 0; k < 4; k++) {
      student[k] = (float)(4 * rng_unit(&r));
      teacher[k] = student[k] + (float)(1e-3 * rng_unit(&r));
    }
    assert_int_equal(
        vloss_kl_div_with_logits_f32(student, teacher, 1, 4, 1, &options, NULL, &loss[0], NULL),
        VLOSS_OK);
    assert_int_equal(
        vloss_js_div_with_logits_f32(student, teacher, 1, 4, 1, &options, NULL, &loss[1], NULL),
        VLOSS_OK);
    assert_true(loss[0] >= 0 && loss[1] >= 0);
  }
}

/* Rows that agree but for a share far below 1: their divergence is next to nothing. Each row alone
 * and with others in a block, whose sums it must not see. */
static void test_rows_of_a_block_are_apart(void **state) {
  (void)state;
  enum { ROWS = 32, MOST_CLASSES = 140 };
  static float logits[ROWS * MOST_CLASSES], target[ROWS * MOST_CLASSES], loss[ROWS], alone,
      grad[ROWS * MOST_CLASSES];
  vloss_options options = VLOSS_OPTIONS_INIT;
  options.reduction = VLOSS_NONE;
  for (size_t k = 0; k < ROWS * MOST_CLASSES; k++) {
    logits[k] = k % MOST_CLASSES ? -300 : 0;
    target[k] = k % MOST_CLASSES == 0 ? 1.0F : k % MOST_CLASSES == 1 ? 1e-39F : 0;
  }
  for (size_t classes = 2; classes <= MOST_CLASSES; classes++) {
    for (size_t k = 0; k < ROWS; k++) {
      memcpy(logits + k * classes, logits, classes * sizeof *logits);
      memcpy(target + k * classes, target, classes * sizeof *target);
    }
    assert_int_equal(
        vloss_js_div_with_logits_f32(logits, target, 1, classes, 1, NULL, &options, &alone, grad),
        VLOSS_OK);
    assert_int_equal(
        vloss_js_div_with_logits_f32(logits, target, ROWS, classes, 1, NULL, &options, loss, grad),
        VLOSS_OK);
    for (size_t k = 0; k < ROWS; k++) assert_memory_equal(&loss[k], &alone, sizeof alone);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rows_of_a_block_are_apart), cmocka_unit_test(test_documented_rows),
      cmocka_unit_test(test_focal_mean), cmocka_unit_test(test_nearly_all_smoothing),
      cmocka_unit_test(test_divergence_is_not_negative)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
