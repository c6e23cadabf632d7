/* SPDX-License-Identifier: Apache-2.0 */
/* Does every target give the bits of golden.def? One hash per loss, reduction and dtype over a
 * million elements of nasty data; VLOSS_GOLDEN_PRINT=1 prints the file's new text instead. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cases.h"
#include "mode.h"
#include "testing.h"

enum { REDUCTIONS = VLOSS_NONE + 1, LEAST_PARTS = 16, ELEMENTS = 1 << 20 };

static const char *const reductions[REDUCTIONS] = {"mean", "sum", "none"};

typedef struct golden {
  const char *loss, *reduction;
  dtype dtype;
  uint64_t hash;
} golden;

static const golden goldens[] = {
#define GOLDEN(loss, reduction, dtype, hash) {#loss, #reduction, dtype, UINT64_C(hash)},
#include "golden.def"
#undef GOLDEN
    {NULL, NULL, F32, 0},
};

static const golden *find(const char *loss, const char *reduction, dtype type) {
  for (const golden *g = goldens; g->loss != NULL; g++)
    if (strcmp(g->loss, loss) == 0 && strcmp(g->reduction, reduction) == 0 && g->dtype == type)
      return g;
  return NULL;
}

/* About that many elements, in shapes that take turns. */
static void shape_of(vloss_family family, size_t elements, size_t part, size_t shape[3]) {
  static const size_t rows[][2] = {{10, 1},  {1000, 1}, {3, 7}, {33, 1},
                                   {81, 64}, {5000, 1}, {2, 1}};
  static const size_t images[][2] = {{1000, 8}, {7, 7}, {20000, 5}, {64, 1}, {2048, 128}};
  shape[1] = shape[2] = 1;
  switch (family) {
    case VLOSS_ELEMENTS: shape[0] = elements; return;
    case VLOSS_BOXES: shape[0] = elements / 4; return;
    case VLOSS_ROWS: memcpy(shape + 1, rows[part % 7], sizeof rows[0]); break;
    case VLOSS_OVERLAP: memcpy(shape + 1, images[part % 5], sizeof images[0]); break;
  }
  shape[0] = elements / (shape[1] * (family == VLOSS_ROWS ? shape[2] : 1)) + 1;
}

/* One part of the data under each reduction. */
static void hash_part(const vloss_loss *loss, dtype type, size_t part, size_t elements,
                      uint64_t hashes[REDUCTIONS]) {
  size_t shape[3], settings = case_settings(loss);
  rng r = rng_init(20260724, part); /* whatever VLOSS_TEST_SEED says */
  call c = case_call(loss, type, part % settings);
  data_kind kind = (data_kind)((part + part / settings) % DATA_KINDS);
  shape_of(loss->family, elements, part, shape);
  problem *p = problem_new(&r, &c, shape, kind, VLOSS_NONE, (unsigned)(part * 29) & EXTRA_ALL);
  for (vloss_reduction reduction = VLOSS_MEAN; reduction <= VLOSS_NONE; reduction++) {
    uint64_t *hash = &hashes[reduction];
    p->options.reduction = reduction;
    assert_int_equal(call_run(&p->call), VLOSS_OK);
    *hash = data_hash(*hash, type, p->loss, reduction == VLOSS_NONE ? p->samples : 1);
    *hash = data_hash(*hash, type, p->grad, p->elements);
    if (p->variance != NULL) *hash = data_hash(*hash, type, p->grad_variance, p->elements);
    *hash = data_hash(*hash, F64, &p->report.sum, 1);
  }
  problem_free(p);
}

/* The number of hashes that differ. */
static size_t check_loss(const vloss_loss *loss, dtype type) {
  uint64_t hashes[REDUCTIONS] = {DATA_HASH_INIT, DATA_HASH_INIT, DATA_HASH_INIT};
  size_t parts = case_settings(loss) < LEAST_PARTS ? LEAST_PARTS : case_settings(loss), wrong = 0;
  for (size_t part = 0; part < parts; part++)
    hash_part(loss, type, part, (ELEMENTS + parts - 1) / parts + 4, hashes);
  for (size_t i = 0; i < REDUCTIONS; i++) {
    const golden *g = find(loss->name, reductions[i], type);
    if (mode_set("VLOSS_GOLDEN_PRINT"))
      printf("GOLDEN(%s, %s, %s, 0x%016" PRIx64 ")\n", loss->name, reductions[i],
             type == F32 ? "F32" : "F64", hashes[i]);
    else if (g == NULL || g->hash != hashes[i])
      printf("%s %s %s: 0x%016" PRIx64 ", %s\n", loss->name, reductions[i], dtype_name(type),
             hashes[i], g == NULL ? "and no row in golden.def" : "not the golden hash");
    wrong += g == NULL || g->hash != hashes[i];
  }
  return wrong;
}

static void golden_bits(void **state) {
  (void)state;
  size_t count, wrong = 0;
  const vloss_loss *losses = chosen_losses(&count);
  for (size_t i = 0; i < count; i++)
    for (dtype type = F32; type < DTYPE_COUNT; type++) wrong += check_loss(&losses[i], type);
  if (mode_set("VLOSS_GOLDEN_PRINT")) return;
  printf("%zu hashes on %s, %zu wrong\n", count * DTYPE_COUNT * REDUCTIONS, vloss_isa(), wrong);
  assert_int_equal(wrong, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(golden_bits)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
