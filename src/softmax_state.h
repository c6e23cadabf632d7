/* SPDX-License-Identifier: Apache-2.0 */
/* What the words of a row's state mean. */
#ifndef VLOSS_SOFTMAX_STATE_H
#define VLOSS_SOFTMAX_STATE_H

#include <float.h>

#include <vloss/state.h>

#include "api/digits.h"

/* Whole numbers of what is far below 2^52: adding this leaves no room for a fraction. */
#define STATE_ROUND 0x1.8p52
#define STATE_UP 0x1p40

enum { STATE_CLASS_BITS = 32 };

/* Adds a finite number below 2^11 in size to a sum of one word, or two. */
static inline void state_add(int64_t *to, double value, int words) {
  double up = value * STATE_UP, whole = (up + STATE_ROUND) - STATE_ROUND;
  to[0] += (int64_t)whole;
  if (words > 1) to[1] += (int64_t)(((up - whole) * STATE_UP + STATE_ROUND) - STATE_ROUND);
}

static inline double state_value(const int64_t words[2]) {
  return (double)words[0] / STATE_UP + (double)words[1] / STATE_UP / STATE_UP;
}

static inline size_t state_classes(const vloss_softmax_state *s) {
  return (size_t)((uint64_t)s->classes & ((UINT64_C(1) << STATE_CLASS_BITS) - 1));
}

static inline int state_has_nan(const vloss_softmax_state *s) {
  return (uint64_t)s->classes >> STATE_CLASS_BITS != 0;
}

/* d: 2^d is just above half of what the largest and the smallest logit differ by, and at least 1 */
static inline int state_depth_exponent(double maximum, double depth) {
  double half = maximum * 0.5 + depth * 0.5;
  int exponent = 0;
  if (!(half >= 1 && half <= DBL_MAX)) return 0;
  digits_of(half, &exponent);
  return exponent;
}

/* into += from, rescaled where their doubles differ. */
void vloss_state_merge(vloss_softmax_state *into, const vloss_softmax_state *from);

#endif
