/* SPDX-License-Identifier: Apache-2.0 */
#include "dispatch.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <vloss/vloss.h>

#include "cpu.h"

#define ISA(table, name, features) \
  extern const kernel_table vloss_kernels_##table##_f32, vloss_kernels_##table##_f64;
#include "isas.def"
#undef ISA

const isa vloss_isas[] = {
#define ISA(table, name, features) \
  {name, features, {&vloss_kernels_##table##_f32, &vloss_kernels_##table##_f64}},
#include "isas.def"
#undef ISA
};
const size_t vloss_isas_count = sizeof vloss_isas / sizeof vloss_isas[0];

const isa *vloss_isa_choose(unsigned features, const char *name) {
  for (size_t i = 0; i < vloss_isas_count; i++) {
    const isa *row = &vloss_isas[i];
    if ((row->features & features) != row->features) continue;
    if (!name || !*name || strcmp(name, row->name) == 0) return row;
  }
  return NULL;
}

/* Every thread that races here stores the same row, and rows are constants: relaxed order is
 * enough. */
static _Atomic(const isa *) active;

static __attribute__((cold, noinline)) const isa *resolve(void) {
  unsigned features = vloss_cpu_features();
  const isa *row = vloss_isa_choose(features, getenv("VLOSS_ISA"));
  if (!row) row = vloss_isa_choose(features, NULL);
  const isa *expected = NULL;
  /* a vloss_set_isa() that came first stays */
  if (!atomic_compare_exchange_strong_explicit(&active, &expected, row, memory_order_relaxed,
                                               memory_order_relaxed))
    return expected;
  return row;
}

const isa *vloss_isa_active(void) {
  const isa *row = atomic_load_explicit(&active, memory_order_relaxed);
  return row ? row : resolve();
}

void vloss_isa_force(const isa *row) { atomic_store_explicit(&active, row, memory_order_relaxed); }

vloss_status vloss_set_isa(const char *name) {
  const isa *row = vloss_isa_choose(vloss_cpu_features(), name);
  if (!row) return VLOSS_ERROR_ISA;
  vloss_isa_force(row);
  return VLOSS_OK;
}

const char *vloss_isa(void) { return vloss_isa_active()->name; }

/* Rows that are further builds of the one before do not count as instruction sets. */
static const isa *distinct(size_t index) {
  for (size_t i = 0, seen = 0; i < vloss_isas_count; i++) {
    if (i > 0 && strcmp(vloss_isas[i].name, vloss_isas[i - 1].name) == 0) continue;
    if (seen++ == index) return &vloss_isas[i];
  }
  return NULL;
}

size_t vloss_isa_count(void) {
  size_t count = 0;
  while (distinct(count)) count++;
  return count;
}

const char *vloss_isa_name(size_t index) {
  const isa *row = distinct(index);
  return row ? row->name : NULL;
}

int vloss_isa_usable(size_t index) {
  const isa *row = distinct(index);
  return row && vloss_isa_choose(vloss_cpu_features(), row->name);
}
