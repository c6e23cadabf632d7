/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax rows against a distribution each, with class weights and smoothing. */
#ifndef VLOSS_SOFT_ROWS_H
#define VLOSS_SOFT_ROWS_H

#include "frame/class_run.h"

ALWAYS_INLINE void soft_rows_rare(const void *work, size_t begin, size_t end, partial *result,
                                  const class_step *step) {
  (void)begin, (void)end, (void)result;
  class_rare(work, step, WEIGHED);
}

ALWAYS_INLINE void soft_rows(const void *work, size_t begin, size_t end, partial *result,
                             const class_step *step, kernel *rare) {
  class_rows(work, begin, end, result, step, WEIGHED, rare);
}

#endif
