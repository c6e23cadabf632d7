/* SPDX-License-Identifier: Apache-2.0 */
/* How far are the elementary functions of math/elementary.h from the truth? Once per ISA and dtype:
 * every float of the range with VLOSS_TEST_FULL=1, else every so many; random doubles. */
#include <stdio.h>

#include "isa_main.h"
#include "mode.h"
#include "real_bits.h"
#include "testing.h"

#ifdef SLEEF_NAME
#include <sleef.h>
/* a cast: clang sees the const attribute of these as a type of its own */
#define SLEEF(name) (function *)SLEEF_NAME(name)
#else
#define SLEEF(name) NULL
#endif

typedef long double wide;
typedef vec function(vec x);

/* What is tested: a range of one sign, its end next to zero first, and a part of it where the
 * errors are larger than in most of the exponents. */
typedef struct row {
  const char *name;
  function *ours, *sleef; /* sleef: for comparison, or NULL */
  wide (*truth)(wide x);
  real near, far, dense_near, dense_far;
  double bound; /* ULP */
} row;

/* The distance in units of the last place of the truth; normal numbers only have smaller ones. */
static double ulps(real got, wide truth) {
  int exponent;
  (void)frexpl(truth, &exponent);
  int lowest = (sizeof(real) == 4 ? -126 : -1022) + 1;
  if (exponent < lowest) exponent = lowest;
  return (double)(fabsl((wide)got - truth) / ldexpl(1, exponent - 1 - MANTISSA_BITS));
}

