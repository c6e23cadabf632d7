/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
/* Does the dispatcher choose what a CPU and its OS can run, and what the caller asked for? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vloss/vloss.h>

#include "cpu.h"
#include "dispatch.h"
#include "testing.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { FMA = 1 << 12, XSAVE = 1 << 26, OSXSAVE = 1 << 27, AVX = 1 << 28, AVX2 = 1 << 5 };
enum { UP_TO_AVX2 = CPU_FMA | CPU_AVX2, UP_TO_AVX512 = UP_TO_AVX2 | CPU_AVX512 };

/* The words of a Skylake-SP, of leaf 1 and of leaf 7. */
#define SKYLAKE_1 0x7ffefbffu
#define SKYLAKE_7 0xd39ffffbu

/* CPUs by their words; the rest of the bits is what such CPUs set. */
static const struct {
  const char *name;
  cpu_words words;
  unsigned features;
} cpus[] = {
    {"486", {0, 0, 0, 0}, 0},
    {"Nehalem", {11, 0x0098e3bd, 0, 0}, 0},
    {"Sandy Bridge", {13, 0x1f9ae3bf, 0, 7}, 0},
    {"Piledriver: FMA, no AVX2", {13, 0x3e98320b, 0x8, 7}, CPU_FMA},
    {"Haswell", {13, 0x7ffafbff, 0x27ab, 7}, UP_TO_AVX2},
    {"Zen 2", {16, 0x7ed8320b, 0x219c91a9, 0x207}, UP_TO_AVX2},
    {"Ice Lake", {27, 0x7ffefbff, 0xf2bf67eb, 0x2e7}, UP_TO_AVX512},
    {"Zen 4", {16, 0x7ef8320b, 0xf1bf97a9, 0x2e7}, UP_TO_AVX512},
    {"Skylake-SP", {22, SKYLAKE_1, SKYLAKE_7, 0x2ff}, UP_TO_AVX512},
    {"Knights Landing: no DQ, BW, VL", {13, 0x7ff8fbff, 0x1c0d23ab, 0xe7}, UP_TO_AVX2},
    {"Skylake-SP, -avx512f", {22, SKYLAKE_1, SKYLAKE_7 & ~(1u << 16), 0xe7}, UP_TO_AVX2},
    {"Skylake-SP, -avx512dq", {22, SKYLAKE_1, SKYLAKE_7 & ~(1u << 17), 0xe7}, UP_TO_AVX2},
    {"Skylake-SP, -avx512bw", {22, SKYLAKE_1, SKYLAKE_7 & ~(1u << 30), 0xe7}, UP_TO_AVX2},
    {"Skylake-SP, -avx512vl", {22, SKYLAKE_1, SKYLAKE_7 & ~(1u << 31), 0xe7}, UP_TO_AVX2},
    {"Skylake-SP, -avx2", {22, SKYLAKE_1, SKYLAKE_7 & ~(uint32_t)AVX2, 0xe7}, CPU_FMA},
    {"Skylake-SP, -fma", {22, SKYLAKE_1 & ~(uint32_t)FMA, SKYLAKE_7, 0xe7}, 0},
    {"Skylake-SP, XCR0 without AVX-512", {22, SKYLAKE_1, SKYLAKE_7, 7}, UP_TO_AVX2},
    {"Skylake-SP, XCR0 without masks", {22, SKYLAKE_1, SKYLAKE_7, 0xc7}, UP_TO_AVX2},
    {"Skylake-SP, XCR0 without upper halves", {22, SKYLAKE_1, SKYLAKE_7, 0xa7}, UP_TO_AVX2},
    {"Skylake-SP, XCR0 without ZMM16 to 31", {22, SKYLAKE_1, SKYLAKE_7, 0x67}, UP_TO_AVX2},
    {"Skylake-SP, XCR0 without YMM", {22, SKYLAKE_1, SKYLAKE_7, 0xe3}, 0},
    {"Skylake-SP, no OSXSAVE", {22, SKYLAKE_1 & ~(uint32_t)OSXSAVE, SKYLAKE_7, 0xe7}, 0},
    {"Skylake-SP under a leaf limit", {6, SKYLAKE_1, SKYLAKE_7, 0xe7}, CPU_FMA},
    {"Haswell, -fma", {13, 0x7ffafbff & ~FMA, 0x27ab, 7}, 0},
    {"Haswell, -avx2", {13, 0x7ffafbff, 0x27ab & ~AVX2, 7}, CPU_FMA},
    {"Haswell, -avx", {13, 0x7ffafbff & ~AVX, 0x27ab, 7}, 0},
    {"Haswell, no OSXSAVE", {13, 0x7ffafbff & ~OSXSAVE, 0x27ab, 0}, 0},
    {"Haswell, no OSXSAVE, XCR0 made up", {13, 0x7ffafbff & ~OSXSAVE, 0x27ab, 7}, 0},
    {"Haswell, -xsave", {13, 0x7ffafbff & ~(OSXSAVE | XSAVE), 0x27ab, 0}, 0},
    {"Haswell, XCR0 x87 only", {13, 0x7ffafbff, 0x27ab, 1}, 0},
    {"Haswell, XCR0 without YMM", {13, 0x7ffafbff, 0x27ab, 3}, 0},
    {"Haswell, XCR0 without SSE", {13, 0x7ffafbff, 0x27ab, 5}, 0},
    {"Haswell under a leaf limit", {3, 0x7ffafbff, 0x27ab, 7}, CPU_FMA},
    {"AVX2 without FMA", {13, OSXSAVE | XSAVE | AVX, AVX2, 7}, 0},
};

