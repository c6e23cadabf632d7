/* SPDX-License-Identifier: Apache-2.0 */
/* Does every bad argument of every loss give its status, name the culprit and leave the outputs
 * alone? */
#include <math.h>
#include <string.h>

#include "testing.h"
#include "untouched.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void null_pointers(problem *p) {
  const vloss_loss *loss = p->call.loss;
  call c = p->call;
  c.input = NULL;
  expect_error(p, &c, VLOSS_ERROR_NULL, input_name(loss));
  c = p->call;
  c.target = NULL;
  c.labels.data = NULL;
  if (target_name(loss) != NULL) expect_error(p, &c, VLOSS_ERROR_NULL, target_name(loss));
  c = p->call;
  c.loss_out = c.grad = c.grad_variance = NULL;
  expect_error(p, &c, VLOSS_ERROR_NULL, NULL);
  if (p->variance != NULL) {
    c = p->call;
    c.variance = NULL;
    expect_error(p, &c, VLOSS_ERROR_NULL, "variance");
  }
  vloss_executor nothing = {NULL, NULL};
  vloss_options options = p->options;
  options.executor = &nothing;
  c = p->call;
  c.options = &options;
  expect_error(p, &c, VLOSS_ERROR_NULL, "executor");
}

/* One output where another array is, at its start, inside, and reaching into it from below. */
static void overlap_with(problem *p, void *array, size_t count, size_t element) {
  if (array == NULL) return;
  size_t size = dtype_size(p->call.dtype);
  char *begin = array;
  char *places[] = {begin, begin + (count * element - 1) / size * size,
                    begin - p->elements * size + size};
  for (size_t i = 0; i < COUNT(places); i++) {
    call c = p->call;
    c.grad = places[i];
    int in_place = (void *)places[i] == p->input;
    if (!in_place) expect_error(p, &c, VLOSS_ERROR_OVERLAP, "grad");
    if (i == 2) continue;
    c = p->call;
    c.loss_out = places[i];
    expect_error(p, &c, VLOSS_ERROR_OVERLAP, "loss");
  }
}

/* A second gradient where another array is, but for the variance itself. */
static void variance_overlaps(problem *p) {
  if (p->variance == NULL) return;
  size_t size = dtype_size(p->call.dtype);
  void *arrays[] = {
      p->input, p->target, p->weight, p->grad_output, p->loss, p->grad, (char *)p->variance + size};
  for (size_t i = 0; i < COUNT(arrays); i++) {
    call c = p->call;
    c.grad_variance = arrays[i];
    if (arrays[i] != NULL) expect_error(p, &c, VLOSS_ERROR_OVERLAP, "grad_variance");
  }
  call c = p->call;
  c.grad = p->variance;
  expect_error(p, &c, VLOSS_ERROR_OVERLAP, "grad");
}

static void overlaps(problem *p) {
  size_t size = dtype_size(p->call.dtype), label = data_label_size(p->call.labels.type);
  size_t upstreams = p->options.reduction == VLOSS_NONE ? p->samples : 1;
  overlap_with(p, p->input, p->elements, size);
  overlap_with(p, p->target, p->elements, size);
  variance_overlaps(p);
  overlap_with(p, p->labels, p->samples, label);
  overlap_with(p, p->weight, p->samples, size);
  overlap_with(p, p->class_weight, p->call.shape[1], size);
  overlap_with(p, p->grad_output, upstreams, size);
  call c = p->call;
  c.loss_out = c.grad;
  expect_error(p, &c, VLOSS_ERROR_OVERLAP, NULL);
  c = p->call;
  c.grad = (char *)p->input + size;
  expect_error(p, &c, VLOSS_ERROR_OVERLAP, "grad");
}

/* A report is an output too: it may not reach into another array. */
static void report_overlaps(problem *p) {
  static vloss_report reports[2];
  vloss_options options = p->options;
  options.report = reports;
  for (int which = 0; which < 3; which++) {
    void *inside = (char *)(reports + 1) - sizeof(double);
    call c = p->call;
    c.options = &options;
    if (which == 0) c.loss_out = inside;
    if (which == 1) c.grad = inside;
    if (which == 2) c.input = inside;
    reports[0] = (vloss_report)VLOSS_REPORT_INIT;
    assert_int_equal(call_run(&c), VLOSS_ERROR_OVERLAP);
    assert_string_equal(reports[0].argument, "report");
  }
}

