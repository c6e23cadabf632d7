/* SPDX-License-Identifier: Apache-2.0 */
/* What calls report, and what they give for nothing: no samples, only ignored ones, weights of
 * zero. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "testing.h"
#include "untouched.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static double value(const problem *p, const void *array, size_t index) {
  return data_get(p->call.dtype, array, index);
}

/* A size of 0 along each axis: the reduced loss is 0, no input is looked at, nothing else is
 * written, and no output need be there. */
static void nothing(problem *p) {
  size_t axes = p->call.loss->family == VLOSS_ROWS      ? 3
                : p->call.loss->family == VLOSS_OVERLAP ? 2
                                                        : 1;
  size_t size = dtype_size(p->call.dtype);
  for (size_t axis = 0; axis < axes; axis++)
    for (int bare = 0; bare < 3; bare++) {
      vloss_options options = p->options;
      call c = p->call;
      c.options = &options;
      c.shape[axis] = 0;
      if (bare) {
        c.input = c.target = c.variance = c.labels.data = c.class_weight = NULL;
        options.weight = options.grad_output = NULL;
        c.grad = c.grad_variance = NULL;
        if (bare == 2) c.loss_out = NULL;
      }
      unsigned char before[2 * sizeof(double)];
      memset(p->loss, 0x5a, p->loss_count * size);
      memset(p->grad, 0x5a, p->elements * size);
      memset(before, 0x5a, sizeof before);
      p->report = (vloss_report){sizeof p->report, 1, 1, 1, 1, 1, 1, "before"};
      assert_int_equal(call_run(&c), VLOSS_OK);
      if (p->options.reduction == VLOSS_NONE || bare == 2)
        assert_memory_equal(p->loss, before, size);
      else
        assert_true(value(p, p->loss, 0) == 0 && !signbit(value(p, p->loss, 0)));
      assert_memory_equal(p->grad, before, size);
      assert_true(p->report.sum == 0 && p->report.counted == 0 && p->report.ignored == 0);
      assert_true(p->report.degenerate == 0 && p->report.bad_label == SIZE_MAX);
      assert_null(p->report.argument);
    }
}

/* Sizes of 0 beside sizes that would overflow are still nothing. */
static void nothing_of_much(problem *p) {
  if (p->call.loss->family != VLOSS_ROWS && p->call.loss->family != VLOSS_OVERLAP) return;
  call c = p->call;
  c.shape[0] = 0;
  c.shape[1] = SIZE_MAX;
  assert_int_equal(call_run(&c), VLOSS_OK);
}

/* Weight 0 everywhere and NaN in every input: exactly 0 everywhere, though the mean still divides.
 * */
static void weightless(problem *p) {
  if (p->weight == NULL) return;
  for (size_t i = 0; i < p->samples; i++) data_set(p->call.dtype, p->weight, i, 0);
  for (size_t i = 0; i < p->elements; i++) {
    double sick = i % 3 == 0 ? (double)NAN : i % 3 == 1 ? (double)INFINITY : -(double)INFINITY;
    data_set(p->call.dtype, p->input, i, sick);
    if (p->target != NULL) data_set(p->call.dtype, p->target, i, sick);
    if (p->variance != NULL) data_set(p->call.dtype, p->variance, i, sick);
  }
  assert_int_equal(call_run(&p->call), VLOSS_OK);
  for (size_t i = 0; i < p->loss_count; i++) assert_true(value(p, p->loss, i) == 0);
  for (size_t i = 0; i < p->elements; i++) assert_true(value(p, p->grad, i) == 0);
  for (size_t i = 0; p->variance != NULL && i < p->elements; i++)
    assert_true(value(p, p->grad_variance, i) == 0);
  assert_true(p->report.sum == 0);
}

