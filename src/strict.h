/* SPDX-License-Identifier: Apache-2.0 */
/* The same bits everywhere need arithmetic as it is written. Compiler options that change it and
 * leave no macro are refused by the build. */
#ifndef VLOSS_STRICT_H
#define VLOSS_STRICT_H

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__) || \
    defined(__NO_SIGNED_ZEROS__) || defined(__RECIPROCAL_MATH__) ||                      \
    defined(__ASSOCIATIVE_MATH__) || (defined(__GCC_IEC_559) && __GCC_IEC_559 == 0)
#error "vloss needs strict arithmetic: no -ffast-math, -Ofast or parts of them, -ffp-contract=off"
#endif

/* 16 promotes half precision only, which is not in use. */
#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0 && __FLT_EVAL_METHOD__ != 16
#error "vloss needs results rounded to their type: on x86 -msse2 -mfpmath=sse"
#endif

#endif
