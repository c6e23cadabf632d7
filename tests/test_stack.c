/* SPDX-License-Identifier: Apache-2.0 */
/* Does every call, with an executor and without, stay within the stack that the header promises? */
#include <stdio.h>
#include <string.h>

#include "cases.h"
#include "cpu.h"
#include "dispatch.h"
#include "executors.h"
#include "mode.h"
#include "painted.h"
#include "testing.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { GRAIN = 1 << 15, TASKS_MOST = 256 }; /* elements of a task, tasks */

static vloss_status run(const void *argument) { return call_run(argument); }

/* The call of a family that took most. */
typedef struct deepest {
  size_t bytes, shape[3];
  call call;
  const isa *isa;
} deepest;

static deepest worst[VLOSS_OVERLAP + 1];

static void measure(rng *r, const call *c, const size_t shape[3], const vloss_executor *executor) {
  deepest *most = &worst[c->loss->family];
  problem *p = problem_new(r, c, shape, (data_kind)rng_below(r, DATA_KINDS),
                           (vloss_reduction)rng_below(r, 3), (unsigned)rng_below(r, EXTRA_ALL + 1));
  char name[CASE_NAME];
  p->options.executor = executor;
  size_t bytes = painted_stack(run, &p->call);
  if (bytes > most->bytes) {
    *most = (deepest){bytes, {shape[0], shape[1], shape[2]}, *c, vloss_isa_active()};
    printf("%zu bytes: %s of %zu x %zu x %zu%s on %s\n", bytes, case_name(c, name, sizeof name),
           shape[0], shape[1], shape[2], executor ? ", executor" : "", vloss_isa());
  }
  problem_free(p);
  if (bytes > VLOSS_STACK_SIZE) fail_msg("more than %d", VLOSS_STACK_SIZE);
}

/* Every path of a kernel, on sizes that are not split. */
static void paths(const vloss_loss *loss, dtype type) {
  static const size_t flat[][3] = {{77, 1, 1}, {3001, 1, 1}};
  static const size_t rows[][3] = {{37, 10, 1}, {3, 3001, 1}, {5, 301, 3},
                                   {9, 201, 7}, {2, 19, 70},  {33, 65, 2}};
  static const size_t groups[][3] = {{2, 3 * 701, 3},    {3, 3 * 256, 256}, {70, 5 * 64, 64},
                                     {2, 128 * 33, 128}, {67, 66, 33},      {40, 256, 256}};
  const size_t(*shapes)[3] = loss->family == VLOSS_ROWS      ? rows
                             : loss->family == VLOSS_OVERLAP ? groups
                                                             : flat;
  size_t count = shapes == flat ? COUNT(flat) : COUNT(rows);
  rng r = rng_init(data_seed(), 1);
  for (size_t setting = 0; setting < case_settings(loss); setting += mode_emulated() ? 9 : 1)
    for (size_t i = 0; i < count; i++) {
      call c = case_call(loss, type, setting);
      measure(&r, &c, shapes[i], NULL);
    }
}

/* Sizes that are split into a few tasks. */
static void split(const vloss_loss *loss, dtype type) {
  static const size_t shapes[][3] = {[VLOSS_ELEMENTS] = {70001, 1, 1},
                                     [VLOSS_BOXES] = {20001, 1, 1},
                                     [VLOSS_ROWS] = {1001, 71, 1},
                                     [VLOSS_OVERLAP] = {67, 1101, 3}};
  rng r = rng_init(data_seed(), 2);
  for (int i = 0; i < 4; i++) {
    call c = case_call(loss, type, i < 2 ? 0 : rng_below(&r, case_settings(loss)));
    measure(&r, &c, shapes[loss->family], i % 2 ? &executor_reversed : NULL);
  }
}

/* The deepest call of a family again, on sizes that make as many tasks as there may be: of many
 * samples, or of large ones. */
static void many_tasks(vloss_family family) {
  deepest most = worst[family];
  rng r = rng_init(data_seed(), 3);
  vloss_isa_force(most.isa);
  for (int axis = 0; axis < (family == VLOSS_OVERLAP ? 2 : 1); axis++) {
    size_t shape[3] = {most.shape[0], most.shape[1], most.shape[2]};
    call c = most.call;
    if (axis == 0) (void)call_set(&c, "grouping", VLOSS_GROUP_IMAGE);
    memcpy(c.shape, shape, sizeof shape);
    shape[axis] *= (size_t)TASKS_MOST * GRAIN / call_elements(&c);
    measure(&r, &c, shape, NULL);
    measure(&r, &c, shape, &executor_reversed);
  }
  assert_true(executor_most_tasks() > TASKS_MOST - 30);
}

static void test_stack(void **state) {
  (void)state;
  size_t count;
  const vloss_loss *losses = chosen_losses(&count);
  for (size_t row = 0; row < vloss_isas_count; row++) {
    if ((vloss_cpu_features() & vloss_isas[row].features) != vloss_isas[row].features) continue;
    vloss_isa_force(&vloss_isas[row]);
    for (size_t i = 0; i < count * DTYPE_COUNT; i++) {
      paths(&losses[i % count], (dtype)(i / count));
      if (!mode_emulated()) split(&losses[i % count], (dtype)(i / count));
    }
  }
  for (int family = 0; !mode_emulated() && family <= VLOSS_OVERLAP; family++)
    many_tasks((vloss_family)family);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_stack)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
