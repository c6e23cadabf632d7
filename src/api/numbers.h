/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays of a dtype that is known at run time. */
#ifndef VLOSS_NUMBERS_H
#define VLOSS_NUMBERS_H

#include <stddef.h>

#include <vloss/types.h>

static inline size_t number_width(vloss_dtype dtype) {
  return dtype == VLOSS_F64 ? sizeof(double) : sizeof(float);
}

/* Number i, `otherwise` if there is no such array. */
static inline double number_at(vloss_dtype dtype, const void *p, size_t i, double otherwise) {
  if (!p) return otherwise;
  return dtype == VLOSS_F64 ? ((const double *)p)[i] : (double)((const float *)p)[i];
}

static inline void number_put(vloss_dtype dtype, void *p, size_t i, double value) {
  if (dtype == VLOSS_F64)
    ((double *)p)[i] = value;
  else
    ((float *)p)[i] = (float)value;
}

#endif
