/* SPDX-License-Identifier: Apache-2.0 */
/* Splitting a job into at most 256 tasks, with boundaries from the sizes only. */
#ifndef VLOSS_SPLIT_H
#define VLOSS_SPLIT_H

#include "job.h"

enum { TASKS_MOST = 256 };

/* The units of a job, what parts of it start at multiples of, and about how many a part has. */
typedef struct division {
  size_t units, quantum, grain;
} division;

/* Adds what the parts found to `merged`, in order. */
void vloss_split_parts(kernel *run, const void *work, division d, int sums,
                       const vloss_executor *executor, partial *merged);

/* Runs `run` over all units, in parts. Of what it finds the first `sums` sums count. */
static inline void split_run(kernel *run, const void *work, division d, int sums,
                             const vloss_executor *executor, partial *found) {
  *found = (partial){0};
  if (d.units <= d.grain)
    run(work, 0, d.units, found);
  else
    vloss_split_parts(run, work, d, sums, executor, found);
}

#endif
