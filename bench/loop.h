/* SPDX-License-Identifier: Apache-2.0 */
/* A loop to compare the library with. */
#ifndef VLOSS_BENCH_LOOP_H
#define VLOSS_BENCH_LOOP_H

#include "call.h"

/* Does the mean loss and, if wanted, its gradient, as call_run() does. */
typedef struct loop {
  const char *loss; /* NULL ends a table */
  void (*run)(const call *c);
} loop;

#endif
