/* SPDX-License-Identifier: Apache-2.0 */
/* Are bad arguments of states refused, by name and without a trace, and states that lack a class?
 */
#include <math.h>
#include <string.h>

#include <vloss/state.h>
#include <vloss/vloss.h>

#include "testing.h"

typedef struct trial {
  vloss_shard shard;
  vloss_cross_entropy_options own;
  vloss_labels labels;
  const float *logits;
  int entropy;
} trial;

static float trial_logits[12], trial_weights[6];
static int64_t trial_labels[2];
static vloss_softmax_state trial_states[2];

static trial trial_new(void) {
  trial t = {.shard = {sizeof(vloss_shard), 2, 3, 1, 1, 6},
             .own = VLOSS_CROSS_ENTROPY_OPTIONS_INIT,
             .labels = {trial_labels, VLOSS_LABEL_INT64},
             .logits = trial_logits};
  for (size_t i = 0; i < 6; i++) trial_weights[i] = 1;
  trial_labels[0] = 0;
  trial_labels[1] = 5;
  assert_int_equal(vloss_softmax_init(2, trial_states), VLOSS_OK);
  t.own.class_weight = trial_weights;
  return t;
}

static void expect(const trial *t, vloss_status status, const char *argument, size_t row) {
  vloss_report report = VLOSS_REPORT_INIT;
  vloss_options options = VLOSS_OPTIONS_INIT;
  vloss_softmax_state before[2], merged[2];
  float loss = 7, grad[6] = {7, 7, 7, 7, 7, 7};
  options.report = &report;
  memcpy(before, trial_states, sizeof before);
  assert_int_equal(vloss_softmax_update_f32(t->logits, t->labels, &t->shard, &t->own, t->entropy,
                                            &options, trial_states),
                   status);
  assert_string_equal(report.argument, argument);
  assert_int_equal(report.bad_label, row);
  assert_memory_equal(before, trial_states, sizeof before);
  memcpy(merged, before, sizeof merged);
  if (t->entropy == 0) {
    report.argument = "";
    assert_int_equal(vloss_cross_entropy_from_states_f32(merged, t->logits, t->labels, &t->shard,
                                                         &t->own, &options, &loss, grad),
                     status);
    assert_string_equal(report.argument, argument);
  }
  assert_true(loss == 7 && grad[0] == 7 && grad[5] == 7);
}

static void test_errors(void **state) {
  (void)state;
  trial t = trial_new();
  t.shard.struct_size = 8;
  expect(&t, VLOSS_ERROR_STRUCT_SIZE, "shard", SIZE_MAX);
  t = trial_new();
  t.shard.first_class = 4;
  expect(&t, VLOSS_ERROR_PARAMETER, "first_class", SIZE_MAX);
  t = trial_new();
  t.shard.first_class = 7;
  expect(&t, VLOSS_ERROR_PARAMETER, "first_class", SIZE_MAX);
  t = trial_new();
  t.shard.all_classes = ((size_t)1 << 22) + 1;
  expect(&t, VLOSS_ERROR_PARAMETER, "all_classes", SIZE_MAX);
  t = trial_new();
  t.shard.n = SIZE_MAX / 2;
  expect(&t, VLOSS_ERROR_SIZE, "n", SIZE_MAX);
  t = trial_new();
  t.own.struct_size = 1;
  expect(&t, VLOSS_ERROR_STRUCT_SIZE, "cross_entropy", SIZE_MAX);
  t = trial_new();
  t.own.smoothing = 1.5;
  expect(&t, VLOSS_ERROR_PARAMETER, "smoothing", SIZE_MAX);
  t = trial_new();
  trial_weights[5] = (float)NAN;
  expect(&t, VLOSS_ERROR_PARAMETER, "class_weight", SIZE_MAX);
  t = trial_new();
  trial_labels[1] = 6;
  expect(&t, VLOSS_ERROR_LABEL, "labels", 1);
  t = trial_new();
  t.labels.type = (vloss_label_type)4;
  expect(&t, VLOSS_ERROR_ENUM, "labels", SIZE_MAX);
  t = trial_new();
  t.logits = NULL;
  expect(&t, VLOSS_ERROR_NULL, "logits", SIZE_MAX);
  t = trial_new();
  t.entropy = 2;
  expect(&t, VLOSS_ERROR_ENUM, "entropy", SIZE_MAX);
  t = trial_new(); /* one class too many, or of others too few */
  trial_states[1].classes = 4;
  trial_states[0].classes = 3;
  t.entropy = 1;
  expect(&t, VLOSS_ERROR_PARAMETER, "states", 1);
}

static void test_more_errors(void **state) {
  (void)state;
  trial t = trial_new();
  vloss_report report = VLOSS_REPORT_INIT;
  vloss_options options = VLOSS_OPTIONS_INIT;
  float loss = 7;
  options.report = &report;
  assert_int_equal(
      vloss_softmax_update_f32(t.logits, t.labels, NULL, NULL, 0, &options, trial_states),
      VLOSS_ERROR_NULL);
  assert_string_equal(report.argument, "shard");
  assert_int_equal(vloss_softmax_update_f32(t.logits, t.labels, &t.shard, NULL, 0, &options, NULL),
                   VLOSS_ERROR_NULL);
  assert_string_equal(report.argument, "states");
  assert_int_equal(vloss_softmax_update_f32((float *)trial_states, t.labels, &t.shard, NULL, 0,
                                            &options, trial_states),
                   VLOSS_ERROR_OVERLAP);
  assert_string_equal(report.argument, "states");
  trial_states[1].classes = 1;
  assert_int_equal(vloss_softmax_maximum_f32(t.logits, &t.shard, NULL, &options, trial_states),
                   VLOSS_ERROR_PARAMETER);
  assert_string_equal(report.argument, "states");
  assert_int_equal(report.bad_label, 1);
  trial_states[0].classes = trial_states[1].classes = 5; /* one is missing */
  assert_int_equal(vloss_cross_entropy_from_states_f32(trial_states, t.logits, t.labels, &t.shard,
                                                       NULL, &options, &loss, NULL),
                   VLOSS_ERROR_PARAMETER);
  assert_string_equal(report.argument, "states");
  assert_int_equal(report.bad_label, 0);
  t.labels.data = NULL;
  assert_int_equal(vloss_cross_entropy_from_states_f32(trial_states, t.logits, t.labels, &t.shard,
                                                       NULL, &options, &loss, NULL),
                   VLOSS_ERROR_NULL);
  assert_string_equal(report.argument, "labels");
  assert_true(loss == 7);
  assert_int_equal(vloss_softmax_merge(trial_states, 2, &report, trial_states),
                   VLOSS_ERROR_OVERLAP);
  assert_int_equal(vloss_softmax_init(1, NULL), VLOSS_ERROR_NULL);
  assert_int_equal(vloss_state_version(), VLOSS_STATE_VERSION);
  assert_int_equal(sizeof(vloss_softmax_state), 96);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_errors),
      cmocka_unit_test(test_more_errors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
