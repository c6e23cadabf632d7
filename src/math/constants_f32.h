/* SPDX-License-Identifier: Apache-2.0 */
/* Constants of elementary.h for f32. Polynomials interpolate at Chebyshev nodes, coefficients
 * rounded. */
#ifndef VLOSS_MATH_CONSTANTS_H
#define VLOSS_MATH_CONSTANTS_H

enum { MANTISSA_BITS = 23 };

static const real real_max = 0x1.fffffep127f;
static const real real_min_normal = 0x1p-126f;
static const real real_least = 0x1p-149f; /* above 0 */
static const real real_infinity = INFINITY;

/* 1.5 2^23 makes the integer part of a small number stand in its low bits; + bias, as an exponent.
 * */
static const real exponent_magic = 0x1.8p23f + 127.0f;
static const real exponent_bias = 127.0f;
static const real log2_e = 0x1.715476p0f;
static const real ln2 = 0x1.62e43p-1f;
static const real ln2_high = 0x1.62e3p-1f; /* 17 bits: an integer exponent times it is exact */
static const real ln2_low = 0x1.2fefa2p-17f;

/* ln of the smallest normal number, rounded up: e^x is normal from here on. */
static const real exp_lowest = -0x1.5d589ep6f;
/* vexp_scaled(): e^x 2^-16 from the first on, which is inf at the second, ln 2^144 and a bit */
static const real exp_large = 64.0f;
static const real exp_infinite = 100.0f;
/* (e^r - 1 - r) / r^2 on [-ln 2 / 2, ln 2 / 2], error 2e-9 */
static const real exp_terms[] = {0x1p-1f, 0x1.5554dep-3f, 0x1.55551ap-5f, 0x1.120b62p-7f,
                                 0x1.6d10fcp-10f};
/* (ln((1 + s) / (1 - s)) / s - 2) / s^2 as a polynomial in s^2 on [0, 0.04] */
static const real log_terms[] = {0x1.555556p-1f, 0x1.999a6ap-2f, 0x1.242ce0p-2f, 0x1.e6587ap-3f};
/* (ln(1 + x) - x) / x^2 on [0, 1], minimax: relative error of the logarithm 3.3e-8 */
static const real log1p_terms[] = {-0x1.ffff14p-2f, 0x1.5535dap-2f,  -0x1.fd1322p-3f,
                                   0x1.884452p-3f,  -0x1.19ad8cp-3f, 0x1.446c02p-4f,
                                   -0x1.ec9926p-6f, 0x1.5f96e6p-8f};
/* (sinh(d) / d - 1) / d^2 as a polynomial in d^2 on [0, 1] */
static const real sinh_terms[] = {0x1.555556p-3f, 0x1.11111ep-7f, 0x1.a009p-13f, 0x1.78a70ep-19f};

/* (atan(t) / t - 1) / t^2 as a polynomial in t^2 on [0, 1/4]; what pi/4 lacks, as a part of it */
static const real atan_terms[] = {-0x1.555556p-2f, 0x1.9998f2p-3f,  -0x1.24733ep-3f,
                                  0x1.c2d66cp-4f,  -0x1.514dfcp-4f, 0x1.5a176ep-5f};
static const real pi_remainder = -0x1.de12cap-26f;

/* sqrt(1/2) as bits, and the bits of 1 less that: moves mantissas from [1, 2) to [sqrt(1/2),
 * sqrt(2)) */
static const uint64_t log_split = 0x3f3504f3;
static const uint64_t one_bits = 0x3f800000;
static const uint64_t mantissa_mask = 0x007fffff;
static const uint64_t sign_mask = 0x80000000;

#endif
