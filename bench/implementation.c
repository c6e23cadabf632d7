/* SPDX-License-Identifier: Apache-2.0 */
#include "implementation.h"

#include <string.h>

#include "cpu.h"
#include "touch.h"

#define BASELINE(name, dtype, loops, isa) extern const loop loops[];
#define ROW(name, family) extern const isa name;
#define TOUCH(name, run)
#include "baselines.def"
#undef BASELINE
#undef ROW
#undef TOUCH

typedef struct baseline {
  const char *name;
  dtype type;
  const loop *loops;
  const char *isa;
} baseline;

typedef struct extra_row {
  const isa *row;
  vloss_family family;
} extra_row;

static const baseline baselines[] = {
#define BASELINE(name, dtype, loops, isa) {name, dtype, loops, isa},
#define ROW(name, family)
#define TOUCH(name, run)
#include "baselines.def"
#undef BASELINE
#undef ROW
#undef TOUCH
};

/* Ended by a row of NULL, so that it is never empty. */
static const extra_row extra_rows[] = {
#define BASELINE(name, dtype, loops, isa)
#define ROW(name, family) {&name, family},
#define TOUCH(name, run)
#include "baselines.def"
#undef BASELINE
#undef ROW
#undef TOUCH
    {NULL, VLOSS_ELEMENTS},
};

/* Ended by a run of NULL. */
static const implementation touches[] = {
#define BASELINE(name, dtype, loops, isa)
#define ROW(name, family)
#define TOUCH(name, run) {name, NULL, run, 1},
#include "baselines.def"
#undef BASELINE
#undef ROW
#undef TOUCH
    {NULL, NULL, NULL, 1},
};

static size_t add_rows(const vloss_loss *loss, dtype type, implementation *found) {
  unsigned features = vloss_cpu_features();
  size_t count = 0;
  for (size_t i = 0; i < vloss_isas_count; i++) {
    const isa *row = &vloss_isas[i];
    /* rows of one name are builds of one text: only the one in use */
    if (vloss_isa_choose(features, row->name) == row)
      found[count++] = (implementation){row->name, row, NULL, 0};
  }
  for (const extra_row *extra = extra_rows; extra->row != NULL; extra++) {
    const kernel_table *kernels = extra->row->kernels[type];
    int built = kernels != NULL && kernels->loss[loss - vloss_losses(NULL)] != NULL;
    int usable = (extra->row->features & ~features) == 0;
    if (built && usable && extra->family == loss->family)
      found[count++] = (implementation){extra->row->name, extra->row, NULL, 0};
  }
  return count;
}

static size_t add_baselines(const vloss_loss *loss, dtype type, implementation *found) {
  size_t count = 0;
  for (size_t i = 0; i < sizeof baselines / sizeof *baselines; i++) {
    const baseline *base = &baselines[i];
    if (base->type != type || vloss_isa_choose(vloss_cpu_features(), base->isa) == NULL) continue;
    for (const loop *l = base->loops; l->loss != NULL; l++)
      if (strcmp(l->loss, loss->name) == 0)
        found[count++] = (implementation){base->name, NULL, l->run, 0};
  }
  return count;
}

size_t implementations(const vloss_loss *loss, dtype type, implementation *found) {
  size_t count = add_rows(loss, type, found);
  count += add_baselines(loss, type, found + count);
  for (const implementation *t = touches; t->run != NULL; t++)
    if (vloss_isa_choose(vloss_cpu_features(), "avx2") != NULL) found[count++] = *t;
  found[count++] = (implementation){"memcpy", NULL, NULL, 1};
  return count;
}

void implementation_select(const implementation *how) {
  if (how->row != NULL) vloss_isa_force(how->row);
}

int implementation_run(const implementation *how, const call *c) {
  if (how->run == NULL) return call_run(c) != VLOSS_OK;
  how->run(c);
  return 0;
}
