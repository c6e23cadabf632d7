/* SPDX-License-Identifier: Apache-2.0 */
/* What the header says of special values: certain and impossible probabilities, logarithms of 0,
 * counts of 0, variances of 0 and below; and that a gradient has the same bits without
 * the other. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "cases.h"
#include "testing.h"

#define INF ((double)INFINITY)
#define SICK ((double)NAN)

/* Degenerate only in f64: in f32 it is 16 units in the last place off. */
enum { SLACK = 2 };

typedef struct row {
  const char *loss, *flag; /* a parameter that is 1, or NULL */
  double input, target, expected, slope;
  int degenerate;
} row;

static const row rows[] = {
    {"binary_cross_entropy", NULL, 0, 0, 0, 0, 0},
    {"binary_cross_entropy", NULL, 1, 1, 0, 0, 0},
    {"binary_cross_entropy", NULL, 0, 1, 100, -1e12, 0},
    {"binary_cross_entropy", NULL, 1, 0, 100, 1e12, 0},
    {"binary_cross_entropy", NULL, 0.5, 0.5, 0.69314718055994531, 0, 0},
    {"binary_cross_entropy", NULL, -0x1p-149, 0, 0, 0, 0},
    {"binary_cross_entropy", NULL, 1 + 0x1p-40, 1 + 0x1p-19, 0, 0, SLACK},
    {"binary_cross_entropy", NULL, -0x1p-19, -0x1p-22, 0, 0, SLACK},
    {"binary_cross_entropy", NULL, 1 + 0x1p-18, 1, SICK, SICK, 1},
    {"binary_cross_entropy", NULL, 0.5, -0x1.2p-19, SICK, SICK, 1},
    {"binary_cross_entropy", NULL, 0.5, -0.5, SICK, SICK, 1},
    {"binary_cross_entropy", NULL, 0.5, 2, SICK, SICK, 1},
    {"binary_cross_entropy", NULL, INF, 1, SICK, SICK, 1},
    {"binary_cross_entropy", NULL, SICK, 1, SICK, SICK, 0},
    {"kl_div", NULL, -3, 0, 0, 0, 0},
    {"kl_div", NULL, -INF, 0, 0, 0, 0},
    {"kl_div", NULL, -INF, 0.5, INF, -0.5, 0},
    {"kl_div", NULL, -2, 1, 2, -1, 0},
    {"kl_div", NULL, 0, 1, 0, -1, 0},
    {"kl_div", NULL, 2, 0.5, -1.3465735902799727, -0.5, 0},
    {"kl_div", NULL, -2, 1 + 0x1p-19, 2, -1, SLACK},
    {"kl_div", NULL, -INF, -0x1p-19, 0, 0, SLACK},
    {"kl_div", NULL, -2, 1 + 0x1p-18, SICK, SICK, 1},
    {"kl_div", NULL, -1, -0.25, SICK, SICK, 1},
    {"kl_div", NULL, -1, 1.25, SICK, SICK, 1},
    {"kl_div", NULL, SICK, 0, SICK, SICK, 0},
    {"kl_div", "log_target", -1, -INF, 0, 0, 0},
    {"kl_div", "log_target", -INF, -INF, 0, 0, 0},
    {"kl_div", "log_target", -INF, 0, INF, -1, 0},
    {"kl_div", "log_target", -2, 0, 2, -1, 0},
    {"kl_div", "log_target", -1e30, -1e30, 0, 0, 0},
    {"kl_div", "log_target", 1e30, 1e30, 0, -INF, 0},
    {"kl_div", "log_target", SICK, -INF, SICK, SICK, 0},
    {"poisson_nll", "log_input", 0, 0, 1, 1, 0},
    {"poisson_nll", "log_input", -INF, 0, 0, 0, 0},
    {"poisson_nll", "log_input", 1e30, 1e30, INF, INF, 0},
    {"poisson_nll", "log_input", 0, -2, 1, 3, 0},
    {"poisson_nll", "eps", 0, 0, 0, 1, 0},
    {"poisson_nll", "eps", -1, 0, SICK, SICK, 1},
    {"poisson_nll", "eps", -2, 3, SICK, SICK, 1},
    {"poisson_nll", "eps", 1, 2, 1 - 2 * 0.69314718055994531, 0, 0},
    {"hinge", NULL, 1, 1, 0, 0, 0},
    {"hinge", NULL, -1, 1, 2, -1, 0},
    {"hinge", NULL, 3e38, -1, 3e38, 1, 0},
    {"squared_hinge", NULL, 1, 1, 0, 0, 0},
    {"squared_hinge", NULL, -1, 1, 4, -4, 0},
    {"quantile", "tau", 2, 2, 0, 0, 0},
};

