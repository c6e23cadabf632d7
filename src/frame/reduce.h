/* SPDX-License-Identifier: Apache-2.0 */
/* Sums with the same bits on every ISA: BLOCK logical lanes add 8 values (a group), then 8 groups
 * (a chunk), are folded to eight by a fixed tree, and go chunk after chunk into eight compensated
 * doubles. No lane rounds more than 8 + 8 + 2 times, so equal values, where roundings add up, stay
 * within 5e-7 in f32; plain f32 lanes lose everything at 2^31 elements. */
#ifndef VLOSS_REDUCE_H
#define VLOSS_REDUCE_H

#include "frame/frame.h"

enum { TOTALS = 8 };

typedef struct lanes {
  vec lane[VECS];
} lanes;

typedef struct totals {
  double value[TOTALS], error[TOTALS];
} totals;

ALWAYS_INLINE lanes lanes_zero(void) {
  lanes a;
  for (int j = 0; j < VECS; j++) a.lane[j] = vset1(0);
  return a;
}

ALWAYS_INLINE lanes lanes_add(lanes a, lanes b) {
  for (int j = 0; j < VECS; j++) a.lane[j] = vadd(a.lane[j], b.lane[j]);
  return a;
}

/* value + error += x, exactly but for the rounding of error */
ALWAYS_INLINE void sum_add(double *value, double *error, double x) {
  double lost;
  *value = two_sum(*value, x, &lost);
  *error += lost;
}

/* Returns 0, and adds nothing, where a lane has overflowed or holds a NaN. */
ALWAYS_INLINE int totals_add_lanes(totals *t, lanes a) {
  int width = VECS;
  for (; width > 1 && width * LANES > TOTALS; width /= 2)
    for (int j = 0; j < width / 2; j++) a.lane[j] = vadd(a.lane[j], a.lane[j + width / 2]);
  real folded[BLOCK];
  vec zero = vset1(0);
  for (int j = 0; j < width; j++) {
    if (UNLIKELY(!vall(veq(vsub(a.lane[j], a.lane[j]), zero)))) return 0;
    vstore(folded + j * LANES, a.lane[j]);
  }
  for (int count = width * LANES; count > TOTALS; count /= 2)
    for (int k = 0; k < count / 2; k++) folded[k] += folded[k + count / 2];
  for (int k = 0; k < TOTALS; k++)
    sum_add(&t->value[k], &t->error[k], (double)folded[k] * SUM_UNIT);
  return 1;
}

/* Value after value, for where the lanes overflowed and for blocks that are dear anyway. */
ALWAYS_INLINE void totals_add_values(totals *t, const real *values, size_t count) {
  size_t whole = count / TOTALS * TOTALS;
  for (size_t i = 0; i < whole; i += TOTALS)
    for (size_t k = 0; k < TOTALS; k++)
      sum_add(&t->value[k], &t->error[k], (double)values[i + k] * SUM_UNIT);
  for (size_t k = 0; k < count % TOTALS; k++)
    sum_add(&t->value[k], &t->error[k], (double)values[whole + k] * SUM_UNIT);
}

COLD void totals_add_values_cold(totals *t, const real *values, size_t count) {
  totals_add_values(t, values, count);
}

/* Lanes that may be infinite or NaN. */
static inline void totals_add_any_lanes(totals *t, lanes a) {
  if (totals_add_lanes(t, a)) return;
  real values[BLOCK];
  for (int j = 0; j < VECS; j++) vstore(values + j * LANES, a.lane[j]);
  totals_add_values_cold(t, values, BLOCK);
}

/* A group of values, or less. */
ALWAYS_INLINE lanes lanes_of_values(const real *values, size_t count) {
  lanes a = lanes_zero();
  size_t i = 0;
  for (; i + BLOCK <= count; i += BLOCK)
    for (size_t j = 0; j < VECS; j++) a.lane[j] = vadd(a.lane[j], vload(values + i + j * LANES));
  for (size_t j = 0; j < VECS && i < count; i += LANES, j++)
    a.lane[j] = vadd(a.lane[j], vload_part(values + i, lanes_left(count, i)));
  return a;
}

/* A chunk of values, or less. */
static inline void totals_add_chunk(totals *t, const real *values, size_t count) {
  lanes a = lanes_zero();
  for (size_t i = 0; i < count; i += GROUP)
    a = lanes_add(a, lanes_of_values(values + i, smaller(count - i, GROUP)));
  if (UNLIKELY(!totals_add_lanes(t, a))) totals_add_values_cold(t, values, count);
}

/* Folds the eight by a fixed tree. An infinite or NaN value has no error to speak of. */
static inline compensated totals_sum(const totals *t) {
  totals f = *t;
  for (int width = TOTALS / 2; width > 0; width /= 2)
    for (int k = 0; k < width; k++) {
      f.value[k] += f.value[k + width];
      f.error[k] += f.error[k + width];
    }
  int finite = f.value[0] - f.value[0] == 0;
  return (compensated){f.value[0], finite ? f.error[0] : 0};
}

/* The sum as a number of the dtype, in every lane. */
static inline vec vset1_sum(compensated s) { return vset1((real)((s.value + s.error) / SUM_UNIT)); }

#endif
