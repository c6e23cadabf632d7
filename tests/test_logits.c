/* SPDX-License-Identifier: Apache-2.0 */
/* Do losses of single logits give their limits at saturated logits, NaN and a count for targets
 * that are no probabilities, and errors for bad weights of positives? */
#include <float.h>
#include <math.h>
#include <string.h>

#include "cases.h"
#include "testing.h"
#include "untouched.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int has_probabilities(const vloss_loss *loss) {
  return (loss->arrays & VLOSS_ARRAY_PROBABILITY) != 0;
}

/* Run f for each loss with probabilities, or none, and dtype, with every target at every logit. */
static void for_each_logit(void (*f)(call *c, double z, double t)) {
  static const double targets[] = {0, 1, 0.5, 0x1p-20, 1 - 0x1p-20, 0x1p-40};
  size_t count;
  const vloss_loss *losses = chosen_losses(&count);
  for (size_t i = 0; i < count; i++)
    for (dtype type = F32; has_probabilities(&losses[i]) && type < DTYPE_COUNT; type++) {
      double most = type == F32 ? (double)FLT_MAX : DBL_MAX;
      const double logits[] = {0, 20, 88, 104, 1e4, most, (double)INFINITY};
      for (size_t k = 0; k < 2 * COUNT(logits) * COUNT(targets); k++) {
        double z = logits[k / 2 % COUNT(logits)];
        call c = call_init(&losses[i], type);
        f(&c, k % 2 ? z : -z, targets[k / 2 / COUNT(logits)]);
      }
    }
}

/* 40 equal samples: a loop and a tail. */
enum { MANY = 40 };

/* Without weights of classes, as in the plainest formula. */
static void check_limits(call *c, double z, double t) {
  static const double exponents[] = {0, 0.5, 1, 2, 5, 300};
  static double input[MANY], target[MANY], loss[MANY], grad[MANY];
  vloss_options options = VLOSS_OPTIONS_INIT;
  options.reduction = VLOSS_SUM;
  for (size_t i = 0; i < MANY; i++) {
    data_set(c->dtype, input, i, z);
    data_set(c->dtype, target, i, t);
  }
  c->input = input;
  c->target = target;
  c->shape[0] = MANY;
  c->options = &options;
  c->loss_out = loss;
  c->grad = grad;
  for (size_t i = 0; i < COUNT(exponents); i++) {
    (void)call_set(c, "gamma", exponents[i]);
    (void)call_set(c, "beta", exponents[i]);
    assert_int_equal(call_run(c), VLOSS_OK);
    double sum = data_get(c->dtype, loss, 0), slope = data_get(c->dtype, grad, MANY - 1);
    int right = (t == 1 && z >= 88) || (t == 0 && z <= -88), endless = isinf(z) && !right;
    int overflows = fabs(z) > 1e5; /* the sum exceeds the type */
    if (isnan(sum) || !isfinite(slope) || sum < 0)
      fail_msg("%s: %g at %g, slope %g", c->loss->name, sum, z, slope);
    if (right && (sum > 1e-30 || fabs(slope) > 1e-30))
      fail_msg("%s: %g at %g, slope %g", c->loss->name, sum, z, slope);
    if (endless) assert_true(isinf(sum));
    if (!overflows) assert_true(isfinite(sum));
    for (size_t k = 0; k < MANY; k++) assert_true(data_get(c->dtype, grad, k) == slope);
  }
}

static void test_limits(void **state) {
  (void)state;
  for_each_logit(check_limits);
}

/* At a logit far on the wrong side of a hard target: the loss is w |z|, the slope -w or w. */
static void test_focal_far_off(void **state) {
  (void)state;
  static const double exponents[] = {0, 0.5, 1, 2, 5};
  const float z[] = {-104, 104, -1e4F, 1e4F}, t[] = {1, 0, 1, 0};
  vloss_options options = VLOSS_OPTIONS_INIT;
  options.reduction = VLOSS_NONE;
  for (size_t i = 0; i < COUNT(exponents); i++) {
    float loss[4], grad[4];
    vloss_focal_options focal = VLOSS_FOCAL_OPTIONS_INIT;
    focal.gamma = exponents[i];
    assert_int_equal(vloss_focal_f32(z, t, 4, &focal, &options, loss, grad), VLOSS_OK);
    assert_true(loss[0] == 26 && loss[1] == 78 && loss[2] == 2500 && loss[3] == 7500);
    assert_true(grad[0] == -0.25F && grad[1] == 0.75F && grad[2] == -0.25F && grad[3] == 0.75F);
  }
}

/* What is no probability is NaN alone, and counted once, wherever it stands and whatever is asked
 * for. */
