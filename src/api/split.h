/* SPDX-License-Identifier: Apache-2.0 */
/* Splitting a job into at most 256 tasks, with boundaries from the sizes only. */
#ifndef VLOSS_SPLIT_H
#define VLOSS_SPLIT_H

#include "kernel.h"

enum { TASKS_MOST = 256 };

/* Runs `run` over [0, units) in parts of about `grain` units that start at multiples of `quantum`,
 * and merges what they found in order. */
partial split_run(kernel *run, const void *work, size_t units, size_t quantum, size_t grain,
                  const vloss_executor *executor);

/* Adds b to a, keeping what rounding loses. */
void sum_merge(compensated *a, compensated b);

#endif
