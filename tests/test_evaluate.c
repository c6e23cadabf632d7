/* SPDX-License-Identifier: Apache-2.0 */
/* Does every loss's own function do what vloss_evaluate() does of its row? */
#include <string.h>

#include "testing.h"
#include "untouched.h"

/* The fields of an options struct from the parameters. */
static void set_fields(const call *c, void *options) {
  for (size_t k = 0; k < c->loss->parameter_count; k++) {
    const vloss_parameter *p = &c->loss->parameters[k];
    char *field = (char *)options + p->offset;
    if (p->choices)
      *(int *)(void *)field = (int)c->parameters[k];
    else if (p->whole)
      *(int64_t *)(void *)field = (int64_t)c->parameters[k] + c->rests[k];
    else
      *(double *)(void *)field = c->parameters[k];
  }
}

typedef vloss_status runner(const call *c);

/* One small function per loss and dtype, from the registry: its own function. */
#define PASS_NONE
#define PASS_ONE(parameter, value) c->parameters[0],

#define RUN_pairwise(name, dtype, arrays, parameters)                                             \
  static vloss_status run_##name##_##dtype(const call *c) {                                       \
    return vloss_##name##_##dtype(c->input, c->target, c->shape[0], PASS_##parameters c->options, \
                                  c->loss_out, c->grad);                                          \
  }
#define PASS_SWITCH(flag) (int)c->parameters[0],
#define PASS_FIELDS(list) &own,
#define OWN_NONE
#define OWN_SWITCH(flag)
#define OWN_FIELDS(list)                                    \
  vloss_##list##_options own = {.struct_size = sizeof own}; \
  set_fields(c, &own);
#define RUN_flagged(name, dtype, arrays, parameters)                                           \
  static vloss_status run_##name##_##dtype(const call *c) {                                    \
    OWN_##parameters return vloss_##name##_##dtype(                                            \
        c->input, c->target, c->shape[0], PASS_##parameters c->options, c->loss_out, c->grad); \
  }
#define RUN_divergence(name, dtype, arrays, parameters) RUN_flagged(name, dtype, arrays, parameters)
#define RUN_variance(name, dtype, arrays, parameters)                                             \
  static vloss_status run_##name##_##dtype(const call *c) {                                       \
    OWN_##parameters return vloss_##name##_##dtype(c->input, c->target, c->variance, c->shape[0], \
                                                   PASS_##parameters c->options, c->loss_out,     \
                                                   c->grad, c->grad_variance);                    \
  }
#define RUN_boxes(name, dtype, arrays, parameters)                                                 \
  static vloss_status run_##name##_##dtype(const call *c) {                                        \
    vloss_box_options box = VLOSS_BOX_OPTIONS_INIT;                                                \
    set_fields(c, &box);                                                                           \
    return vloss_##name##_##dtype(c->input, c->target, c->shape[0], &box, c->options, c->loss_out, \
                                  c->grad);                                                        \
  }
#define RUN_LABELS(name, dtype)                                                               \
  static vloss_status run_##name##_##dtype(const call *c) {                                   \
    vloss_cross_entropy_options own = VLOSS_CROSS_ENTROPY_OPTIONS_INIT;                       \
    own.class_weight = c->class_weight;                                                       \
    set_fields(c, &own);                                                                      \
    return vloss_##name##_##dtype(c->input, c->labels, c->shape[0], c->shape[1], c->shape[2], \
                                  &own, c->options, c->loss_out, c->grad);                    \
  }
#define RUN_TARGET_ROWS(name, dtype, own)                                                         \
  set_fields(c, &own);                                                                            \
  return vloss_##name##_##dtype(c->input, c->target, c->shape[0], c->shape[1], c->shape[2], &own, \
                                c->options, c->loss_out, c->grad)
#define RUN_WEIGHTED(name, dtype)                           \
  static vloss_status run_##name##_##dtype(const call *c) { \
    vloss_soft_options own = VLOSS_SOFT_OPTIONS_INIT;       \
    own.class_weight = c->class_weight;                     \
    RUN_TARGET_ROWS(name, dtype, own);                      \
  }
#define RUN_TARGET(name, dtype)                             \
  static vloss_status run_##name##_##dtype(const call *c) { \
    vloss_teacher_options own = VLOSS_TEACHER_OPTIONS_INIT; \
    RUN_TARGET_ROWS(name, dtype, own);                      \
  }
#define RUN_INPUT(name, dtype)                                                                 \
  static vloss_status run_##name##_##dtype(const call *c) {                                    \
    return vloss_##name##_##dtype(c->input, c->shape[0], c->shape[1], c->shape[2], c->options, \
                                  c->loss_out, c->grad);                                       \
  }
#define RUN_rows(name, dtype, arrays, parameters) RUN_##arrays(name, dtype)
#define RUN_overlap(name, dtype, arrays, parameters)                                               \
  static vloss_status run_##name##_##dtype(const call *c) {                                        \
    vloss_overlap_options own = VLOSS_OVERLAP_OPTIONS_INIT;                                        \
    own.channels = c->shape[2];                                                                    \
    set_fields(c, &own);                                                                           \
    return vloss_##name##_##dtype(c->input, c->target, c->shape[0], c->shape[1], &own, c->options, \
                                  c->loss_out, c->grad);                                           \
  }
#define RUN_binary(name, dtype, arrays, parameters)                                                \
  static vloss_status run_##name##_##dtype(const call *c) {                                        \
    vloss_binary_options own = VLOSS_BINARY_OPTIONS_INIT;                                          \
    own.positive_weight = c->class_weight;                                                         \
    own.classes = c->shape[1];                                                                     \
    own.inner = c->shape[2];                                                                       \
    return vloss_##name##_##dtype(c->input, c->target, c->shape[0], &own, c->options, c->loss_out, \
                                  c->grad);                                                        \
  }
