/* SPDX-License-Identifier: Apache-2.0 */
/* Which loop takes which rows. */
#ifndef VLOSS_SOFTMAX_H
#define VLOSS_SOFTMAX_H

#include "frame/lane_rows.h"
#include "frame/long_rows.h"

enum { FEW_CLASSES = 64 }; /* contiguous rows from here on fill registers by themselves */

ALWAYS_INLINE void rows_block(const rows_call *c, size_t begin, size_t count, totals *t,
                              rows_step *step) {
  row_block b = rows_open(c, begin, count);
  if (c->inner >= BLOCK) {
    size_t offset = row_offset(c, begin);
    lane_block block = {c->logits + offset, c->grad ? c->grad + offset : NULL, c->inner, count};
    lane_rows(c, &b, &block, step);
  } else if (c->classes <= (c->inner == 1 ? FEW_CLASSES : PACKED_CLASSES)) {
    packed_rows(c, &b, step);
  } else {
    long_rows(c, &b, step);
  }
  rows_close(c, &b, t);
}

ALWAYS_INLINE void rows(const void *work, size_t begin, size_t end, partial *result,
                        rows_step *step) {
  const rows_job *j = work;
  rows_call c = rows_begin(j);
  totals t = {{0}, {0}};
  for (size_t i = begin, count; i < end; i += count) {
    count = smaller(end - i, BLOCK);
    if (c.inner >= BLOCK) count = smaller(count, c.inner - i % c.inner);
    rows_block(&c, i, count, &t, step);
  }
  if (j->base.stream) vstream_end();
  compensated halves = totals_sum(&t);
  result->sums[0] = (compensated){2 * halves.value, 2 * halves.error};
}

#endif