static uint64_t random_bits(void) {
  static uint64_t state = 88172645463325252u;
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

typedef struct worst {
  double ulps;
  real at;
} worst;

static void measure(function *f, const row *r, const real *x, worst *w) {
  real y[LANES];
  vstore(y, f(vload(x)));
  for (size_t l = 0; l < LANES; l++) {
    wide truth = r->truth((wide)x[l]);
    int flushed = (r->ours == vexp || r->ours == vexp_any) && y[l] == 0 &&
                  truth < (wide)real_min_normal * (1 + 1e-6L);
    double distance = flushed ? 0 : ulps(y[l], truth);
    if (!(distance <= w->ulps)) *w = (worst){distance, x[l]};
  }
}

/* The step. */
static uint64_t sweep(const row *r, real near, real far, worst *ours, worst *sleef) {
  uint64_t first = bits_of(near), last = bits_of(far);
  uint64_t step = (last - first) / (mode_emulated() ? 40000 : 1500000) + 1;
  if (mode_full()) step = sizeof(real) == 4 ? 1 : (last - first) / 100000000;
  for (uint64_t i = first; i <= last; i += step * LANES) {
    real x[LANES];
    for (size_t l = 0; l < LANES; l++) {
      uint64_t bits = i + l * step;
      if (sizeof(real) == 8 && bits < last) bits += random_bits() % step;
      x[l] = real_of(bits > last ? last : bits);
    }
    measure(r->ours, r, x, ours);
    if (r->sleef != NULL) measure(r->sleef, r, x, sleef);
  }
  return step;
}

static wide e_sigmoid(wide x) { return 1 / (1 + expl(-x)); }

static wide e_log1m(wide x) { return log1pl(-x); }

/* The largest number with an e^x that the dtype holds. */
static real exp_end(void) {
  return sizeof(real) == 4 ? (real)0x1.62e42ep6 : (real)0x1.62e42fefa39efp9;
}

static vec sigmoid(vec x) { return vlogistic(x).p; }

static void test_accuracy(void **state) {
  (void)state;
  const real top = sizeof(real) == 4 ? (real)0x1.fffffep127 : real_max;
  const real small = (real)0x1p-8, half = (real)0.5, minus = (real)-0.0;
  const real unit = sizeof(real) == 4 ? (real)0x1p-24 : (real)0x1p-53;
  const row rows[] = {
      {"exp", vexp, SLEEF(exp), expl, minus, exp_lowest, -small, exp_lowest, 1.5},
      {"exp of any", vexp_any, SLEEF(exp), expl, 0, exp_end(), small, exp_end(), 1.5},
      {"exp of any, below 0", vexp_any, SLEEF(exp), expl, minus, exp_lowest, -small, exp_lowest,
       1.5},
      {"log1m", vlog1m, NULL, e_log1m, 0, 1 - unit, small, 1 - unit, 1.5},
      {"log_unit", vlog_unit, NULL, logl, real_of(1), 1, half, 1, 1.5},
      {"log_normal", vlog_normal, NULL, logl, real_min_normal, top, half, 2, 1.5},
      {"log", vlog, SLEEF(log), logl, real_of(1), top, half, 2, 1.5},
      {"log1p", vlog1p, SLEEF(log1p), log1pl, 0, (real)1.8, small, (real)1.8, 1.5},
      {"log1p_unit", vlog1p_unit, SLEEF(log1p), log1pl, 0, 1, small, 1, 1.5},
      {"sinh_small", vsinh_small, SLEEF(sinh), sinhl, 0, 1, small, 1, 1.5},
      {"sinh_small below 0", vsinh_small, SLEEF(sinh), sinhl, minus, -1, -small, -1, 1.5},
      {"sigmoid", sigmoid, NULL, e_sigmoid, 0, 100, small, 20, 3},
      {"sigmoid below 0", sigmoid, NULL, e_sigmoid, minus, (real)0.999 * exp_lowest, -small, -20,
       3}};
  for (size_t i = 0; i < COUNT(rows); i++) {
    worst ours = {0, 0}, sleef = {0, 0};
    uint64_t step = sweep(&rows[i], rows[i].near, rows[i].far, &ours, &sleef);
    if (step > 1) (void)sweep(&rows[i], rows[i].dense_near, rows[i].dense_far, &ours, &sleef);
    printf("%s/%s %-21s %.4f ULP at %a", ISA_TABLE, sizeof(real) == 4 ? "f32" : "f64", rows[i].name,
           ours.ulps, (double)ours.at);
    if (rows[i].sleef != NULL) printf(" (SLEEF %.4f)", sleef.ulps);
    printf(", 1 of %llu tried\n", (unsigned long long)step);
    (void)fflush(stdout); /* the full test takes minutes for each */
    if (!(ours.ulps <= rows[i].bound)) fail_msg("more than %g ULP", rows[i].bound);
  }
}

static real one(function *f, real x) {
  real y[LANES];
  vstore(y, f(vset1(x)));
  for (size_t l = 1; l < LANES; l++)
    assert_true(bits_of(y[l]) == bits_of(y[0]) || (isnan(y[l]) && isnan(y[0])));
  return y[0];
}

static void test_limits(void **state) {
  (void)state;
  const real inf = real_infinity, nan = (real)NAN;
  assert_true(one(vexp, 0) == 1 && one(vexp, (real)-0.0) == 1);
  assert_true(isnan(one(vexp, nan)));
  assert_true(bits_of(one(vexp, -inf)) == 0);
  assert_true(bits_of(one(vexp, -real_max)) == 0);
  assert_true(one(vexp_any, 0) == 1 && one(vexp_any, (real)-0.0) == 1);
  assert_true(isnan(one(vexp_any, nan)) && bits_of(one(vexp_any, -inf)) == 0);
  assert_true(bits_of(one(vexp_any, -real_max)) == 0);
  assert_true(one(vexp_any, inf) == inf && one(vexp_any, real_max) == inf);
  assert_true(one(vexp_any, exp_end()) < inf);
  for (real x = real_of(bits_of(exp_end()) + 1); x < inf; x *= (real)1.001)
    assert_true(one(vexp_any, x) == inf);
  assert_true(one(vlog1m, 0) == 0);
  assert_true(one(vlog1m, 1) < -100 && one(vlog_unit, 0) < -100);
  assert_true(one(vlog, 0) == -inf && one(vlog, (real)-0.0) == -inf && one(vlog, inf) == inf);
  assert_true(bits_of(one(vlog, 1)) == 0);
  assert_true(isnan(one(vlog, -1)) && isnan(one(vlog, -inf)) && isnan(one(vlog, nan)));
  assert_true(bits_of(one(vlog1p, 0)) == 0);
  assert_true(isnan(one(vlog1p, nan)));
  assert_true(bits_of(one(vlog1p_unit, 0)) == 0);
  assert_true(isnan(one(vlog1p_unit, nan)));
  assert_true(one(sigmoid, 0) == (real)0.5 && one(sigmoid, inf) == 1);
  assert_true(bits_of(one(sigmoid, -inf)) == 0);
  assert_true(isnan(one(sigmoid, nan)));
}

/* Below the smallest normal number e^x is +0, on every ISA; never subnormal. */
static void test_exp_flushes(void **state) {
  (void)state;
  uint64_t near = bits_of(exp_lowest * (real)0.999), far = bits_of(exp_lowest * (real)1.25);
  uint64_t step = (far - near) / (mode_emulated() ? 10000 : 200000) + 1;
  for (uint64_t i = near; i <= far; i += step) {
    real x = real_of(i), y = one(vexp, x);
    assert_true(bits_of(y) == 0 || y >= real_min_normal);
    assert_true(bits_of(y) == bits_of(one(vexp_any, x)));
    if (x < exp_lowest) assert_true(bits_of(y) == 0);
  }
  /* the threshold is the boundary: one step below it, the truth is below the smallest normal number
   * */
  assert_true(expl((wide)exp_lowest) >= (wide)real_min_normal * (1 - 0x1p-20L));
  real below = real_of(bits_of(exp_lowest) + 1);
  assert_true(expl((wide)below) < (wide)real_min_normal);
}

/* Within a few ULP of the truth, growing with the exponent only; results below the smallest normal
 * number are 0. */
static void test_pow_unit(void **state) {
  (void)state;
  static const double exponents[] = {0, 1e-6, 0.3, 0.5, 1, 1.5, 2, 3, 7.25, 100, 1e4, 1e30};
  wide unit = ldexpl(1, -MANTISSA_BITS);
  for (size_t e = 0; e < COUNT(exponents); e++)
    for (int i = 0; i <= 20000; i += mode_emulated() ? 40 : 1) {
      real x[LANES], y[LANES], base = i < 10000 ? (real)i / 10000 : (real)pow(0.99, i - 10000);
      for (size_t l = 0; l < LANES; l++) x[l] = base;
      vstore(y, vpow_unit(vload(x), vset1((real)exponents[e])));
      wide truth = powl((wide)base, (wide)(real)exponents[e]);
      wide bound = (2 + 2 * (wide)exponents[e]) * unit * truth;
      if (truth < 2 * (wide)real_min_normal) bound = 2 * (wide)real_min_normal;
      if (!(fabsl((wide)y[0] - truth) <= bound))
        fail_msg("%a^%g is %a, not %La", (double)base, exponents[e], (double)y[0], truth);
      assert_true(y[0] >= 0 && y[0] <= 1);
    }
}

/* One pair; the same in every lane. */
static real angle_of(real x, real d) {
  real y[LANES];
  vstore(y, vangle(vset1(x), vset1(d)));
  return y[0];
}

/* Within 1.5 ULP all around, quotients of 0 included. */
static void test_angle(void **state) {
  (void)state;
  double largest = 0;
  const wide quarter = 1.57079632679489661923132169163975144L;
  for (int i = 0; i < (mode_emulated() ? 2000 : 400000); i++) {
    wide turn = ((wide)(random_bits() >> 11) * 0x1p-53L - 0.5L) * 2 * quarter;
    real scale = (real)ldexp(1, (int)(random_bits() % 60) - 30);
    real x = (real)sinl(turn) * scale, d = (real)cosl(turn) * scale;
    if (i % 7 == 0) x = (real)ldexp((double)x, -(int)(random_bits() % 20));
    if (!(d >= 0)) continue;
    double distance = ulps(angle_of(x, d), atan2l((wide)x, (wide)d));
    if (!(distance <= largest)) largest = distance;
  }
  printf("%s/%s angle %.4f ULP\n", ISA_TABLE, sizeof(real) == 4 ? "f32" : "f64", largest);
  assert_true(largest <= 1.5);
  assert_true(bits_of(angle_of(0, 0)) == 0 && bits_of(angle_of(0, 1)) == 0);
  assert_true(angle_of(3, 0) == (real)quarter && angle_of(-3, 0) == -(real)quarter);
  assert_true(isnan(angle_of((real)NAN, 1)) && isnan(angle_of(1, (real)NAN)));
}

int isa_checks(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_accuracy), cmocka_unit_test(test_limits),
                                     cmocka_unit_test(test_exp_flushes),
                                     cmocka_unit_test(test_pow_unit), cmocka_unit_test(test_angle)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