/* Every row ignored, NaN in every logit: the mean of nothing. */
static void ignored(problem *p) {
  if (!(p->call.loss->arrays & VLOSS_ARRAY_LABELS)) return;
  call c = p->call;
  int32_t labels[64];
  assert_true(p->samples <= COUNT(labels));
  for (size_t i = 0; i < p->samples; i++) labels[i] = -100;
  for (size_t i = 0; i < p->elements; i++) data_set(c.dtype, p->input, i, (double)NAN);
  c.labels = (vloss_labels){labels, VLOSS_LABEL_INT32};
  vloss_options options = p->options;
  options.divisor = 0;
  c.options = &options;
  assert_int_equal(call_run(&c), VLOSS_OK);
  for (size_t i = 0; i < p->loss_count; i++) assert_true(value(p, p->loss, i) == 0);
  for (size_t i = 0; i < p->elements; i++) assert_true(value(p, p->grad, i) == 0);
  assert_int_equal(p->report.counted, 0);
  assert_int_equal(p->report.ignored, p->samples);
}

/* Class weights that sum to 0 over the batch: the mean of nothing again. */
static void classes_without_weight(problem *p) {
  if (p->labels == NULL || p->options.reduction != VLOSS_MEAN) return;
  for (size_t i = 0; i < p->call.shape[1]; i++) data_set(p->call.dtype, p->class_weight, i, 0);
  p->options.divisor = 0;
  assert_int_equal(call_run(&p->call), VLOSS_OK);
  assert_true(value(p, p->loss, 0) == 0);
  for (size_t i = 0; i < p->elements; i++) assert_true(value(p, p->grad, i) == 0);
}

static void close_to(double a, double b) {
  if (!(fabs(a - b) <= 1e-6 * fabs(b))) fail_msg("%.9g, not %.9g", a, b);
}

/* What the report says of the plain call agrees with what the three reductions give. */
static void consistent(problem *p) {
  dtype type = p->call.dtype;
  size_t size = dtype_size(type);
  vloss_options options = VLOSS_OPTIONS_INIT;
  vloss_report report = VLOSS_REPORT_INIT;
  call c = p->call;
  double losses[64], mean[1], sum[1];
  assert_true(p->samples * size <= sizeof losses);
  options.report = &report;
  c.options = &options;
  c.class_weight = NULL;
  c.loss_out = mean;
  assert_int_equal(call_run(&c), VLOSS_OK);
  assert_int_equal(report.counted + report.ignored, p->samples);
  assert_true(report.weight == (double)report.counted);
  assert_int_equal(report.bad_label, SIZE_MAX);
  assert_int_equal(report.degenerate, 0);
  close_to(data_get(type, mean, 0) * report.weight, report.sum);
  options.reduction = VLOSS_SUM;
  c.loss_out = sum;
  assert_int_equal(call_run(&c), VLOSS_OK);
  close_to(data_get(type, sum, 0), report.sum);
  options.reduction = VLOSS_NONE;
  c.loss_out = losses;
  assert_int_equal(call_run(&c), VLOSS_OK);
  double total = 0;
  for (size_t i = 0; i < p->samples; i++) total += data_get(type, losses, i);
  close_to(total, report.sum);
  options.reduction = VLOSS_MEAN;
  options.divisor = 8;
  options.scale = -2;
  c.loss_out = mean;
  assert_int_equal(call_run(&c), VLOSS_OK);
  close_to(data_get(type, mean, 0), report.sum / 8 * -2);
  assert_true(report.weight == 8);
  c.options = NULL; /* the defaults: mean, scale 1 */
  assert_int_equal(call_run(&c), VLOSS_OK);
  close_to(data_get(type, mean, 0), report.sum / (double)report.counted);
}

#define EACH_PROBLEM(f)                \
  static void test_##f(void **state) { \
    (void)state;                       \
    for_each_problem(f);               \
  }
EACH_PROBLEM(nothing)
EACH_PROBLEM(nothing_of_much)
EACH_PROBLEM(weightless)
EACH_PROBLEM(ignored)
EACH_PROBLEM(classes_without_weight)
EACH_PROBLEM(consistent)

