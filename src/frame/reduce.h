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

/* The compiler's own vectors, on any ISA: half of the totals, and a quarter. */
typedef double double4 __attribute__((vector_size(4 * sizeof(double))));
typedef double double2 __attribute__((vector_size(2 * sizeof(double))));

typedef struct totals {
  double4 value[TOTALS / 4], error[TOTALS / 4];
} totals;

ALWAYS_INLINE totals totals_zero(void) {
  totals t;
  for (int k = 0; k < TOTALS / 4; k++) t.value[k] = t.error[k] = (double4){0};
  return t;
}

ALWAYS_INLINE lanes lanes_zero(void) {
  lanes a;
  for (int j = 0; j < VECS; j++) a.lane[j] = vset1(0);
  return a;
}

ALWAYS_INLINE lanes lanes_add(lanes a, lanes b) {
  for (int j = 0; j < VECS; j++) a.lane[j] = vadd(a.lane[j], b.lane[j]);
  return a;
}

/* total += values, exactly but for the rounding of the error (Knuth's two-sum) */
ALWAYS_INLINE void totals_add_eight(totals *t, const real *values) {
  double wide[TOTALS];
  for (int k = 0; k < TOTALS; k++) wide[k] = (double)values[k] * SUM_UNIT;
  for (int k = 0; k < TOTALS / 4; k++) {
    double4 x, value = t->value[k];
    memcpy(&x, wide + k * 4, sizeof x);
    double4 sum = value + x, shadow = sum - value;
    t->error[k] += (value - (sum - shadow)) + (x - shadow);
    t->value[k] = sum;
  }
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
  for (int k = 0; width * LANES > TOTALS && k < TOTALS; k++) /* these may have overflowed too */
    if (UNLIKELY(folded[k] - folded[k] != 0)) return 0;
  totals_add_eight(t, folded);
  return 1;
}

/* Value after value, for where the lanes overflowed and for blocks that are dear anyway. */
ALWAYS_INLINE void totals_add_values(totals *t, const real *values, size_t count) {
  size_t i = 0;
  for (; i + TOTALS <= count; i += TOTALS) totals_add_eight(t, values + i);
  real rest[TOTALS] = {0};
  for (size_t k = 0; i + k < count; k++) rest[k] = values[i + k];
  if (i < count) totals_add_eight(t, rest);
}

COLD void totals_add_values_out_of_line(totals *t, const real *values, size_t count) {
  totals_add_values(t, values, count);
}

/* The same out of line; by a copy, since t itself lives in registers. */
ALWAYS_INLINE void totals_add_values_cold(totals *t, const real *values, size_t count) {
  totals copy = *t;
  totals_add_values_out_of_line(&copy, values, count);
  *t = copy;
}

/* Lanes that may be infinite or NaN. */
static inline void totals_add_any_lanes(totals *t, lanes a) {
  if (totals_add_lanes(t, a)) return;
  real values[BLOCK];
  for (int j = 0; j < VECS; j++) vstore(values + j * LANES, a.lane[j]);
  totals_add_values_cold(t, values, BLOCK);
}

/* Adds values block by block. */
ALWAYS_INLINE void lanes_add_values(lanes *a, const real *values, size_t count) {
  size_t i = 0;
  for (; i + BLOCK <= count; i += BLOCK)
    for (size_t j = 0; j < VECS; j++) a->lane[j] = vadd(a->lane[j], vload(values + i + j * LANES));
  for (size_t j = 0; j < VECS && i < count; i += LANES, j++)
    a->lane[j] = vadd(a->lane[j], vload_part(values + i, lanes_left(count, i)));
}

/* A chunk of values, or less. */
static inline void totals_add_chunk(totals *t, const real *values, size_t count) {
  lanes a = lanes_zero();
  for (size_t i = 0; i < count; i += GROUP) {
    lanes group = lanes_zero();
    lanes_add_values(&group, values + i, smaller(count - i, GROUP));
    a = lanes_add(a, group);
  }
  if (UNLIKELY(!totals_add_lanes(t, a))) totals_add_values_cold(t, values, count);
}

ALWAYS_INLINE double fold(const double4 a[TOTALS / 4]) {
  double4 b = a[0] + a[1];
  double2 c = __builtin_shufflevector(b, b, 0, 1) + __builtin_shufflevector(b, b, 2, 3);
  return c[0] + c[1];
}

/* Folds the eight by a fixed tree. An infinite or NaN value has no error to speak of. */
ALWAYS_INLINE compensated totals_sum(const totals *t) {
  double value = fold(t->value), error = fold(t->error);
  return (compensated){value, value - value == 0 ? error : 0};
}

/* The sum as a number of the dtype, in every lane. */
static inline vec vset1_sum(compensated s) { return vset1((real)((s.value + s.error) / SUM_UNIT)); }

#endif