static void check_outside(const vloss_loss *loss, dtype type) {
  enum { N = 5000 };
  static double input[N], target[N], grad[N], sum[1];
  vloss_report report = VLOSS_REPORT_INIT;
  vloss_options options = VLOSS_OPTIONS_INIT;
  options.report = &report;
  for (size_t i = 0; i < N; i++) {
    data_set(type, input, i, 0.5);
    data_set(type, target, i, i % 7 == 0);
  }
  data_set(type, target, 3, 1 + 0x1p-18);
  data_set(type, target, 2600, -0x1.2p-19);
  data_set(type, target, N - 1, (double)INFINITY);
  data_set(type, target, 2601, (double)NAN);
  call c = call_init(loss, type);
  c.input = input;
  c.target = target;
  c.shape[0] = N;
  c.options = &options;
  for (int want = 1; want < 4; want++) {
    c.loss_out = want & 1 ? sum : NULL;
    c.grad = want & 2 ? grad : NULL;
    assert_int_equal(call_run(&c), VLOSS_OK);
    assert_int_equal(report.degenerate, 3);
    if (want & 1) assert_true(isnan(data_get(type, sum, 0)));
    for (size_t i = 0; c.grad != NULL && i < N; i++) {
      int ill = i == 3 || i == 2600 || i == 2601 || i == N - 1;
      assert_int_equal(isnan(data_get(type, grad, i)) != 0, ill);
    }
  }
}

static void test_outside(void **state) {
  (void)state;
  size_t count;
  const vloss_loss *losses = chosen_losses(&count);
  for (size_t i = 0; i < count; i++)
    for (dtype type = F32; has_probabilities(&losses[i]) && type < DTYPE_COUNT; type++)
      check_outside(&losses[i], type);
}

/* Weights of positives, sizes and structs that only this family has. */
static void positive_weights(problem *p) {
  static const double bad[] = {(double)NAN, -1, (double)INFINITY, -(double)INFINITY};
  if (!(p->call.loss->arrays & VLOSS_ARRAY_POSITIVE_WEIGHT)) return;
  size_t classes = p->call.shape[1], places[] = {0, classes / 2, classes - 1};
  for (size_t i = 0; i < COUNT(places); i++)
    for (size_t k = 0; k < COUNT(bad); k++) {
      double good = data_get(p->call.dtype, p->class_weight, places[i]);
      data_set(p->call.dtype, p->class_weight, places[i], bad[k]);
      expect_error(p, &p->call, VLOSS_ERROR_PARAMETER, "positive_weight");
      data_set(p->call.dtype, p->class_weight, places[i], good);
    }
  static const size_t shapes[][2] = {{0, 1}, {5, 1}, {1, 5}, {24, 1}, {4, 6}};
  for (size_t i = 0; i < COUNT(shapes); i++) { /* 12 elements */
    call c = p->call;
    c.shape[1] = shapes[i][0];
    c.shape[2] = shapes[i][1];
    expect_error(p, &c, VLOSS_ERROR_PARAMETER, "classes");
  }
  call c = p->call;
  c.shape[2] = 0;
  expect_error(p, &c, VLOSS_ERROR_PARAMETER, "inner");
  c.shape[1] = c.shape[2] = SIZE_MAX;
  expect_error(p, &c, VLOSS_ERROR_SIZE, "classes");
  c.class_weight = NULL; /* then they are not looked at */
  c.shape[1] = c.shape[2] = 0;
  assert_int_equal(call_run(&c), VLOSS_OK);
}

static void test_positive_weights(void **state) {
  (void)state;
  for_each_problem(positive_weights);
}

/* The structs that only a direct call can spoil. */
static void test_struct_sizes(void **state) {
  (void)state;
  static const size_t sizes[] = {0, 1, 8, 12, 1000, SIZE_MAX};
  float z[4] = {0}, t[4] = {0}, loss = 5;
  vloss_report report = VLOSS_REPORT_INIT;
  vloss_options options = VLOSS_OPTIONS_INIT;
  options.report = &report;
  for (size_t i = 0; i < COUNT(sizes); i++) {
    vloss_binary_options binary = VLOSS_BINARY_OPTIONS_INIT;
    vloss_focal_options focal = VLOSS_FOCAL_OPTIONS_INIT;
    binary.struct_size = focal.struct_size = sizes[i];
    assert_int_equal(
        vloss_binary_cross_entropy_with_logits_f32(z, t, 4, &binary, &options, &loss, NULL),
        VLOSS_ERROR_STRUCT_SIZE);
    assert_string_equal(report.argument, "binary");
    assert_int_equal(vloss_focal_f32(z, t, 4, &focal, &options, &loss, NULL),
                     VLOSS_ERROR_STRUCT_SIZE);
    assert_string_equal(report.argument, "focal");
    assert_true(loss == 5);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_limits), cmocka_unit_test(test_focal_far_off),
      cmocka_unit_test(test_outside), cmocka_unit_test(test_positive_weights),
      cmocka_unit_test(test_struct_sizes)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
