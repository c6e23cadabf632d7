/* SPDX-License-Identifier: Apache-2.0 */
/* Every loss x dtype x implementation x what x size, named loss/dtype/isa/what/n. */
#ifndef VLOSS_BENCH_CASES_H
#define VLOSS_BENCH_CASES_H

#include "call.h"

/* Register them with the shim; 0 if memory ran out or a loss has no sizes. */
int cases_register(void);

/* Shapes of a family, small to large; NULL for a family that has none. */
typedef size_t shape[3];
const shape *cases_shapes(vloss_family family, size_t *count);

#endif
