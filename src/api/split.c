/* SPDX-License-Identifier: Apache-2.0 */
#include "api/split.h"

#include <stdatomic.h>

#include "cpu.h"

typedef struct parts {
  kernel *run;
  const void *work;
  size_t units, step;
  int sums;
  compensated *results; /* `sums` of each part */
  atomic_size_t degenerate;
} parts;

static partial run_part(const parts *p, size_t index) {
  size_t begin = index * p->step, left = p->units - begin;
  partial found = {0};
  p->run(p->work, begin, begin + (left < p->step ? left : p->step), &found);
  return found;
}

/* A part on a thread of the executor, whose control word is its own. */
static void run_task(void *argument, size_t index) {
  parts *p = argument;
  uint64_t control = vloss_cpu_pin();
  partial found = run_part(p, index);
  vloss_cpu_unpin(control);
  for (int k = 0; k < p->sums; k++) p->results[index * (size_t)p->sums + (size_t)k] = found.sums[k];
  if (found.degenerate)
    atomic_fetch_add_explicit(&p->degenerate, found.degenerate, memory_order_relaxed);
}

static void merge(partial *merged, const compensated *sums, int count) {
  for (int k = 0; k < count; k++) sum_merge(&merged->sums[k], sums[k]);
}

static size_t divide_up(size_t a, size_t b) { return a / b + (a % b != 0); }

/* Only these have to wait for each other: at most 12 KiB of stack, 4 KiB for one sum. */
static void run_tasks(parts *p, size_t count, const vloss_executor *executor, partial *merged) {
  size_t sums = (size_t)p->sums;
  compensated results[count * sums + 1];
  p->results = results;
  executor->run(executor->context, run_task, p, count);
  for (size_t i = 0; i < count; i++) merge(merged, results + i * sums, p->sums);
  merged->degenerate += atomic_load_explicit(&p->degenerate, memory_order_relaxed);
}

void vloss_split_parts(kernel *run, const void *work, division d, int sums,
                       const vloss_executor *executor, partial *merged) {
  size_t step = divide_up(d.grain, d.quantum), quanta = divide_up(d.units, d.quantum);
  if (divide_up(quanta, step) > TASKS_MOST) step = divide_up(quanta, TASKS_MOST);
  parts p = {.run = run, .work = work, .units = d.units, .step = step * d.quantum, .sums = sums};
  size_t count = divide_up(quanta, step);
  if (executor && count > 1) {
    run_tasks(&p, count, executor, merged);
    return;
  }
  for (size_t i = 0; i < count; i++) {
    partial found = run_part(&p, i);
    merge(merged, found.sums, sums);
    merged->degenerate += found.degenerate;
  }
}
