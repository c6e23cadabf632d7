/* SPDX-License-Identifier: Apache-2.0 */
/* Elementary functions over vec.h, inlined into the kernels: a call would spill every vector
 * register. The same operations on every ISA, so the same bits. Measured error bounds:
 * docs/numerics.md. */
#ifndef VLOSS_ELEMENTARY_H
#define VLOSS_ELEMENTARY_H

#include "vec.h"

#ifdef DTYPE_F64
#include "math/constants_f64.h"
#else
#include "math/constants_f32.h"
#endif

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* a >= 0 with the sign of b */
static inline vec vsigned(vec a, vec b) {
  return as_real(ior(as_int(a), iand(as_int(b), iset1(sign_mask))));
}

/* a, or -a where b has a sign */
static inline vec vturned(vec a, vec b) {
  return as_real(iadd(as_int(a), iand(as_int(b), iset1(sign_mask))));
}

/* -|a| */
static inline vec vminus(vec a) { return as_real(ior(as_int(a), iset1(sign_mask))); }

/* terms[0] + terms[1] x + terms[2] x^2 ... */
static inline vec polynomial(vec x, const real *terms, size_t count) {
  vec sum = vset1(terms[count - 1]);
  for (size_t k = count - 1; k-- > 0;) sum = vfma(sum, x, vset1(terms[k]));
  return sum;
}

/* the exponent of a >= 0 with its bias, as a number: 0 for subnormals; by the low bits of
 * 2^MANTISSA_BITS */
static inline vec biased_exponent(vec a) {
  vec two_bits = vset1((real)((uint64_t)1 << MANTISSA_BITS));
  return vsub(as_real(iadd(ishr(as_int(a), MANTISSA_BITS), as_int(two_bits))), two_bits);
}

/* the power of two with that biased exponent, a whole number from 1 on */
static inline vec power_of_two(vec biased) {
  vec shifted = vadd(biased, vset1(exponent_magic - exponent_bias));
  return as_real(ishl(as_int(shifted), MANTISSA_BITS));
}

/* e^r 2^n for |r| <= ln 2 / 2 and a bit; `shifted` is n + exponent_magic */
static inline vec exp_reduced(vec r, vec shifted) {
  vec power = as_real(ishl(as_int(shifted), MANTISSA_BITS));
  vec q = polynomial(r, exp_terms, COUNT(exp_terms));
  return vmul(vfma(vfma(q, r, vset1(1)), r, vset1(1)), power);
}

/* e^x for x <= 0 (-inf and NaN too). Results below the smallest normal number are 0: they cost a
 * hundred cycles on some CPUs and are lost in any sum with 1. */
static inline vec vexp(vec x) {
  vec shifted = vfma(x, vset1(log2_e), vset1(exponent_magic));
  vec n = vsub(shifted, vset1(exponent_magic));
  vec r = vfnma(n, vset1(ln2_low), vfnma(n, vset1(ln2_high), x));
  return vselect(vlt(x, vset1(exp_lowest)), vset1(0), exp_reduced(r, shifted));
}

/* e^x for any x as value times up, with a value that is 2^-16 of it where it may exceed the type;
 * inf from a bit above there on. 0 as for vexp(). */
typedef struct scaled_exp {
  vec value, up, down; /* down: 1 / up */
} scaled_exp;

static inline scaled_exp vexp_scaled(vec x) {
  mask large = vlt(vset1(exp_large), x);
  vec capped = vmin(vset1(exp_infinite), x);
  vec shifted = vfma(capped, vset1(log2_e), vset1(exponent_magic));
  vec n = vsub(shifted, vset1(exponent_magic));
  vec r = vfnma(n, vset1(ln2_low), vfnma(n, vset1(ln2_high), capped));
  vec value = exp_reduced(r, vsub(shifted, vselect(large, vset1(16), vset1(0))));
  return (scaled_exp){vselect(vlt(x, vset1(exp_lowest)), vset1(0), value),
                      vselect(large, vset1((real)0x1p16), vset1(1)),
                      vselect(large, vset1((real)0x1p-16), vset1(1))};
}

static inline vec vexp_any(vec x) {
  scaled_exp e = vexp_scaled(x);
  return vmul(e.value, e.up);
}

/* ln(1 + f) + n ln 2 for f in [-0.3, 0.5], after fdlibm: f itself is the exact leading term */
static inline vec log_reduced(vec f, vec n) {
  vec s = vdiv(f, vadd(vset1(2), f));
  vec z = vmul(s, s);
  vec half_square = vmul(vmul(vset1((real)0.5), f), f);
  vec tail = vfma(z, polynomial(z, log_terms, COUNT(log_terms)), half_square);
  vec correction = vsub(half_square, vfma(s, tail, vmul(n, vset1(ln2_low))));
  return vfma(n, vset1(ln2_high), vsub(f, correction));
}

/* x = (1 + f) 2^n for x > 0, with 1 + f next to 1 */
typedef struct scaled {
  vec f, n;
} scaled;

static inline scaled split_normal(vec normal, vec bias) {
  ivec bits = iadd(as_int(normal), iset1(one_bits - log_split));
  vec m = as_real(iadd(iand(bits, iset1(mantissa_mask)), iset1(log_split)));
  return (scaled){vsub(m, vset1(1)), vsub(biased_exponent(as_real(bits)), bias)};
}

static inline scaled split_exponent(vec x) {
  const real two_bits = (real)((uint64_t)1 << MANTISSA_BITS);
  mask small = vlt(x, vset1(real_min_normal));
  vec bias = vselect(small, vset1(exponent_bias + (real)MANTISSA_BITS), vset1(exponent_bias));
  return split_normal(vselect(small, vmul(x, vset1(two_bits)), x), bias);
}

