/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that computes a loss: the library on each ISA, and the loops it is compared with. */
#ifndef VLOSS_BENCH_IMPLEMENTATION_H
#define VLOSS_BENCH_IMPLEMENTATION_H

#include "dispatch.h"
#include "loop.h"

typedef struct implementation {
  const char *name;
  const isa *row;             /* the library on this row, */
  void (*run)(const call *c); /* or a loop, or neither: memcpy */
  int idle;                   /* computes nothing */
} implementation;

enum { MAX_IMPLEMENTATIONS = 16 };

/* What this machine can run of a loss; the library's best ISA first, memcpy last. */
size_t implementations(const vloss_loss *loss, dtype type, implementation *found);

/* Not 0: the library refused the call. */
int implementation_run(const implementation *how, const call *c);

/* Make an implementation the one that implementation_run() uses. */
void implementation_select(const implementation *how);

#endif
