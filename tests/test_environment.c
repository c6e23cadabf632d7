/* SPDX-License-Identifier: Apache-2.0 */
/* Do calls give the same bits whatever the caller's floating point control word, and leave it and
 * errno as they were? */
#include <errno.h>
#include <fenv.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "control.h"
#include "cpu.h"
#include "dispatch.h"
#include "executors.h"
#include "mode.h"
#include "testing.h"

/* Run `c` under a control word; returns whether it came back. */
static int run_under(const call *c, uint64_t control, vloss_status *status) {
  uint64_t before = get_control();
  set_control(control);
  uint64_t set = get_control(); /* what the CPU took of it */
  *status = call_run(c);
  uint64_t after = get_control();
  set_control(before);
  return after == set;
}

/* A pool's thread has a control word of its own: each task starts under the one in question. */
static uint64_t control_of_tasks;
static atomic_int tasks_that_lost_it;

typedef struct odd_work {
  vloss_task *task;
  void *argument;
} odd_work;

static void odd_task(void *argument, size_t index) {
  const odd_work *work = argument;
  uint64_t before = get_control();
  set_control(control_of_tasks);
  uint64_t set = get_control();
  work->task(work->argument, index);
  uint64_t after = get_control();
  set_control(before);
  if (after != set) atomic_fetch_add(&tasks_that_lost_it, 1);
}

static void run_odd(void *context, vloss_task *task, void *argument, size_t count) {
  odd_work work = {task, argument};
  executor_threads.run(context, odd_task, &work, count);
}

static const vloss_executor executor_odd = {run_odd, NULL};

static void check_bits(const problem *p, const void *loss, const void *grad, double sum,
                       uint64_t control) {
  size_t where = 0;
  char name[CASE_NAME];
  (void)case_name(&p->call, name, sizeof name);
  if (!data_same(p->call.dtype, loss, p->loss, p->loss_count, &where))
    fail_msg("%s: loss[%zu] differs under control %#llx", name, where, (unsigned long long)control);
  if (!data_same(p->call.dtype, grad, p->grad, p->elements, &where))
    fail_msg("%s: gradient[%zu] differs under control %#llx", name, where,
             (unsigned long long)control);
  if (memcmp(&sum, &p->report.sum, sizeof sum) != 0 && sum == sum)
    fail_msg("%s: report.sum differs under control %#llx", name, (unsigned long long)control);
}

static void *copy(const void *from, size_t bytes) {
  void *to = malloc(bytes + 1);
  assert_non_null(to);
  return memcpy(to, from, bytes);
}

static void all_controls(problem *p) {
  size_t size = dtype_size(p->call.dtype);
  control_of_tasks = get_control();
  assert_int_equal(call_run(&p->call), VLOSS_OK);
  double sum = p->report.sum;
  void *loss = copy(p->loss, p->loss_count * size), *grad = copy(p->grad, p->elements * size);
  for (size_t i = 0; i < sizeof controls / sizeof controls[0]; i++) {
    vloss_status status;
    control_of_tasks = controls[i];
    int kept = run_under(&p->call, controls[i], &status);
    assert_int_equal(status, VLOSS_OK);
    if (!kept) fail_msg("control %#llx was not restored", (unsigned long long)controls[i]);
    check_bits(p, loss, grad, sum, controls[i]);
  }
  free(loss);
  free(grad);
}

/* Every loss, dtype and kind of data, `rounds` times, each with another reduction. */
static void each_loss(const size_t shapes[][3], const vloss_executor *executor, size_t rounds) {
  size_t count;
  const vloss_loss *losses = chosen_losses(&count);
  for (size_t row = 0; row < vloss_isas_count; row++) {
    unsigned needs = vloss_isas[row].features;
    if ((vloss_cpu_features() & needs) != needs) continue;
    vloss_isa_force(&vloss_isas[row]);
    for (size_t i = 0; i < count * DTYPE_COUNT * DATA_KINDS * rounds; i++) {
      const vloss_loss *loss = &losses[i % count];
      rng r = rng_init(data_seed(), i);
      size_t setting = rng_below(&r, case_settings(loss));
      call c = case_call(loss, (dtype)(i / count % DTYPE_COUNT), setting);
      data_kind kind = (data_kind)(i / count / DTYPE_COUNT % DATA_KINDS);
      vloss_reduction reduction = (vloss_reduction)((i % count + i / count) % 3);
      problem *p = problem_new(&r, &c, shapes[loss->family], kind, reduction,
                               (unsigned)rng_below(&r, EXTRA_ALL + 1));
      p->options.executor = executor;
      all_controls(p);
      problem_free(p);
    }
  }
  vloss_isa_force(NULL);
}

static const size_t small_shapes[][3] = {[VLOSS_ELEMENTS] = {333, 1, 1},
                                         [VLOSS_BOXES] = {77, 1, 1},
                                         [VLOSS_ROWS] = {21, 11, 3},
                                         [VLOSS_OVERLAP] = {9, 77, 7}};

static void test_control_word(void **state) {
  (void)state;
  each_loss(small_shapes, NULL, 3);
}

static void test_control_word_of_tasks(void **state) {
  (void)state;
  static const size_t shapes[][3] = {[VLOSS_ELEMENTS] = {70001, 1, 1},
                                     [VLOSS_BOXES] = {9000, 1, 1},
                                     [VLOSS_ROWS] = {7000, 10, 1},
                                     [VLOSS_OVERLAP] = {2, 70002, 6}};
  if (mode_emulated()) skip();
  each_loss(shapes, &executor_odd, 1);
  assert_true(executor_most_tasks() > 1);
  assert_int_equal(atomic_load(&tasks_that_lost_it), 0);
}

static void test_errno(void **state) {
  (void)state;
  size_t count;
  const vloss_loss *losses = chosen_losses(&count);
  for (size_t i = 0; i < count * DTYPE_COUNT * 20; i++) {
    const vloss_loss *loss = &losses[i % count];
    rng r = rng_init(data_seed(), i);
    call c = case_call(loss, (dtype)(i / count % DTYPE_COUNT), rng_below(&r, case_settings(loss)));
    problem *p = problem_new(&r, &c, small_shapes[loss->family], DATA_SPECIAL,
                             (vloss_reduction)rng_below(&r, 3), 0);
    vloss_isa_force(&vloss_isas[vloss_isas_count - 1]); /* the one that calls libm */
    errno = 77;
    vloss_status status = call_run(&p->call);
    int after = errno;
    assert_int_equal(status, VLOSS_OK);
    assert_int_equal(after, 77);
    problem_free(p);
  }
  vloss_isa_force(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_control_word),
                                     cmocka_unit_test(test_control_word_of_tasks),
                                     cmocka_unit_test(test_errno)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
