/* SPDX-License-Identifier: Apache-2.0 */
/* Does each operation of a vec.h keep its one-line contract? Built once per ISA and dtype. */
#include <stdio.h>

#include "isa_main.h"
#include "real_bits.h"
#include "testing.h"

enum { WIDTH = 8 * sizeof(real), PATTERNS = 1 << LANES };

/* What is tried with more than each pattern of a mask alone, with each of these: of up to 8 lanes
 * all, of 16 one in so many, a number with which every bit and pair of bits comes in every state.
 */
enum { FEWER = LANES <= 8 ? 1 : 251 };

/* Both signs of every kind of number, two NaN payloads. */
enum { MAGNITUDES = 18, VALUES = 2 * MAGNITUDES };
static real values[VALUES];

static int fill_values(void **state) {
  (void)state;
  uint64_t one = bits_of(1), infinite = bits_of(real_infinity), normal = bits_of(real_min_normal);
  const uint64_t magnitudes[MAGNITUDES] = {0,
                                           1,
                                           normal / 2 + 3,
                                           normal - 1,
                                           normal,
                                           normal + 1,
                                           one - 1,
                                           one,
                                           one + 1,
                                           bits_of(2),
                                           bits_of(3),
                                           bits_of((real)1 / 3),
                                           bits_of(77),
                                           bits_of(1 << 20),
                                           infinite - 1,
                                           infinite,
                                           bits_of(NAN),
                                           bits_of(NAN) | 5};
  for (size_t i = 0; i < MAGNITUDES; i++) {
    values[2 * i] = real_of(magnitudes[i]);
    values[2 * i + 1] = real_of(magnitudes[i] | (uint64_t)1 << (WIDTH - 1));
  }
  return 0;
}

/* Lane l of operand k of case i: every combination comes by in every lane. */
static real operand(size_t i, size_t k, size_t l) {
  i += l;
  while (k-- > 0) i /= VALUES;
  return values[i % VALUES];
}

static vec operands(size_t i, size_t k) {
  real lanes[LANES];
  for (size_t l = 0; l < LANES; l++) lanes[l] = operand(i, k, l);
  return vload(lanes);
}

/* The bits of a result; of a NaN from arithmetic only that it is one. */
static void check(const char *name, real got, real expected, int arithmetic, size_t i, size_t l) {
  if (arithmetic && isnan(got) && isnan(expected)) return;
  if (bits_of(got) != bits_of(expected))
    fail_msg("%s(%a, %a, %a) in lane %zu: %a, not %a", name, (double)operand(i, 0, l),
             (double)operand(i, 1, l), (double)operand(i, 2, l), l, (double)got, (double)expected);
}

static real e_add(real a, real b) { return a + b; }
static real e_sub(real a, real b) { return a - b; }
static real e_mul(real a, real b) { return a * b; }
static real e_div(real a, real b) { return a / b; }
static real e_min(real a, real b) { return a < b ? a : b; }
static real e_max(real a, real b) { return a > b ? a : b; }

static void test_binary(void **state) {
  (void)state;
  static const struct {
    const char *name;
    vec (*op)(vec, vec);
    real (*expected)(real, real);
    int arithmetic;
  } ops[] = {{"vadd", vadd, e_add, 1}, {"vsub", vsub, e_sub, 1}, {"vmul", vmul, e_mul, 1},
             {"vdiv", vdiv, e_div, 1}, {"vmin", vmin, e_min, 0}, {"vmax", vmax, e_max, 0}};
  for (size_t o = 0; o < COUNT(ops); o++)
    for (size_t i = 0; i < VALUES * VALUES; i++) {
      real got[LANES];
      vstore(got, ops[o].op(operands(i, 0), operands(i, 1)));
      for (size_t l = 0; l < LANES; l++) {
        real expected = ops[o].expected(operand(i, 0, l), operand(i, 1, l));
        check(ops[o].name, got[l], expected, ops[o].arithmetic, i, l);
      }
    }
}