/* Products and byte counts that do not fit; each axis alone, then all. */
static void sizes(problem *p) {
  static const size_t huge[] = {SIZE_MAX, SIZE_MAX / 2 + 1, SIZE_MAX / 4 + 1, SIZE_MAX / 8 + 1};
  size_t axes = p->call.loss->family == VLOSS_ROWS      ? 3
                : p->call.loss->family == VLOSS_OVERLAP ? 2
                                                        : 1;
  for (size_t i = 0; i < COUNT(huge); i++) {
    call c = p->call;
    for (size_t axis = 0; axis < axes; axis++) {
      c = p->call;
      c.shape[axis] = huge[i];
      expect_error(p, &c, VLOSS_ERROR_SIZE, NULL);
    }
    for (size_t axis = 0; axis < axes; axis++) c.shape[axis] = huge[i];
    expect_error(p, &c, VLOSS_ERROR_SIZE, NULL);
  }
  call c = p->call;
  for (size_t axis = 0; axis < axes; axis++) c.shape[axis] = (size_t)1 << 32;
  if (axes > 1) expect_error(p, &c, VLOSS_ERROR_SIZE, NULL);
}

static void option_values(problem *p) {
  static const double bad[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
  vloss_options options = p->options;
  call c = p->call;
  c.options = &options;
  for (size_t i = 0; i < COUNT(bad); i++) {
    options = p->options;
    options.divisor = bad[i];
    expect_error(p, &c, VLOSS_ERROR_PARAMETER, "divisor");
    options = p->options;
    options.scale = bad[i];
    expect_error(p, &c, VLOSS_ERROR_PARAMETER, "scale");
  }
  options = p->options;
  options.divisor = -0x1p-1074;
  expect_error(p, &c, VLOSS_ERROR_PARAMETER, "divisor");
  static const int reductions[] = {-1, 3, 255, 256};
  for (size_t i = 0; i < COUNT(reductions); i++) {
    options = p->options;
    options.reduction = (vloss_reduction)reductions[i];
    expect_error(p, &c, VLOSS_ERROR_ENUM, "reduction");
  }
  static const size_t struct_sizes[] = {0, 8, sizeof options - 1, sizeof options + 1, SIZE_MAX};
  for (size_t i = 0; i < COUNT(struct_sizes); i++) {
    options = p->options;
    options.struct_size = struct_sizes[i];
    expect_error(p, &c, VLOSS_ERROR_STRUCT_SIZE, "options");
    vloss_report report = VLOSS_REPORT_INIT, before;
    report.struct_size = i == 0 ? 0 : i == 4 ? SIZE_MAX : sizeof report - 2 + i % 2 * 3;
    before = report;
    options = p->options;
    options.report = &report;
    expect_error(p, &c, VLOSS_ERROR_STRUCT_SIZE, NULL);
    assert_memory_equal(&report, &before, sizeof report);
  }
}

static void bad_parameter(problem *p, size_t index, double value) {
  const vloss_parameter *parameter = &p->call.loss->parameters[index];
  call c = p->call;
  c.parameters[index] = value;
  expect_error(p, &c, parameter->choices ? VLOSS_ERROR_ENUM : VLOSS_ERROR_PARAMETER,
               parameter->name);
}

static void parameters(problem *p) {
  for (size_t i = 0; i < p->call.loss->parameter_count; i++) {
    const vloss_parameter *parameter = &p->call.loss->parameters[i];
    if (parameter->choices != NULL) {
      bad_parameter(p, i, parameter->high + 1);
      bad_parameter(p, i, -1);
      continue;
    }
    if (parameter->whole) continue; /* any integer is a good index */
    bad_parameter(p, i, (double)NAN);
    bad_parameter(p, i, (double)INFINITY);
    bad_parameter(p, i, -(double)INFINITY);
    bad_parameter(p, i, nextafter(parameter->low, -(double)INFINITY));
    if (parameter->low >= 0) bad_parameter(p, i, -1);
    if (parameter->high < 1e6) bad_parameter(p, i, nextafter(parameter->high, (double)INFINITY));
  }
}

/* The ends of each range are allowed. */
static void good_parameters(problem *p) {
  for (size_t i = 0; i < p->call.loss->parameter_count; i++) {
    const vloss_parameter *parameter = &p->call.loss->parameters[i];
    const double ends[] = {parameter->low, parameter->high};
    if (parameter->whole) continue;
    for (size_t k = 0; k < 2; k++) {
      call c = p->call;
      c.parameters[i] = ends[k];
      (void)call_set(&c, "smoothing", 0.5);
      assert_int_equal(call_run(&c), VLOSS_OK);
    }
  }
}

/* log needs smoothing and gamma = 1, whatever else the loss has. */
static void log_rules(problem *p) {
  call c = p->call;
  if (!call_set(&c, "log", 1)) return;
  assert_int_equal(call_run(&c), VLOSS_OK);
  (void)call_set(&c, "smoothing", 0);
  expect_error(p, &c, VLOSS_ERROR_PARAMETER, "smoothing");
  c = p->call;
  (void)call_set(&c, "log", 1);
  (void)call_set(&c, "gamma", 2);
  expect_error(p, &c, VLOSS_ERROR_PARAMETER, "gamma");
}

/* Channels must be there if something asks for them, divide an image, and fit a softmax. */
static void channels(problem *p) {
  if (p->call.loss->family != VLOSS_OVERLAP) return;
  static const struct {
    double activation, grouping;
    size_t size, channels;
    int good;
  } cases[] = {
      {VLOSS_IDENTITY, VLOSS_GROUP_IMAGE, 6, 0, 1},
      {VLOSS_SIGMOID, VLOSS_GROUP_BATCH, 6, 0, 1},
      {VLOSS_IDENTITY, VLOSS_GROUP_CHANNEL, 6, 0, 0},
      {VLOSS_SOFTMAX, VLOSS_GROUP_IMAGE, 6, 0, 0},
      {VLOSS_SIGMOID, VLOSS_GROUP_IMAGE_CHANNEL, 6, 0, 0},
      {VLOSS_IDENTITY, VLOSS_GROUP_IMAGE, 6, 4, 0},
      {VLOSS_SOFTMAX, VLOSS_GROUP_BATCH, 6, 4, 0},
      {VLOSS_IDENTITY, VLOSS_GROUP_BATCH, 6, 7, 0},
      {VLOSS_SOFTMAX, VLOSS_GROUP_BATCH, 6, 1, 1},
      {VLOSS_IDENTITY, VLOSS_GROUP_IMAGE, 6, SIZE_MAX, 0},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    vloss_options options = p->options;
    call c = p->call;
    options.weight = NULL;
    options.reduction = VLOSS_SUM;
    c.options = &options;
    c.shape[1] = cases[i].size;
    c.shape[2] = cases[i].channels;
    (void)call_set(&c, "activation", cases[i].activation);
    (void)call_set(&c, "grouping", cases[i].grouping);
    if (cases[i].good)
      assert_int_equal(call_run(&c), VLOSS_OK);
    else
      expect_error(p, &c, VLOSS_ERROR_PARAMETER, "channels");
  }
}

/* The softmax has room for 256 channels; other activations for any number. */
static void test_many_channels(void **state) {
  (void)state;
  enum { MANY = 600 };
  static float x[2 * MANY], t[2 * MANY], losses[MANY], grad[2 * MANY];
  vloss_report report = VLOSS_REPORT_INIT;
  vloss_options options = VLOSS_OPTIONS_INIT;
  vloss_overlap_options overlap = VLOSS_OVERLAP_OPTIONS_INIT;
  options.report = &report;
  options.reduction = VLOSS_NONE;
  overlap.grouping = VLOSS_GROUP_CHANNEL;
  overlap.smoothing = 0;
  for (size_t i = 0; i < 2 * MANY; i++) x[i] = 1, t[i] = i < MANY ? 1 : (float)(i % 2);
  overlap.channels = MANY;
  assert_int_equal(vloss_dice_f32(x, t, 2, MANY, &overlap, &options, losses, grad), VLOSS_OK);
  for (size_t i = 0; i < MANY; i++) assert_true(fabsf(losses[i] - (i % 2 ? 0 : 1.0F / 3)) < 1e-6F);
  overlap.activation = VLOSS_SOFTMAX;
  overlap.channels = 257;
  assert_int_equal(vloss_dice_f32(x, t, 2, 257, &overlap, &options, losses, NULL),
                   VLOSS_ERROR_PARAMETER);
  assert_string_equal(report.argument, "channels");
  overlap.channels = 256;
  assert_int_equal(vloss_dice_f32(x, t, 2, 256, &overlap, &options, losses, grad), VLOSS_OK);
}

#define EACH_PROBLEM(f)                \
  static void test_##f(void **state) { \
    (void)state;                       \
    for_each_problem(f);               \
  }
EACH_PROBLEM(null_pointers)
EACH_PROBLEM(overlaps)
EACH_PROBLEM(report_overlaps)
EACH_PROBLEM(sizes)
EACH_PROBLEM(option_values)
EACH_PROBLEM(parameters)
EACH_PROBLEM(good_parameters)
EACH_PROBLEM(log_rules)
EACH_PROBLEM(channels)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_null_pointers),   cmocka_unit_test(test_overlaps),
      cmocka_unit_test(test_report_overlaps), cmocka_unit_test(test_sizes),
      cmocka_unit_test(test_option_values),   cmocka_unit_test(test_parameters),
      cmocka_unit_test(test_good_parameters), cmocka_unit_test(test_log_rules),
      cmocka_unit_test(test_channels),        cmocka_unit_test(test_many_channels)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
