/* SPDX-License-Identifier: Apache-2.0 */
/* Splitting a job into at most 256 tasks, with boundaries from the sizes only. */
#ifndef VLOSS_SPLIT_H
#define VLOSS_SPLIT_H

#include "kernel.h"

enum { TASKS_MOST = 256 };

/* Adds what the parts found to `merged`, in order. */
void vloss_split_parts(kernel *run, const void *work, size_t units, size_t quantum, size_t grain,
                       const vloss_executor *executor, partial *merged);

/* Runs `run` over [0, units) in parts of about `grain` units that start at multiples of
 * `quantum`. */
static inline void split_run(kernel *run, const void *work, size_t units, size_t quantum,
                             size_t grain, const vloss_executor *executor, partial *found) {
  *found = (partial){0};
  if (units <= grain)
    run(work, 0, units, found);
  else
    vloss_split_parts(run, work, units, quantum, grain, executor, found);
}

#endif