static int matches(double got, double expected) {
  if (isnan(expected)) return isnan(got);
  return got == expected || fabs(got - expected) <= 1e-6 * fmax(1, fabs(expected));
}

/* A row alone, and among 4096 of it, where the fast loops run; with the loss and without. */
static void check_row(const row *from, dtype type, size_t n, int with_loss) {
  row repaired = *from, *x = &repaired;
  if (x->degenerate == SLACK) x->degenerate = type == F64;
  if (x->degenerate) x->expected = x->slope = SICK;
  static double input[4096], target[4096], grad[4096], loss[1];
  vloss_report report = VLOSS_REPORT_INIT;
  vloss_options options = VLOSS_OPTIONS_INIT;
  call c = call_init(vloss_find_loss(x->loss), type);
  if (strcmp(x->loss, "poisson_nll") == 0) (void)call_set(&c, "log_input", 0);
  if (x->flag != NULL && strcmp(x->flag, "tau") != 0) assert_true(call_set(&c, x->flag, 1));
  options.reduction = VLOSS_SUM;
  options.report = &report;
  for (size_t i = 0; i < n; i++) {
    data_set(type, input, i, x->input);
    data_set(type, target, i, x->target);
  }
  c.input = input;
  c.target = target;
  c.shape[0] = n;
  c.options = &options;
  c.grad = grad;
  c.loss_out = with_loss ? loss : NULL;
  assert_int_equal(call_run(&c), VLOSS_OK);
  double sum = with_loss ? data_get(type, loss, 0) : 0, slope = data_get(type, grad, n - 1);
  double expected = x->expected == 3e38 && n > 1 && type == F32 ? INF : x->expected * (double)n;
  if (with_loss && !matches(sum / (double)n, expected / (double)n))
    fail_msg("%s %s of %g and %g is %g, not %g", x->loss, dtype_name(type), x->input, x->target,
             sum / (double)n, x->expected);
  if (!matches(slope, x->slope))
    fail_msg("%s %s of %g and %g has slope %g, not %g", x->loss, dtype_name(type), x->input,
             x->target, slope, x->slope);
  if (report.degenerate != n * (size_t)x->degenerate)
    fail_msg("%s of %g and %g: %zu of %zu degenerate", x->loss, x->input, x->target,
             report.degenerate, n);
  if (!with_loss) assert_true(report.sum == 0);
}

static void test_special_values(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    for (dtype type = F32; type < DTYPE_COUNT; type++)
      for (int with_loss = 0; with_loss < 2; with_loss++) {
        check_row(&rows[i], type, 1, with_loss);
        check_row(&rows[i], type, 4096, with_loss);
      }
}

