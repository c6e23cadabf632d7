/* SPDX-License-Identifier: Apache-2.0 */
/* Sums that keep what rounding loses. */
#ifndef VLOSS_COMPENSATED_H
#define VLOSS_COMPENSATED_H

/* Sums are kept in units of 2^40, so that a mean of finite values cannot overflow on its way. */
#define SUM_UNIT 0x1p-40

/* A compensated sum: value + error. */
typedef struct compensated {
  double value, error;
} compensated;

/* The rounded sum of a and b, and exactly what rounding lost (Knuth). */
static inline double two_sum(double a, double b, double *lost) {
  double sum = a + b, shadow = sum - a;
  *lost = (a - (sum - shadow)) + (b - shadow);
  return sum;
}

/* Adds b to a. An infinite or NaN value has no error to speak of. */
static inline void sum_merge(compensated *a, compensated b) {
  double lost, total = two_sum(a->value, b.value, &lost);
  int finite = total - total == 0;
  *a = (compensated){total, finite ? a->error + (b.error + lost) : 0};
}

#endif
