/* SPDX-License-Identifier: Apache-2.0 */
#include "data_values.h"

#include <float.h>
#include <math.h>
#include <string.h>

double value_power(int exponent) {
  uint64_t bits =
      exponent >= -1022 ? (uint64_t)(exponent + 1023) << 52 : UINT64_C(1) << (exponent + 1074);
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

int value_integer(rng *r, int low, int high) {
  return low + (int)rng_below(r, (size_t)(high - low) + 1);
}

double value_scaled(rng *r, int low, int high) {
  double digits = 1 + rng_unit(r);
  double value = digits * value_power(value_integer(r, low, high));
  return rng_signed(r, value);
}

double value_largest(dtype type) { return type == F32 ? (double)FLT_MAX : DBL_MAX; }

double value_step(dtype type, double value, int steps) {
  if (type == F32) {
    float narrow = (float)value;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    bits += (uint32_t)steps;
    memcpy(&narrow, &bits, sizeof bits);
    return (double)narrow;
  }
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  bits += (uint64_t)(int64_t)steps;
  memcpy(&value, &bits, sizeof bits);
  return value;
}

double value_wild(rng *r, dtype type) {
  int high = type == F32 ? 126 : 1022, low = type == F32 ? -149 : -1074;
  switch (rng_below(r, 6)) {
    case 0: return value_largest(type);
    case 1: return -value_largest(type);
    case 2: return type == F32 ? (double)FLT_MIN : DBL_MIN;
    case 3: return value_power(low) * value_integer(r, -3, 3);
    case 4: return rng_signed(r, value_power(value_integer(r, low, high)));
    default: return value_scaled(r, type == F32 ? -126 : -1022, high);
  }
}

double value_special(rng *r) {
  switch (rng_below(r, 3)) {
    case 0: return (double)NAN;
    case 1: return (double)INFINITY;
    default: return -(double)INFINITY;
  }
}
