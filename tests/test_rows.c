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
    {"cross_entropy_soft", NULL, 0, {0, 0, 0}, {0, 0, -1e-9}, NAN, {NAN, NAN, NAN}, 1},
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
  call c = call_init(call_find(e->loss_name), type);
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

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_documented_rows),
                                     cmocka_unit_test(test_focal_mean)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
