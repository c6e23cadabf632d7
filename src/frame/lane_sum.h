/* SPDX-License-Identifier: Apache-2.0 */
/* A compensated sum in every lane of several vectors. */
#ifndef VLOSS_LANE_SUM_H
#define VLOSS_LANE_SUM_H

#include "frame/reduce.h"

typedef struct lane_sum {
  lanes value, error;
} lane_sum;

enum { PART = 16 }; /* classes that are added before the compensation */

static inline lane_sum lane_sum_zero(void) { return (lane_sum){lanes_zero(), lanes_zero()}; }

ALWAYS_INLINE void lane_sum_add(lane_sum *s, const vec *parts, size_t width) {
  for (size_t j = 0; j < width; j++) {
    vec value = s->value.lane[j], part = parts[j];
    vec total = vadd(value, part), shadow = vsub(total, value);
    vec lost = vadd(vsub(value, vsub(total, shadow)), vsub(part, shadow));
    s->error.lane[j] = vadd(s->error.lane[j], lost);
    s->value.lane[j] = total;
  }
}

/* An infinite or NaN value has no error to speak of. */
static inline vec lane_sum_value(const lane_sum *s, size_t j) {
  vec value = s->value.lane[j];
  mask finite = veq(vsub(value, value), vset1(0));
  return vselect(finite, vadd(value, s->error.lane[j]), value);
}

#endif