static real e_sqrt(real a) { return (real)sqrt((double)a); }
static real e_abs(real a) { return real_of(bits_of(a) & ~((uint64_t)1 << (WIDTH - 1))); }
static real e_positive(real a) { return a > 0 ? a : 0; }
static real e_neg(real a) { return real_of(bits_of(a) ^ ((uint64_t)1 << (WIDTH - 1))); }

static void test_unary(void **state) {
  (void)state;
  static const struct {
    const char *name;
    vec (*op)(vec);
    real (*expected)(real);
    int arithmetic;
  } ops[] = {{"vsqrt", vsqrt, e_sqrt, 1},
             {"vabs", vabs, e_abs, 0},
             {"vneg", vneg, e_neg, 0},
             {"vpositive", vpositive, e_positive, 0}};
  for (size_t o = 0; o < COUNT(ops); o++)
    for (size_t i = 0; i < VALUES; i++) {
      real got[LANES];
      vstore(got, ops[o].op(operands(i, 0)));
      for (size_t l = 0; l < LANES; l++) {
        real a = operand(i, 0, l);
        if (ops[o].op == vpositive && isnan(a)) continue; /* no operation has made it */
        check(ops[o].name, got[l], ops[o].expected(a), ops[o].arithmetic, i, l);
      }
    }
}

static real e_fma(real a, real b, real c) {
  return sizeof(real) == 4 ? (real)fmaf((float)a, (float)b, (float)c)
                           : (real)fma((double)a, (double)b, (double)c);
}
static real e_fnma(real a, real b, real c) { return e_fma(-a, b, c); }

static void test_ternary(void **state) {
  (void)state;
  static const struct {
    const char *name;
    vec (*op)(vec, vec, vec);
    real (*expected)(real, real, real);
  } ops[] = {{"vfma", vfma, e_fma}, {"vfnma", vfnma, e_fnma}};
  for (size_t o = 0; o < COUNT(ops); o++)
    for (size_t i = 0; i < VALUES * VALUES * VALUES; i += LANES) {
      real got[LANES];
      vstore(got, ops[o].op(operands(i, 0), operands(i, 1), operands(i, 2)));
      for (size_t l = 0; l < LANES; l++) {
        real expected = ops[o].expected(operand(i, 0, l), operand(i, 1, l), operand(i, 2, l));
        check(ops[o].name, got[l], expected, 1, i, l);
      }
    }
}

/* (1 + e)^2 = (1 + 2 e) + e^2: a product that is rounded first loses e^2. */
static void test_rounds_once(void **state) {
  (void)state;
  real e = (real)1 / (real)(1 << (MANTISSA_BITS + 2) / 2), got[LANES];
  vstore(got, vfma(vset1(1 + e), vset1(1 + e), vset1(-(1 + 2 * e))));
  for (size_t l = 0; l < LANES; l++) assert_true(got[l] == e * e);
  vstore(got, vfnma(vset1(1 + e), vset1(1 + e), vset1(1 + 2 * e)));
  for (size_t l = 0; l < LANES; l++) assert_true(got[l] == -e * e);
}

static void test_comparisons(void **state) {
  (void)state;
  for (size_t i = 0; i < VALUES * VALUES; i++) {
    unsigned lt = 0, le = 0, eq = 0;
    for (size_t l = 0; l < LANES; l++) {
      real a = operand(i, 0, l), b = operand(i, 1, l);
      lt |= (unsigned)(a < b) << l;
      le |= (unsigned)(a <= b) << l;
      eq |= (unsigned)(a == b) << l;
    }
    vec a = operands(i, 0), b = operands(i, 1);
    assert_int_equal(vbits(vlt(a, b)), lt);
    assert_int_equal(vbits(vle(a, b)), le);
    assert_int_equal(vbits(veq(a, b)), eq);
  }
}

static mask mask_of(unsigned pattern) {
  real lanes[LANES];
  for (size_t l = 0; l < LANES; l++) lanes[l] = (real)(pattern >> l & 1);
  return veq(vload(lanes), vset1(1));
}

