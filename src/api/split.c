/* SPDX-License-Identifier: Apache-2.0 */
#include "api/split.h"

#include "cpu.h"

typedef struct parts {
  kernel *run;
  const void *work;
  size_t units, step;
  partial *results;
} parts;

static void run_part(const parts *p, size_t index) {
  size_t begin = index * p->step, left = p->units - begin;
  p->results[index] = (partial){0};
  p->run(p->work, begin, begin + (left < p->step ? left : p->step), &p->results[index]);
}

/* A part on a thread of the executor, whose control word is its own. */
static void run_task(void *argument, size_t index) {
  uint64_t control = vloss_cpu_pin();
  run_part(argument, index);
  vloss_cpu_unpin(control);
}

static size_t divide_up(size_t a, size_t b) { return a / b + (a % b != 0); }

void vloss_split_parts(kernel *run, const void *work, size_t units, size_t quantum, size_t grain,
                       const vloss_executor *executor, partial *merged) {
  partial results[TASKS_MOST];
  size_t step = divide_up(grain, quantum), quanta = divide_up(units, quantum);
  if (divide_up(quanta, step) > TASKS_MOST) step = divide_up(quanta, TASKS_MOST);
  parts p = {run, work, units, step * quantum, results};
  size_t count = divide_up(quanta, step);
  if (executor && count > 1)
    executor->run(executor->context, run_task, &p, count);
  else
    for (size_t i = 0; i < count; i++) run_part(&p, i);
  for (size_t i = 0; i < count; i++) {
    for (int k = 0; k < 3; k++) sum_merge(&merged->sums[k], results[i].sums[k]);
    merged->degenerate += results[i].degenerate;
  }
}
