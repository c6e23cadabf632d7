/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax rows against those of a teacher: probabilities, or logits. */
#ifndef VLOSS_TEACHER_ROWS_H
#define VLOSS_TEACHER_ROWS_H

#include "frame/class_run.h"

ALWAYS_INLINE void teacher_rows_rare(const void *work, size_t begin, size_t end, partial *result,
                                     const class_step *step) {
  (void)begin, (void)end, (void)result;
  class_rare(work, step, TAUGHT);
}

ALWAYS_INLINE void teacher_rows(const void *work, size_t begin, size_t end, partial *result,
                                const class_step *step, kernel *rare) {
  class_rows(work, begin, end, result, step, TAUGHT, rare);
}

#endif