static void test_masks(void **state) {
  (void)state;
  for (unsigned a = 0; a < PATTERNS; a++) {
    assert_int_equal(vbits(mask_of(a)), a);
    assert_int_equal(vall(mask_of(a)) != 0, a == PATTERNS - 1);
  }
  for (unsigned a = 0; a < PATTERNS; a += FEWER)
    for (unsigned b = 0; b < PATTERNS; b += FEWER) {
      assert_int_equal(vbits(vand(mask_of(a), mask_of(b))), a & b);
      assert_int_equal(vbits(vor(mask_of(a), mask_of(b))), a | b);
    }
}

static void test_select(void **state) {
  (void)state;
  for (unsigned pattern = 0; pattern < PATTERNS; pattern += FEWER)
    for (size_t i = 0; i < VALUES * VALUES; i += 7) {
      real got[LANES];
      vstore(got, vselect(mask_of(pattern), operands(i, 0), operands(i, 1)));
      for (size_t l = 0; l < LANES; l++)
        check("vselect", got[l], operand(i, pattern >> l & 1 ? 0 : 1, l), 0, i, l);
    }
}

static const uint64_t integers[] = {
    0, 1, 2, 0x7fffffff, 0x80000000, 0xffffffff, 0x3f800000deadbeef, UINT64_MAX, (uint64_t)1 << 63};

static ivec lanes_of(size_t i) {
  real lanes[LANES];
  for (size_t l = 0; l < LANES; l++) lanes[l] = real_of(integers[(i + l) % COUNT(integers)]);
  return as_int(vload(lanes));
}

static void check_integers(ivec got, size_t i, uint64_t (*expected)(uint64_t, uint64_t),
                           uint64_t b) {
  real lanes[LANES];
  vstore(lanes, as_real(got));
  for (size_t l = 0; l < LANES; l++) {
    uint64_t a = bits_of(real_of(integers[(i + l) % COUNT(integers)]));
    assert_int_equal(bits_of(lanes[l]), bits_of(real_of(expected(a, b))));
  }
}

static uint64_t e_same(uint64_t a, uint64_t b) { return (void)b, a; }
static uint64_t e_set(uint64_t a, uint64_t b) { return (void)a, b; }
static uint64_t e_iadd(uint64_t a, uint64_t b) { return a + b; }
static uint64_t e_iand(uint64_t a, uint64_t b) { return a & b; }
static uint64_t e_ior(uint64_t a, uint64_t b) { return a | b; }
static uint64_t e_ishl(uint64_t a, uint64_t b) { return a << b; }
static uint64_t e_ishr(uint64_t a, uint64_t b) { return a >> b; }

static void test_integers(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(integers); i++) {
    check_integers(lanes_of(i), i, e_same, 0);
    for (size_t k = 0; k < COUNT(integers); k++) {
      check_integers(iset1(integers[k]), i, e_set, integers[k]);
      check_integers(iadd(lanes_of(i), iset1(integers[k])), i, e_iadd, integers[k]);
      check_integers(iand(lanes_of(i), iset1(integers[k])), i, e_iand, integers[k]);
      check_integers(ior(lanes_of(i), iset1(integers[k])), i, e_ior, integers[k]);
    }
    for (int count = 0; count < WIDTH; count++) {
      check_integers(ishl(lanes_of(i), count), i, e_ishl, (uint64_t)count);
      check_integers(ishr(lanes_of(i), count), i, e_ishr, (uint64_t)count);
    }
  }
}

int isa_checks(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_unary),       cmocka_unit_test(test_binary),
      cmocka_unit_test(test_ternary),     cmocka_unit_test(test_rounds_once),
      cmocka_unit_test(test_comparisons), cmocka_unit_test(test_masks),
      cmocka_unit_test(test_select),      cmocka_unit_test(test_integers)};
  return cmocka_run_group_tests(tests, fill_values, NULL);
}
