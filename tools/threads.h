/* SPDX-License-Identifier: Apache-2.0 */
/* A parallel-for on POSIX threads, started for each call: enough for one evaluation. */
#ifndef VLOSS_TOOLS_THREADS_H
#define VLOSS_TOOLS_THREADS_H

#include <vloss/vloss.h>

enum { MAX_THREADS = 256 }; /* the library makes no more tasks */

/* `*count` is the number of threads, from 1 to MAX_THREADS; it must outlive the executor. */
vloss_executor threads_executor(size_t *count);

#endif
