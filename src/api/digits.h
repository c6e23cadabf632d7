/* SPDX-License-Identifier: Apache-2.0 */
/* Products of doubles that leave the type at their end, if at all, not on their way. */
#ifndef VLOSS_DIGITS_H
#define VLOSS_DIGITS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* The digits of a number, of size in [1/2, 1), its exponent added to *exponent. */
static inline double digits_of(double a, int *exponent) {
  uint64_t bits;
  memcpy(&bits, &a, sizeof bits);
  int biased = (int)(bits >> 52) & 0x7ff, own = 0;
  if (biased == 0 || biased == 0x7ff) { /* subnormal, 0, infinite or NaN */
    a = frexp(a, &own);
    *exponent += own;
    return a;
  }
  *exponent += biased - 1022;
  bits ^= (uint64_t)(biased ^ 1022) << 52;
  memcpy(&a, &bits, sizeof a);
  return a;
}

/* digits 2^exponent; ldexp() would set errno. */
static inline double from_digits(double digits, int exponent) {
  for (; exponent < -1000; exponent += 1000) digits *= 0x1p-1000;
  for (; exponent > 1000; exponent -= 1000) digits *= 0x1p1000;
  const uint64_t bits = (uint64_t)(exponent + 1023) << 52;
  double power;
  memcpy(&power, &bits, sizeof power);
  return digits * power;
}

#endif
