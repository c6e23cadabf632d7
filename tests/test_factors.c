/* SPDX-License-Identifier: Apache-2.0 */
/* What multiplies losses and gradients: factors of 0, and the largest. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "testing.h"
#include "untouched.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static double value(const problem *p, const void *array, size_t index) {
  return data_get(p->call.dtype, array, index);
}

/* A factor that is 0, or is in the dtype, gives exactly 0, whatever a sample holds; the report has
 * the sum without it. */
static void factors_of_zero(problem *p) {
  static const double scales[] = {0, -0.0, 0x1p-1074};
  dtype type = p->call.dtype;
  size_t count = p->options.reduction == VLOSS_NONE ? p->samples : 1;
  double sum = 0;
  p->options.weight = NULL;
  for (size_t k = 0; k < COUNT(scales) + 1; k++) {
    int upstream = k == COUNT(scales), loss_too = !upstream && scales[k] == 0;
    p->options.scale = upstream ? 1 : scales[k];
    for (size_t i = 0; upstream && i < count; i++) data_set(type, p->grad_output, i, 0);
    if (k == 2 && type == F64) continue;
    for (int sick = 0; sick < 2; sick++) {
      for (size_t i = 0; sick && i < p->elements; i++)
        data_set(type, p->input, i, i % 2 ? (double)NAN : (double)INFINITY);
      assert_int_equal(call_run(&p->call), VLOSS_OK);
      if (k == 0 && !sick) sum = p->report.sum;
      if (k == 0) assert_true(sick ? p->report.sum != sum : sum != 0);
      for (size_t i = 0; loss_too && i < p->loss_count; i++) assert_true(value(p, p->loss, i) == 0);
      for (size_t i = 0; i < p->elements; i++) assert_true(value(p, p->grad, i) == 0);
      for (size_t i = 0; p->variance != NULL && i < p->elements; i++)
        assert_true(value(p, p->grad_variance, i) == 0);
    }
  }
}

/* A square that exceeds the type, and a target that is masked: infinite losses, times 0. */
static void test_nothing_of_infinity(void **state) {
  (void)state;
  const float far[] = {1e20F, 1}, zeros[2] = {0}, masked[] = {-INFINITY, 0};
  const uint8_t label = 0;
  for (vloss_reduction reduction = VLOSS_MEAN; reduction <= VLOSS_NONE; reduction++) {
    float loss[2] = {1, 1}, grad[2];
    vloss_report report = VLOSS_REPORT_INIT;
    vloss_options options = VLOSS_OPTIONS_INIT;
    options.reduction = reduction;
    options.scale = 0;
    options.report = &report;
    assert_int_equal(vloss_mse_f32(far, zeros, 2, &options, loss, grad), VLOSS_OK);
    assert_true(loss[0] == 0 && grad[0] == 0 && grad[1] == 0 && isinf(report.sum));
    loss[0] = 1;
    assert_int_equal(vloss_cross_entropy_f32(masked, (vloss_labels){&label, VLOSS_LABEL_UINT8}, 1,
                                             2, 1, NULL, &options, loss, grad),
                     VLOSS_OK);
    assert_true(loss[0] == 0 && grad[0] == 0 && grad[1] == 0 && isinf(report.sum));
  }
}

/* Products that leave the type on their way only. */
static void test_products_that_stay(void **state) {
  (void)state;
  const double input[] = {3, 1}, target[] = {1, 1};
  double loss, grad[2];
  vloss_options options = VLOSS_OPTIONS_INIT;
  options.scale = 0x1p-1000;
  options.divisor = 0x1p-1030;
  assert_int_equal(vloss_mse_f64(input, target, 2, &options, &loss, grad), VLOSS_OK);
  assert_true(loss == 0x1p32 && grad[0] == 0x1p32);
  options.scale = 0x1p1000;
  options.divisor = 0x1p1020;
  const double upstream = 0x1p30;
  options.grad_output = &upstream;
  assert_int_equal(vloss_mse_f64(input, target, 2, &options, &loss, grad), VLOSS_OK);
  assert_true(loss == 0x1p-18 && grad[0] == 0x1p12);
}

/* The largest numbers that a call takes as factors give infinities at most: where the input is the
 * target, or a probability is 0, they meet zeros. */
static void expect_no_nan(const problem *p, const char *what) {
  char name[CASE_NAME];
  assert_int_equal(call_run(&p->call), VLOSS_OK);
  for (size_t i = 0; i < p->loss_count + p->elements; i++) {
    int is_loss = i < p->loss_count;
    double x = is_loss ? value(p, p->loss, i) : value(p, p->grad, i - p->loss_count);
    if (isnan(x))
      fail_msg("%s, reduction %d: NaN with %s", case_name(&p->call, name, sizeof name),
               (int)p->options.reduction, what);
  }
}

static void fill_largest(const problem *p, void *array, size_t count) {
  double largest = p->call.dtype == F32 ? (double)FLT_MAX : DBL_MAX;
  for (size_t i = 0; array != NULL && i < count; i++) data_set(p->call.dtype, array, i, largest);
}

static void largest_factors(problem *p) {
  dtype type = p->call.dtype;
  int probabilities = strcmp(p->call.loss->name, "entropy") == 0;
  size_t upstreams = p->options.reduction == VLOSS_NONE ? p->samples : 1;
  for (size_t i = 0; i < p->elements; i++) {
    double x = value(p, p->input, i);
    if (p->target == NULL && !probabilities) x = i % 2 ? -fabs(x) : -500; /* logarithms of them */
    if (p->target == NULL && probabilities) x = i % 2 ? x : 0;
    if (p->target != NULL && i % 2 == 0) x = value(p, p->target, i);
    data_set(type, p->input, i, x);
  }
  for (size_t k = 0; k < p->call.loss->parameter_count; k++) {
    const vloss_parameter *parameter = &p->call.loss->parameters[k];
    if (parameter->choices != NULL || parameter->whole) continue;
    p->call.parameters[k] = parameter->high;
    expect_no_nan(p, parameter->name);
    p->call.parameters[k] = parameter->value;
  }
  p->options.scale = type == F32 ? (double)FLT_MAX : DBL_MAX;
  expect_no_nan(p, "scale");
  p->options.divisor = 0x1p-1074;
  expect_no_nan(p, "scale and divisor");
  fill_largest(p, p->class_weight, p->call.shape[1]);
  expect_no_nan(p, "class weights");
  fill_largest(p, p->weight, p->samples);
  expect_no_nan(p, "weights");
  fill_largest(p, p->grad_output, upstreams);
  expect_no_nan(p, "upstream gradients");
}

static void test_factors_of_zero(void **state) {
  (void)state;
  for_each_problem(factors_of_zero);
}

static void test_largest_factors(void **state) {
  (void)state;
  for_each_problem(largest_factors);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_factors_of_zero), cmocka_unit_test(test_nothing_of_infinity),
      cmocka_unit_test(test_products_that_stay), cmocka_unit_test(test_largest_factors)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
