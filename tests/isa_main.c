/* SPDX-License-Identifier: Apache-2.0 */
#include "isa_main.h"

#include <stdio.h>
#include <string.h>

#include "cpu.h"

static const struct {
  const char *table;
  unsigned features;
} rows[] = {
#define ISA(table, name, features) {#table, features},
#include "isas.def"
#undef ISA
};

int main(void) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    if (strcmp(rows[i].table, ISA_TABLE) != 0) continue;
    if ((vloss_cpu_features() & rows[i].features) == rows[i].features) return isa_checks() != 0;
    puts("skipped: this machine cannot run " ISA_TABLE);
    return 77;
  }
  puts("isas.def has no row " ISA_TABLE);
  return 1;
}
