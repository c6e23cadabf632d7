/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to run the tasks of a call that must not change its bits. */
#ifndef VLOSS_TESTS_EXECUTORS_H
#define VLOSS_TESTS_EXECUTORS_H

#include <vloss/vloss.h>

/* In this thread, the last task first. */
extern const vloss_executor executor_reversed;
/* On four threads, first come, first served. */
extern const vloss_executor executor_threads;

/* The largest number of tasks that an executor was asked to run since the program began. */
size_t executor_most_tasks(void);

#endif