/* (variance, eps) gives the loss and the slopes of the clamped variance. */
static void test_variances(void **state) {
  (void)state;
  static const double cases[][3] = {{2, 0, 2},  {0.25, 1, 1}, {0, 1, 1},
                                    {-3, 1, 1}, {-3, 4, 4},   {0, 0, DBL_MIN}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    double input = 1.5, target = 1, loss, grad, slope, v = cases[i][2];
    vloss_gaussian_nll_options own = VLOSS_GAUSSIAN_NLL_OPTIONS_INIT;
    own.eps = cases[i][1];
    assert_int_equal(
        vloss_gaussian_nll_f64(&input, &target, cases[i], 1, &own, NULL, &loss, &grad, &slope),
        VLOSS_OK);
    assert_true(matches(loss, (log(v) + 0.25 / v) / 2) && matches(grad, 0.5 / v));
    assert_true(matches(slope, (1 / v - 0.25 / v / v) / 2));
    own.full = 1;
    double more;
    assert_int_equal(
        vloss_gaussian_nll_f64(&input, &target, cases[i], 1, &own, NULL, &more, NULL, NULL),
        VLOSS_OK);
    assert_true(matches(more, loss + 0.91893853320467274));
  }
}

/* Gaussian: one gradient, the other, or either in place; long enough for the loops, and to be
 * streamed. */
static void each_alone(size_t n, vloss_reduction reduction) {
  rng r = rng_init(data_seed(), n);
  call c = call_init(vloss_find_loss("gaussian_nll"), F32);
  const size_t shape[3] = {n, 1, 1}, bytes = n * sizeof(float);
  problem *p = problem_new(&r, &c, shape, DATA_NASTY, reduction, 0);
  problem *q = problem_new(&r, &c, shape, DATA_PLAIN, reduction, 0);
  assert_int_equal(call_run(&p->call), VLOSS_OK);
  for (int which = 0; which < 4; which++)
    for (int with_loss = 0; with_loss < 2; with_loss++) {
      c = p->call;
      memcpy(q->input, p->input, bytes);
      memcpy(q->variance, p->variance, bytes);
      c.loss_out = with_loss ? q->loss : NULL;
      c.input = q->input;
      c.variance = q->variance;
      c.grad = which == 0 ? q->grad : which == 2 ? q->input : which == 3 ? q->grad : NULL;
      c.grad_variance = which == 1 || which == 2 ? q->grad_variance
                        : which == 3             ? q->variance
                                                 : NULL;
      assert_int_equal(call_run(&c), VLOSS_OK);
      if (c.grad != NULL) assert_memory_equal(c.grad, p->grad, bytes);
      if (c.grad_variance != NULL) assert_memory_equal(c.grad_variance, p->grad_variance, bytes);
      if (with_loss) assert_memory_equal(q->loss, p->loss, p->loss_count * sizeof(float));
    }
  problem_free(p);
  problem_free(q);
}

static void test_each_gradient_alone(void **state) {
  (void)state;
  each_alone(1003, VLOSS_MEAN);
  each_alone(1003, VLOSS_NONE);
  each_alone(70001, VLOSS_SUM);
  each_alone(((size_t)4 << 20) + 9, VLOSS_SUM);
}

/* A flag of a prototype or a struct is 0 or 1; a struct has its size. */
static void test_flags(void **state) {
  (void)state;
  const float x = -1, t = 0.5F;
  float loss = 7;
  vloss_poisson_nll_options poisson = VLOSS_POISSON_NLL_OPTIONS_INIT;
  assert_int_equal(vloss_kl_div_f32(&x, &t, 1, 2, NULL, &loss, NULL), VLOSS_ERROR_ENUM);
  assert_int_equal(vloss_kl_div_f32(&x, &t, 1, -1, NULL, &loss, NULL), VLOSS_ERROR_ENUM);
  poisson.struct_size = 8;
  assert_int_equal(vloss_poisson_nll_f32(&x, &t, 1, &poisson, NULL, &loss, NULL),
                   VLOSS_ERROR_STRUCT_SIZE);
  assert_true(loss == 7);
  assert_int_equal(vloss_poisson_nll_f32(&x, &t, 1, NULL, NULL, &loss, NULL), VLOSS_OK);
  assert_true(matches((double)loss, exp(-1) + 0.5));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_special_values), cmocka_unit_test(test_variances),
      cmocka_unit_test(test_each_gradient_alone), cmocka_unit_test(test_flags)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
