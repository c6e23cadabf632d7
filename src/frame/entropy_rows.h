/* SPDX-License-Identifier: Apache-2.0 */
/* Rows without a target. */
#ifndef VLOSS_ENTROPY_ROWS_H
#define VLOSS_ENTROPY_ROWS_H

#include "frame/class_run.h"

ALWAYS_INLINE void entropy_rows_rare(const void *work, size_t begin, size_t end, partial *result,
                                     const class_step *step) {
  (void)begin, (void)end, (void)result;
  class_rare(work, step, 0);
}

ALWAYS_INLINE void entropy_rows(const void *work, size_t begin, size_t end, partial *result,
                                const class_step *step, kernel *rare) {
  class_rows(work, begin, end, result, step, 0, rare);
}

#endif