/* the same for x in (0, 1], all of which can be made normal; something at 0 */
static inline scaled split_unit(vec x) {
  const int up = MANTISSA_BITS + 1;
  vec normal = vfma(x, vset1((real)((uint64_t)1 << up)), vset1(0)); /* 0 for -0 too */
  return split_normal(normal, vset1(exponent_bias + (real)up));
}

/* ln(x) for x in (0, 1]; something finite elsewhere, below -100 at 0 */
static inline vec vlog_unit(vec x) {
  scaled s = split_unit(x);
  return log_reduced(s.f, s.n);
}

/* ln(x) for a normal x > 0; something else for anything else */
static inline vec vlog_normal(vec x) {
  scaled s = split_normal(x, vset1(exponent_bias));
  return log_reduced(s.f, s.n);
}

/* ln(x): -inf at 0, NaN below, inf at inf */
static inline vec vlog(vec x) {
  scaled s = split_exponent(x);
  vec value = log_reduced(s.f, s.n);
  value = vselect(veq(x, vset1(real_infinity)), x, value);
  value = vselect(veq(x, vset1(0)), vset1(-real_infinity), value);
  mask domain = vle(vset1(0), x);
  return vselect(domain, value, vset1((real)NAN));
}

/* ln(1 - x) for x in [0, 1); below -100 at 1. From 1 - x, which is exact from 1/2 on,
 * or from x and 1 - 2 x. */
static inline vec vlog1m(vec x) {
  vec zero = vset1(0), one = vset1(1);
  scaled s = split_unit(vsub(one, x));
  mask small = vlt(x, vset1((real)0.28125)), half = vlt(x, vset1((real)0.5));
  vec f = vselect(small, vneg(x), vsub(one, vadd(x, x)));
  vec n = vselect(small, zero, vset1(-1));
  return log_reduced(vselect(half, f, s.f), vselect(half, n, s.n));
}

/* ln(1 + x) for x in [0, 1.8] */
static inline vec vlog1p(vec x) {
  mask large = vlt(vset1((real)0.5), x);
  vec halved = vmul(vset1((real)0.5), vsub(x, vset1(1))); /* (1 + x) / 2 - 1, exactly */
  return log_reduced(vselect(large, halved, x), vselect(large, vset1(1), vset1(0)));
}

/* ln(1 + x) for x in [0, 1], without a quotient */
static inline vec vlog1p_unit(vec x) {
  return vfma(vmul(x, x), polynomial(x, log1p_terms, COUNT(log1p_terms)), x);
}

/* sinh(d) for |d| <= 1 */
static inline vec vsinh_small(vec d) {
  vec z = vmul(d, d);
  return vfma(vmul(d, z), polynomial(z, sinh_terms, COUNT(sinh_terms)), d);
}

/* base^exponent for base in [0, 1], exponent >= 0; 0^0 = 1, NaN^0 too. As 2^whole e^part, whole the
 * exponent times that of the base, so that the relative error does not grow with the logarithm. */
static inline vec vpow_unit(vec base, vec exponent) {
  scaled s = split_exponent(base);
  vec whole = vmul(exponent, s.n), lost = vfma(exponent, s.n, vneg(whole));
  vec part = vmul(exponent, log_reduced(s.f, vset1(0)));
  vec binary = vfma(part, vset1(log2_e), whole);
  vec shifted = vadd(binary, vset1(exponent_magic));
  vec rest = vadd(vsub(whole, vsub(shifted, vset1(exponent_magic))), lost);
  vec power = exp_reduced(vfma(rest, vset1(ln2), part), shifted);
  power = vselect(vlt(binary, vset1(1 - exponent_bias)), vset1(0), power);
  power = vselect(vlt(vset1(0), base), power, base);
  return vselect(veq(exponent, vset1(0)), vset1(1), power);
}

/* The angle of x / d for d >= 0: +-pi/2 for x / 0, 0 for 0 / 0. Counted from 0, pi/4 or pi/2, so
 * that the tangent of the rest is at most 1/2: one quotient. */
static inline vec vangle(vec x, vec d) {
  vec zero = vset1(0), half = vset1((real)0.5), a = vabs(x);
  mask low = vle(a, vmul(half, d)), high = vlt(d, vmul(half, a));
  vec numerator = vselect(low, a, vselect(high, vneg(d), vsub(a, d)));
  vec denominator = vselect(low, d, vselect(high, a, vadd(a, d)));
  vec start = vselect(low, zero, vset1((real)0.78539816339744830962));
  start = vselect(high, vset1((real)1.57079632679489661923), start);
  vec t = vselect(veq(numerator, zero), zero, vdiv(numerator, denominator));
  vec square = vmul(t, t);
  vec curve = vmul(vmul(t, square), polynomial(square, atan_terms, COUNT(atan_terms)));
  vec angle = vadd(start, vadd(t, vfma(start, vset1(pi_remainder), curve)));
  return vselect(vlt(x, zero), vneg(angle), angle);
}

/* p = 1 / (1 + e^-x) and 1 - p without cancellation, at x = +-inf too */
typedef struct probability {
  vec p, q;
} probability;

static inline probability vlogistic(vec x) {
  vec one = vset1(1), e = vexp(vminus(x));
  vec likely = vdiv(one, vadd(one, e)), unlikely = vmul(e, likely);
  mask negative = vlt(x, vset1(0));
  return (probability){vselect(negative, unlikely, likely), vselect(negative, likely, unlikely)};
}

#endif
