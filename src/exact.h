/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of doubles in fixed point, without rounding (Kulisch). */
#ifndef VLOSS_EXACT_H
#define VLOSS_EXACT_H

#include <stdint.h>
#include <string.h>

#include <vloss/state.h>

enum { EXACT_UNIT = -1088, EXACT_TOP = VLOSS_EXACT_LIMBS - 1 };
#define EXACT_DIGIT INT64_C(0xffffffff)
/* A sum is carried before its limbs could leave an int64_t. */
#define EXACT_LOAD ((int64_t)1 << 30)

/* Leaves digits in [0, 2^32), but for the top limb, which has the sign. So must every sum be that a
 * caller gets: of such sums, the words of 2^30 can be added up. */
static inline void exact_carry(vloss_exact_sum *s) {
  int64_t carry = 0;
  for (int k = 0; k < EXACT_TOP; k++) {
    int64_t limb = s->limb[k] + carry;
    s->limb[k] = limb & EXACT_DIGIT;
    carry = limb >> 32;
  }
  s->limb[EXACT_TOP] += carry;
  s->load = 1;
}

static inline void exact_note_special(vloss_exact_sum *s, double value) {
  s->nans += value != value;
  s->positive_infinities += value > 0;
  s->negative_infinities += value < 0;
}

static inline void exact_add(vloss_exact_sum *s, double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  int exponent = (int)(bits >> 52) & 0x7ff;
  if (exponent == 0x7ff) {
    exact_note_special(s, value);
    return;
  }
  uint64_t digits = bits & ((UINT64_C(1) << 52) - 1);
  if (exponent)
    digits |= UINT64_C(1) << 52;
  else
    exponent = 1;
  int place = exponent - 1075 - EXACT_UNIT, shift = place % 32;
  uint64_t low = (digits & EXACT_DIGIT) << shift, high = (digits >> 32) << shift;
  int64_t parts[3] = {(int64_t)low & EXACT_DIGIT,
                      (int64_t)(low >> 32) + ((int64_t)high & EXACT_DIGIT), (int64_t)(high >> 32)};
  int64_t sign = bits >> 63 ? -1 : 1, *limb = s->limb + place / 32;
  if (s->load >= EXACT_LOAD) exact_carry(s);
  for (int k = 0; k < 3; k++) limb[k] += sign * parts[k];
  s->load += 2;
}

/* a += b, modulo 2^64: what came from elsewhere may be anything. */
static inline void exact_add_word(int64_t *a, int64_t b) {
  *a = (int64_t)((uint64_t)*a + (uint64_t)b);
}

static inline void exact_merge(vloss_exact_sum *into, const vloss_exact_sum *from) {
  vloss_exact_sum copy;
  if (into->load > EXACT_LOAD - from->load) {
    copy = *from;
    exact_carry(&copy);
    exact_carry(into);
    from = &copy;
  }
  for (int k = 0; k < VLOSS_EXACT_LIMBS; k++) exact_add_word(&into->limb[k], from->limb[k]);
  exact_add_word(&into->load, from->load);
  exact_add_word(&into->nans, from->nans);
  exact_add_word(&into->positive_infinities, from->positive_infinities);
  exact_add_word(&into->negative_infinities, from->negative_infinities);
  exact_carry(into);
}

/* The sum rounded to the nearest double. */
double vloss_exact_round(const vloss_exact_sum *s);

#endif
