/* SPDX-License-Identifier: Apache-2.0 */
/* Constants of elementary.h for f64; see constants_f32.h for what each one is. */
#ifndef VLOSS_MATH_CONSTANTS_H
#define VLOSS_MATH_CONSTANTS_H

enum { MANTISSA_BITS = 52 };

static const real real_max = 0x1.fffffffffffffp1023;
static const real real_min_normal = 0x1p-1022;
static const real real_least = 0x1p-1074; /* above 0 */
static const real real_infinity = (real)INFINITY;

static const real exponent_magic = 0x1.8p52 + 1023.0;
static const real exponent_bias = 1023.0;
static const real log2_e = 0x1.71547652b82fep0;
static const real ln2 = 0x1.62e42fefa39efp-1;
static const real ln2_high = 0x1.62e42feep-1;
static const real ln2_low = 0x1.a39ef35793c76p-33;

static const real exp_lowest = -0x1.6232bdd7abcd2p9;
static const real exp_large = 512.0;
static const real exp_infinite = 720.9;
static const real exp_terms[] = {0x1p-1,
                                 0x1.5555555555557p-3,
                                 0x1.5555555555556p-5,
                                 0x1.11111111100dfp-7,
                                 0x1.6c16c16c162d6p-10,
                                 0x1.a01a01abe62ddp-13,
                                 0x1.a01a01a6d7808p-16,
                                 0x1.71de02375656cp-19,
                                 0x1.27e4db67b4303p-22,
                                 0x1.af4ddd84882fep-26,
                                 0x1.1f72fc730b4ffp-29};
static const real log_terms[] = {0x1.5555555555555p-1, 0x1.9999999999f17p-2, 0x1.24924923de6edp-2,
                                 0x1.c71c72df580fcp-3, 0x1.745cac43cc003p-3, 0x1.3b29d0452d426p-3,
                                 0x1.0e8c55b42945fp-3, 0x1.169c38cc826bep-3};
static const real log1p_terms[] = {
    -0x1.fffffffffff9fp-2, 0x1.5555555551026p-2,  -0x1.fffffffdd3ae3p-3,  0x1.99999951e38b0p-3,
    -0x1.55554fbd00910p-3, 0x1.2491fecb8055dp-3,  -0x1.fffa8afe15588p-4,  0x1.c6f6a3c97ef7cp-4,
    -0x1.98d284786a96cp-4, 0x1.712dbc5c0015cp-4,  -0x1.4b019273bb092p-4,  0x1.202ce0552fc15p-4,
    -0x1.d70e1c72045b3p-5, 0x1.5a8564ec7f68ep-5,  -0x1.b62bac7043165p-6,  0x1.c575a9ab02bd1p-7,
    -0x1.6b451c9cc07a1p-8, 0x1.a24f42778a7d7p-10, -0x1.31ee21e0d8120p-12, 0x1.a8f5d8758e137p-16};
static const real sinh_terms[] = {
    0x1.5555555555555p-3,  0x1.11111111110fdp-7,  0x1.a01a01a01ee70p-13, 0x1.71de3a4e14f40p-19,
    0x1.ae6460fae3728p-26, 0x1.611cb330c1fe8p-33, 0x1.b41232cf9950fp-41};
static const real atan_terms[] = {
    -0x1.5555555555554p-2, 0x1.9999999998dbbp-3, -0x1.2492492404584p-3, 0x1.c71c7173b82dep-4,
    -0x1.745d0a90f6c40p-4, 0x1.3b128b4d32b01p-4, -0x1.11001c910ce01p-4, 0x1.e094d5397663cp-5,
    -0x1.a67e5308529c3p-5, 0x1.5ee0ee5650e2dp-5, -0x1.da42dcd23422ep-6, 0x1.6d494a4bd6c4ep-7};
static const real pi_remainder = 0x1.678afae35cdd1p-55;

static const uint64_t log_split = 0x3fe6a09e667f3bcd;
static const uint64_t one_bits = 0x3ff0000000000000;
static const uint64_t mantissa_mask = 0x000fffffffffffff;
static const uint64_t sign_mask = 0x8000000000000000;

#endif
