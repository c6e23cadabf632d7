/* SPDX-License-Identifier: Apache-2.0 */
/* The active kernel table. */
#ifndef VLOSS_DISPATCH_H
#define VLOSS_DISPATCH_H

#include "table.h"

typedef struct isa {
  const char *name;
  unsigned features; /* CPU_ bits that it needs */
  const kernel_table *kernels[DTYPES];
} isa;

/* The rows of isas.def, best first. */
extern const isa vloss_isas[];
extern const size_t vloss_isas_count;

/* The first row with that name (any name if NULL or "") that a CPU with those features can run, or
 * NULL. A pure function, tested from a table of CPUs. */
const isa *vloss_isa_choose(unsigned features, const char *name);

/* The row in use; the first call decides. */
const isa *vloss_isa_active(void);

/* Use this row, whatever the CPU: for tests and benches that name a build, not an instruction set.
 * */
void vloss_isa_force(const isa *row);

#endif
