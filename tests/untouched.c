/* SPDX-License-Identifier: Apache-2.0 */
#include "untouched.h"

#include <stdlib.h>
#include <string.h>

#include "testing.h"

problem *small_problem(const vloss_loss *loss, dtype type, vloss_reduction reduction) {
  static const size_t shapes[][3] = {[VLOSS_ELEMENTS] = {12, 1, 1},
                                     [VLOSS_BOXES] = {12, 1, 1},
                                     [VLOSS_ROWS] = {4, 5, 3},
                                     [VLOSS_OVERLAP] = {4, 6, 3}};
  call c = case_call(loss, type, 0);
  rng r = rng_init(data_seed(), (uint64_t)type);
  return problem_new(&r, &c, shapes[loss->family], DATA_PLAIN, reduction, EXTRA_ALL);
}

const char *input_name(const vloss_loss *loss) {
  int plain = strcmp(loss->name, "nll") == 0 || strcmp(loss->name, "entropy") == 0;
  return loss->family == VLOSS_ROWS && !plain ? "logits" : "input";
}

const char *target_name(const vloss_loss *loss) {
  if (loss->arrays & VLOSS_ARRAY_LABELS) return "labels";
  return loss->arrays & VLOSS_ARRAY_TARGET ? "target" : NULL;
}

typedef struct snapshot {
  const void *array;
  void *copy;
  size_t bytes;
} snapshot;

enum { ARRAYS = 10 };

static void take(snapshot *s, const void *array, size_t bytes) {
  *s = (snapshot){array, NULL, array == NULL ? 0 : bytes};
  if (s->bytes == 0) return;
  s->copy = malloc(s->bytes);
  assert_non_null(s->copy);
  memcpy(s->copy, array, s->bytes);
}

static void take_all(const problem *p, snapshot s[ARRAYS]) {
  size_t size = dtype_size(p->call.dtype);
  size_t upstreams = p->options.reduction == VLOSS_NONE ? p->samples : 1;
  take(&s[0], p->input, p->elements * size);
  take(&s[1], p->target, p->elements * size);
  take(&s[2], p->labels, p->samples * data_label_size(p->call.labels.type));
  take(&s[3], p->weight, p->samples * size);
  take(&s[4], p->class_weight, p->call.shape[1] * size);
  take(&s[5], p->grad_output, upstreams * size);
  take(&s[6], p->loss, p->loss_count * size);
  take(&s[7], p->grad, p->elements * size);
  take(&s[8], p->variance, p->elements * size);
  take(&s[9], p->grad_variance, p->elements * size);
}

void expect_error(const problem *p, const call *c, vloss_status status, const char *argument) {
  snapshot before[ARRAYS];
  vloss_report report = VLOSS_REPORT_INIT;
  take_all(p, before);
  call reported = *c;
  vloss_options options = c->options != NULL ? *c->options : p->options;
  if (c->options != NULL && options.report == &p->report) {
    options.report = &report;
    reported.options = &options;
  }
  vloss_status got = call_run(&reported);
  char name[CASE_NAME];
  (void)case_name(c, name, sizeof name);
  if (got != status)
    fail_msg("%s, %s: \"%s\", not \"%s\"", name, argument ? argument : "any argument",
             vloss_status_string(got), vloss_status_string(status));
  if (reported.options == &options && options.struct_size == sizeof options) {
    if (report.argument == NULL) fail_msg("%s: the report names no argument", name);
    if (argument != NULL && strcmp(report.argument, argument) != 0)
      fail_msg("%s: the report names %s, not %s", name, report.argument, argument);
  }
  if (reported.options == &options) {
    options.report = NULL;
    assert_int_equal(call_run(&reported), status);
  }
  for (size_t i = 0; i < ARRAYS; i++) {
    if (before[i].bytes != 0 && memcmp(before[i].array, before[i].copy, before[i].bytes) != 0)
      fail_msg("%s: an error wrote to array %zu", name, i);
    free(before[i].copy);
  }
}

void for_each_problem(void (*f)(problem *p)) {
  size_t count;
  const vloss_loss *losses = chosen_losses(&count);
  for (size_t i = 0; i < count; i++)
    for (int type = 0; type < DTYPE_COUNT; type++)
      for (int reduction = VLOSS_MEAN; reduction <= VLOSS_NONE; reduction++) {
        problem *p = small_problem(&losses[i], (dtype)type, (vloss_reduction)reduction);
        f(p);
        problem_free(p);
      }
}
