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
#define PASS_ONE(parameter, value, low, high) c->parameters[0],
#define PASS_SWITCH(flag) (int)c->parameters[0],
#define PASS_FIELDS(list) &own,
#define OWN_NONE
#define OWN_ONE(parameter, value, low, high)
#define OWN_SWITCH(flag)
#define OWN_FIELDS(list)                                    \
  vloss_##list##_options own = {.struct_size = sizeof own}; \
  set_fields(c, &own);

/* What stands behind the sizes, and in front of them. */
#define REST c->options, c->loss_out, c->grad
#define PAIR c->input, c->target
#define ROWS c->shape[0], c->shape[1], c->shape[2]

#define RUN(name, dtype, own, ...)                          \
  static vloss_status run_##name##_##dtype(const call *c) { \
    own return vloss_##name##_##dtype(__VA_ARGS__);         \
  }
#define STRUCT(type, INIT, fields)   \
  vloss_##type##_options own = INIT; \
  fields set_fields(c, &own);

#define RUN_elements(name, dtype, arrays, parameters) ELEMENTS_##arrays(name, dtype, parameters)
#define ELEMENTS_INPUT(name, dtype, parameters) RUN(name, dtype, , c->input, c->shape[0], REST)
#define ELEMENTS_TARGET(name, dtype, parameters) \
  RUN(name, dtype, OWN_##parameters, PAIR, c->shape[0], PASS_##parameters REST)
#define ELEMENTS_VARIANCE(name, dtype, parameters)                                           \
  RUN(name, dtype, OWN_##parameters, PAIR, c->variance, c->shape[0], PASS_##parameters REST, \
      c->grad_variance)
#define ELEMENTS_PROBABILITY(name, dtype, parameters) \
  RUN(name, dtype, STRUCT(focal, VLOSS_FOCAL_OPTIONS_INIT, ), PAIR, c->shape[0], &own, REST)
#define ELEMENTS_POSITIVES(name, dtype, parameters)                                    \
  RUN(name, dtype,                                                                     \
      STRUCT(binary, VLOSS_BINARY_OPTIONS_INIT, own.positive_weight = c->class_weight; \
             own.classes = c->shape[1]; own.inner = c->shape[2];),                     \
      PAIR, c->shape[0], &own, REST)

#define RUN_boxes(name, dtype, arrays, parameters) \
  RUN(name, dtype, STRUCT(box, VLOSS_BOX_OPTIONS_INIT, ), PAIR, c->shape[0], &own, REST)
#define RUN_overlap(name, dtype, arrays, parameters)                                               \
  RUN(name, dtype, STRUCT(overlap, VLOSS_OVERLAP_OPTIONS_INIT, own.channels = c->shape[2];), PAIR, \
      c->shape[0], c->shape[1], &own, REST)

#define RUN_rows(name, dtype, arrays, parameters) ROWS_##arrays(name, dtype)
#define ROWS_INPUT(name, dtype) RUN(name, dtype, , c->input, ROWS, REST)
#define ROWS_TARGET(name, dtype) \
  RUN(name, dtype, STRUCT(teacher, VLOSS_TEACHER_OPTIONS_INIT, ), PAIR, ROWS, &own, REST)
#define ROWS_WEIGHTED(name, dtype)                                                             \
  RUN(name, dtype, STRUCT(soft, VLOSS_SOFT_OPTIONS_INIT, own.class_weight = c->class_weight;), \
      PAIR, ROWS, &own, REST)
#define ROWS_LABELS(name, dtype)                              \
  RUN(name, dtype,                                            \
      STRUCT(cross_entropy, VLOSS_CROSS_ENTROPY_OPTIONS_INIT, \
             own.class_weight = c->class_weight;),            \
      c->input, c->labels, ROWS, &own, REST)

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

/* Runs a call into cleared outputs. */
static uint64_t bits_of(problem *p, runner *run) {
  size_t width = dtype_size(p->call.dtype);
  memset(p->loss, 0, p->loss_count * width);
  memset(p->grad, 0, p->elements * width);
  if (p->variance != NULL) memset(p->grad_variance, 0, p->elements * width);
  assert_int_equal(run(&p->call), VLOSS_OK);
  return outputs(p);
}

static void own_function_does_the_same(problem *small) {
  const vloss_loss *loss = small->call.loss;
  dtype type = small->call.dtype;
  runner *own = functions[loss - vloss_losses(NULL)][type];
  for (size_t s = 0; s < case_settings(loss); s++) {
    rng r = rng_init(data_seed(), s);
    call setting = case_call(loss, type, s);
    problem *p = problem_new(&r, &setting, small->call.shape, DATA_PLAIN, small->options.reduction,
                             EXTRA_ALL);
    assert_true(bits_of(p, call_run) == bits_of(p, own));
    problem_free(p);
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