static void test_degenerate_boxes(void **state) {
  (void)state;
  const float boxes[][4] = {{0, 0, 1, 1}, {2, 0, 1, 1}, {2, 3, 1, 1}, {0, 0, 0, 0}};
  const float targets[][4] = {{0, 0, 1, 1}, {0, 0, 1, 1}, {3, 0, 1, 1}, {0, 1, 1, 0}};
  vloss_report report = VLOSS_REPORT_INIT;
  vloss_options options = VLOSS_OPTIONS_INIT;
  options.report = &report;
  float loss;
  assert_int_equal(vloss_giou_f32(boxes[0], targets[0], 4, NULL, &options, &loss, NULL), VLOSS_OK);
  assert_int_equal(report.degenerate, 3);
  assert_int_equal(report.counted, 4);
}

/* A box with a NaN has no share in the sum of Focal-EIoU's weights, not even IoU^0 = 1. */
static void test_nan_weighs_nothing(void **state) {
  (void)state;
  static const double gammas[] = {0, 0.5, 2};
  const float boxes[][4] = {{0, 0, 1, 1}, {(float)NAN, 0, 1, 1}};
  const float targets[][4] = {{0, 0, 1, 1}, {0, 0, 1, 1}};
  vloss_report report = VLOSS_REPORT_INIT;
  vloss_options options = VLOSS_OPTIONS_INIT;
  vloss_box_options box = VLOSS_BOX_OPTIONS_INIT;
  options.report = &report;
  box.normalize = 1;
  for (size_t i = 0; i < COUNT(gammas); i++) {
    float loss;
    box.gamma = gammas[i];
    assert_int_equal(vloss_focal_eiou_f32(boxes[0], targets[0], 2, &box, &options, &loss, NULL),
                     VLOSS_OK);
    assert_true(report.weight == 1 && isnan(loss));
  }
}

static void test_words(void **state) {
  (void)state;
  char version[32];
  snprintf(version, sizeof version, "%d.%d.%d", VLOSS_VERSION_MAJOR, VLOSS_VERSION_MINOR,
           VLOSS_VERSION_PATCH);
  assert_string_equal(vloss_version(), version);
  for (int a = -1; a <= VLOSS_ERROR_ISA + 1; a++) {
    const char *text = vloss_status_string((vloss_status)a);
    assert_non_null(text);
    assert_true(strlen(text) > 1 && strchr(text, '\n') == NULL);
    for (int b = 0; b < a && a <= VLOSS_ERROR_ISA; b++)
      assert_string_not_equal(text, vloss_status_string((vloss_status)b));
  }
}

/* What the header says are a loss's defaults. */
static const void *defaults_of(const vloss_loss *loss) {
  static const vloss_box_options box = VLOSS_BOX_OPTIONS_INIT;
  static const vloss_cross_entropy_options cross_entropy = VLOSS_CROSS_ENTROPY_OPTIONS_INIT;
  static const vloss_overlap_options overlap = VLOSS_OVERLAP_OPTIONS_INIT;
  static const vloss_overlap_options focal_tversky = VLOSS_FOCAL_TVERSKY_OPTIONS_INIT;
  static const vloss_poisson_nll_options poisson_nll = VLOSS_POISSON_NLL_OPTIONS_INIT;
  static const vloss_gaussian_nll_options gaussian_nll = VLOSS_GAUSSIAN_NLL_OPTIONS_INIT;
  static const vloss_soft_options soft = VLOSS_SOFT_OPTIONS_INIT;
  static const vloss_teacher_options teacher = VLOSS_TEACHER_OPTIONS_INIT;
  static const vloss_focal_options focal = VLOSS_FOCAL_OPTIONS_INIT;
  static const vloss_focal_options varifocal = VLOSS_VARIFOCAL_OPTIONS_INIT;
  static const void *const structs[] = {[VLOSS_ELEMENTS] = &focal,
                                        [VLOSS_BOXES] = &box,
                                        [VLOSS_ROWS] = &teacher,
                                        [VLOSS_OVERLAP] = &overlap};
  if (loss->arrays & VLOSS_ARRAY_LABELS) return &cross_entropy;
  if (loss->arrays & VLOSS_ARRAY_CLASS_WEIGHT) return &soft;
  if (strcmp(loss->name, "varifocal") == 0) return &varifocal;
  if (strcmp(loss->name, "poisson_nll") == 0) return &poisson_nll;
  if (strcmp(loss->name, "gaussian_nll") == 0) return &gaussian_nll;
  return strcmp(loss->name, "focal_tversky") == 0 ? &focal_tversky : structs[loss->family];
}

