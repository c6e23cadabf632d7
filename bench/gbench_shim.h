/* SPDX-License-Identifier: Apache-2.0 */
/* Google Benchmark for C: the timed loop lives here, what it times is a function. */
#ifndef VLOSS_BENCH_GBENCH_SHIM_H
#define VLOSS_BENCH_GBENCH_SHIM_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct shim_case {
  const char *name;
  void *context;
  int (*prepare)(void *context); /* before the clock starts; not 0: the case fails */
  int (*run)(void *context);     /* timed; not 0: the case fails */
  double items, bytes;           /* of one run */
  const char *unit;              /* of the items: the label */
} shim_case;

/* Take Google Benchmark's flags out of the arguments; 0 if something else is left. */
int shim_initialize(int *argc, char **argv);

/* A line of the JSON's context. */
void shim_context(const char *key, const char *value);

/* `c` and what it points to must outlive shim_run(). */
void shim_register(const shim_case *c);

/* Run what the command line selects, naming each case on stderr if `progress`.
 * Number of failures; selecting nothing is one. */
size_t shim_run(int progress);

#ifdef __cplusplus
}
#endif

#endif