static void test_decide(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(cpus); i++) {
    unsigned got = vloss_cpu_decide(cpus[i].words);
    if (got != cpus[i].features)
      fail_msg("%s: features %u, not %u", cpus[i].name, got, cpus[i].features);
  }
}

/* Any set of features gets the first row that it covers, by name or without. */
static void test_choose(void **state) {
  (void)state;
  for (unsigned features = 0; features < 16; features++) {
    const isa *best = vloss_isa_choose(features, NULL);
    assert_non_null(best);
    assert_ptr_equal(vloss_isa_choose(features, ""), best);
    assert_int_equal(best->features & ~features, 0);
    for (const isa *row = vloss_isas; row < best; row++) assert_true(row->features & ~features);
    for (size_t i = 0; i < vloss_isas_count; i++) {
      const isa *named = vloss_isa_choose(features, vloss_isas[i].name);
      if ((vloss_isas[i].features & ~features) == 0) assert_non_null(named);
      if (named == NULL) continue;
      assert_string_equal(named->name, vloss_isas[i].name);
      assert_int_equal(named->features & ~features, 0);
    }
    static const char *const unknown[] = {"AVX2",   "avx",        "avx22", "avx5",
                                          "AVX512", "scalar_fma", " ",     "best"};
    for (size_t i = 0; i < COUNT(unknown); i++) assert_null(vloss_isa_choose(features, unknown[i]));
  }
}

/* Every table is complete, and the last row runs on anything. */
static void test_tables(void **state) {
  (void)state;
  for (size_t i = 0; i < vloss_isas_count; i++)
    for (int type = 0; type < DTYPES; type++)
      for (int loss = 0; loss < LOSSES; loss++)
        assert_non_null(vloss_isas[i].kernels[type]->loss[loss]);
  assert_int_equal(vloss_isas[vloss_isas_count - 1].features, 0);
  assert_string_equal(vloss_isas[vloss_isas_count - 1].name, "scalar");
}

static void test_listing(void **state) {
  (void)state;
  size_t count = vloss_isa_count();
  assert_in_range(count, 1, vloss_isas_count);
  for (size_t i = 0; i < count; i++) {
    const char *name = vloss_isa_name(i);
    assert_non_null(name);
    for (size_t k = 0; k < i; k++) assert_string_not_equal(name, vloss_isa_name(k));
    int usable = vloss_isa_choose(vloss_cpu_features(), name) != NULL;
    assert_int_equal(vloss_isa_usable(i), usable);
    assert_int_equal(vloss_set_isa(name), usable ? VLOSS_OK : VLOSS_ERROR_ISA);
    if (usable) assert_string_equal(vloss_isa(), name);
  }
  assert_null(vloss_isa_name(count));
  assert_null(vloss_isa_name(SIZE_MAX));
  assert_int_equal(vloss_isa_usable(count), 0);
  assert_int_equal(vloss_isa_usable(SIZE_MAX), 0);
}

static void test_set(void **state) {
  (void)state;
  const char *best = vloss_isa_choose(vloss_cpu_features(), NULL)->name;
  assert_int_equal(vloss_set_isa("scalar"), VLOSS_OK);
  assert_string_equal(vloss_isa(), "scalar");
  static const char *const unknown[] = {"sse9", "SCALAR", "scalar ", "scalar_fma", "avx2,scalar"};
  for (size_t i = 0; i < COUNT(unknown); i++) {
    assert_int_equal(vloss_set_isa(unknown[i]), VLOSS_ERROR_ISA);
    assert_string_equal(vloss_isa(), "scalar");
  }
  assert_int_equal(vloss_set_isa(NULL), VLOSS_OK);
  assert_string_equal(vloss_isa(), best);
  assert_int_equal(vloss_set_isa("scalar"), VLOSS_OK);
  assert_int_equal(vloss_set_isa(""), VLOSS_OK);
  assert_string_equal(vloss_isa(), best);
  /* every call goes through the row in use */
  for (size_t i = 0; i < vloss_isas_count; i++) {
    vloss_isa_force(&vloss_isas[i]);
    assert_ptr_equal(vloss_isa_active(), &vloss_isas[i]);
  }
  assert_int_equal(vloss_set_isa(NULL), VLOSS_OK);
}

/* The environment is read on first use, so once per process: the meson tests set VLOSS_ISA and say
 * what to expect in VLOSS_EXPECT: a name, or "best". */
static void test_environment(void **state) {
  (void)state;
  const char *expected = getenv("VLOSS_EXPECT");
  if (expected == NULL || strcmp(expected, "best") == 0)
    expected = vloss_isa_choose(vloss_cpu_features(), NULL)->name;
  assert_string_equal(vloss_isa(), expected);
  assert_int_equal(setenv("VLOSS_ISA", "scalar", 1), 0);
  assert_string_equal(vloss_isa(), expected);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_environment), /* first: it needs first use */
      cmocka_unit_test(test_decide),      cmocka_unit_test(test_choose),
      cmocka_unit_test(test_tables),      cmocka_unit_test(test_listing),
      cmocka_unit_test(test_set)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