/* The registry's defaults are those of the structs' _INIT. */
static void test_defaults(void **state) {
  (void)state;
  size_t count = 0;
  const vloss_loss *losses = vloss_losses(&count);
  for (size_t i = 0; i < count; i++)
    for (size_t k = 0; k < losses[i].parameter_count; k++) {
      const vloss_parameter *p = &losses[i].parameters[k];
      if (p->offset == 0) continue; /* no field */
      const void *field = (const char *)defaults_of(&losses[i]) + p->offset;
      double value = p->choices != NULL ? (double)*(const int *)field
                     : p->whole         ? (double)*(const int64_t *)field
                                        : *(const double *)field;
      if (value != p->value)
        fail_msg("%s: %s is %g, not %g", losses[i].name, p->name, value, p->value);
    }
}

/* No options are the loss's own defaults, those of the families' odd one too. */
static void test_no_options(void **state) {
  (void)state;
  const double x[4] = {0.1, 0.8, 0.3, 1}, t[4] = {1, 0, 1, 1};
  double plain, loss;
  vloss_overlap_options own = VLOSS_FOCAL_TVERSKY_OPTIONS_INIT;
  assert_int_equal(vloss_focal_tversky_f64(x, t, 1, 4, NULL, NULL, &loss, NULL), VLOSS_OK);
  assert_int_equal(vloss_focal_tversky_f64(x, t, 1, 4, &own, NULL, &plain, NULL), VLOSS_OK);
  assert_true(loss == plain);
  /* I 1.4, false positives .8, false negatives 1.6 */
  assert_true(fabs(loss - pow(1.04 / (2.44 + 1e-5), 4.0 / 3)) < 1e-12);
  assert_int_equal(vloss_tversky_f64(x, t, 1, 4, &own, NULL, &plain, NULL), VLOSS_OK);
  assert_true(loss == plain);
  assert_int_equal(vloss_tversky_f64(x, t, 1, 4, NULL, NULL, &loss, NULL), VLOSS_OK);
  assert_true(fabs(loss - 1.2 / (2.6 + 1e-5)) < 1e-12);
}

/* The registry as tools see it. */
static void test_listing(void **state) {
  (void)state;
  size_t count = 0;
  const vloss_loss *losses = vloss_losses(&count);
  assert_ptr_equal(vloss_losses(NULL), losses);
  assert_true(count > 0);
  for (size_t i = 0; i < count; i++) {
    for (size_t k = 0; k < i; k++) assert_string_not_equal(losses[i].name, losses[k].name);
    for (size_t k = 0; k < losses[i].parameter_count; k++) {
      const vloss_parameter *p = &losses[i].parameters[k];
      assert_true(strlen(p->name) > 0);
      assert_true(p->low <= p->value && p->value <= p->high && p->low < p->high);
      size_t bars = 0;
      for (const char *c = p->choices; c != NULL && *c != 0; c++) bars += *c == '|';
      if (p->choices != NULL) assert_true(p->low == 0 && p->high == (double)bars);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_nothing),
                                     cmocka_unit_test(test_nothing_of_much),
                                     cmocka_unit_test(test_weightless),
                                     cmocka_unit_test(test_ignored),
                                     cmocka_unit_test(test_classes_without_weight),
                                     cmocka_unit_test(test_consistent),
                                     cmocka_unit_test(test_degenerate_boxes),
                                     cmocka_unit_test(test_nan_weighs_nothing),
                                     cmocka_unit_test(test_words),
                                     cmocka_unit_test(test_defaults),
                                     cmocka_unit_test(test_no_options),
                                     cmocka_unit_test(test_listing)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