#define RUN_focals(name, dtype, arrays, parameters)                                                \
  static vloss_status run_##name##_##dtype(const call *c) {                                        \
    vloss_focal_options own = VLOSS_FOCAL_OPTIONS_INIT;                                            \
    set_fields(c, &own);                                                                           \
    return vloss_##name##_##dtype(c->input, c->target, c->shape[0], &own, c->options, c->loss_out, \
                                  c->grad);                                                        \
  }
#define RUN_single(name, dtype, arrays, parameters)                                         \
  static vloss_status run_##name##_##dtype(const call *c) {                                 \
    return vloss_##name##_##dtype(c->input, c->shape[0], c->options, c->loss_out, c->grad); \
  }
#define LOSS(name, family, arrays, parameters) \
  RUN_##family(name, f32, arrays, parameters) RUN_##family(name, f64, arrays, parameters)
#include "losses.def"
#undef LOSS

static runner *const functions[][DTYPE_COUNT] = {
#define LOSS(name, family, arrays, parameters) {run_##name##_f32, run_##name##_f64},
#include "losses.def"
#undef LOSS
};

/* The bytes that a call wrote, whichever way. */
static uint64_t outputs(const problem *p) {
  dtype type = p->call.dtype;
  uint64_t hash = data_hash(DATA_HASH_INIT, type, p->loss, p->loss_count);
  hash = data_hash(hash, type, p->grad, p->elements);
  if (p->variance != NULL) hash = data_hash(hash, type, p->grad_variance, p->elements);
  return data_hash(hash, F64, &p->report.sum, 1);
}

static void clear(problem *p) {
  size_t width = dtype_size(p->call.dtype);
  memset(p->loss, 0, p->loss_count * width);
  memset(p->grad, 0, p->elements * width);
  if (p->variance != NULL) memset(p->grad_variance, 0, p->elements * width);
}

static void own_function_does_the_same(problem *p) {
  size_t row = (size_t)(p->call.loss - vloss_losses(NULL));
  for (size_t s = 0; s < case_settings(p->call.loss); s++) {
    call setting = case_call(p->call.loss, p->call.dtype, s);
    memcpy(p->call.parameters, setting.parameters, sizeof setting.parameters);
    memcpy(p->call.rests, setting.rests, sizeof setting.rests);
    clear(p);
    vloss_status status = call_run(&p->call); /* another ignore_index makes labels bad */
    if (s == 0) assert_int_equal(status, VLOSS_OK);
    uint64_t by_row = outputs(p);
    clear(p);
    assert_int_equal(functions[row][p->call.dtype](&p->call), status);
    assert_true(outputs(p) == by_row);
  }
}

static void test_own_functions(void **state) {
  (void)state;
  for_each_problem(own_function_does_the_same);
}

static void test_names(void **state) {
  (void)state;
  size_t count;
  const vloss_loss *losses = vloss_losses(&count);
  for (size_t i = 0; i < count; i++) assert_ptr_equal(vloss_find_loss(losses[i].name), &losses[i]);
  assert_null(vloss_find_loss("l2"));
  assert_null(vloss_find_loss(""));
  assert_null(vloss_find_loss(NULL));
}

/* Without values the parameters have their defaults. */
static void test_defaults(void **state) {
  (void)state;
  const double input[] = {0.5, -3}, target[] = {0, 1};
  double expected, loss = 0;
  vloss_call c = VLOSS_CALL_INIT;
  c.dtype = VLOSS_F64;
  c.input = input;
  c.target = target;
  c.shape[0] = 2;
  c.loss = &loss;
  assert_int_equal(vloss_smooth_l1_f64(input, target, 2, 1, NULL, &expected, NULL), VLOSS_OK);
  assert_int_equal(vloss_evaluate(vloss_find_loss("smooth_l1"), &c), VLOSS_OK);
  assert_true(loss == expected);
}

static void test_errors(void **state) {
  (void)state;
  const float boxes[4] = {0, 0, 1, 1};
  float loss = 7;
  vloss_report report = VLOSS_REPORT_INIT;
  vloss_options options = VLOSS_OPTIONS_INIT;
  options.report = &report;
  vloss_call good = VLOSS_CALL_INIT, c;
  good.input = good.target = boxes;
  good.shape[0] = 1;
  good.options = &options;
  good.loss = &loss;
  const vloss_loss *giou = vloss_find_loss("giou");

  assert_int_equal(vloss_evaluate(NULL, &good), VLOSS_ERROR_NULL);
  assert_int_equal(vloss_evaluate(giou, NULL), VLOSS_ERROR_NULL);
  c = good;
  c.struct_size--;
  assert_int_equal(vloss_evaluate(giou, &c), VLOSS_ERROR_STRUCT_SIZE);
  c = good;
  c.dtype = (vloss_dtype)2;
  assert_int_equal(vloss_evaluate(giou, &c), VLOSS_ERROR_ENUM);
  assert_string_equal(report.argument, "dtype");
  /* a choice that is none, and would be one as an int */
  static const int64_t formats[] = {-1, 3, INT64_C(1) << 32};
  for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
    vloss_value values[] = {{.whole = formats[i]}, {.real = 0}};
    c = good;
    c.values = values;
    assert_int_equal(vloss_evaluate(giou, &c), VLOSS_ERROR_ENUM);
    assert_string_equal(report.argument, "format");
  }
  assert_true(loss == 7);
  assert_int_equal(vloss_evaluate(giou, &good), VLOSS_OK);
  assert_true(loss == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_own_functions),
      cmocka_unit_test(test_names),
      cmocka_unit_test(test_defaults),
      cmocka_unit_test(test_errors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
