/* SPDX-License-Identifier: Apache-2.0 */
#include "api/split.h"

#include "cpu.h"

typedef struct parts {
  kernel *run;
  const void *work;
  size_t units, step;
  partial *results;
} parts;

static partial run_range(kernel *run, const void *work, size_t begin, size_t end) {
  partial result = {{{0, 0}, {0, 0}, {0, 0}}, 0};
  uint64_t control = vloss_cpu_pin();
  run(work, begin, end, &result);
  vloss_cpu_unpin(control);
  return result;
}

static void run_part(void *argument, size_t index) {
  const parts *p = argument;
  size_t begin = index * p->step, left = p->units - begin;
  p->results[index] = run_range(p->run, p->work, begin, begin + (left < p->step ? left : p->step));
}

void sum_merge(compensated *a, compensated b) {
  double total = a->value + b.value;
  if (!(total - total == 0)) {
    *a = (compensated){total, 0};
    return;
  }
  double shadow = total - a->value;
  double lost = (a->value - (total - shadow)) + (b.value - shadow);
  *a = (compensated){total, a->error + (b.error + lost)};
}

static size_t divide_up(size_t a, size_t b) { return a / b + (a % b != 0); }

partial split_run(kernel *run, const void *work, size_t units, size_t quantum, size_t grain,
                  const vloss_executor *executor) {
  if (units <= grain) return run_range(run, work, 0, units);
  partial results[TASKS_MOST], merged = {{{0, 0}, {0, 0}, {0, 0}}, 0};
  size_t step = divide_up(grain, quantum), quanta = divide_up(units, quantum);
  if (divide_up(quanta, step) > TASKS_MOST) step = divide_up(quanta, TASKS_MOST);
  parts p = {run, work, units, step * quantum, results};
  size_t count = divide_up(quanta, step);
  if (executor && count > 1)
    executor->run(executor->context, run_part, &p, count);
  else
    for (size_t i = 0; i < count; i++) run_part(&p, i);
  for (size_t i = 0; i < count; i++) {
    for (int k = 0; k < 3; k++) sum_merge(&merged.sums[k], results[i].sums[k]);
    merged.degenerate += results[i].degenerate;
  }
  return merged;
}
