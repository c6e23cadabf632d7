/* SPDX-License-Identifier: Apache-2.0 */
/* Which loop takes which rows. */
#ifndef VLOSS_ROWS_H
#define VLOSS_ROWS_H

#include "frame/lane_rows.h"
#include "frame/long_rows.h"

/* Stack for a block in lanes, or for rows one by one. */
typedef union rows_room {
  real packed[PACKED_CLASSES * BLOCK];
  long_room line;
} rows_room;

ALWAYS_INLINE void rows_block(const rows_call *c, row_block *b, rows_step *step, kernel *rare,
                              partial *result) {
  rows_room room;
  if (c->inner >= BLOCK) {
    size_t offset = b->offset[0];
    lane_block block = {.logits = c->logits + offset,
                        .grad = c->grad ? c->grad + offset : NULL,
                        .stride = c->inner,
                        .count = b->count,
                        .origin = c->logits + offset,
                        .ahead = BLOCK * sizeof(real)};
    lane_rows(c, b, &block, step, rare, result);
  } else if (c->classes <= (c->inner == 1 ? FEW_CLASSES : PACKED_CLASSES)) {
    packed_rows(c, b, room.packed, step, rare, result);
  } else {
    long_rows(c, b, step, &room.line);
  }
}

ALWAYS_INLINE void rows_rare(const void *work, size_t begin, size_t end, partial *result,
                             rows_step *step) {
  (void)begin, (void)end, (void)result;
  lane_rare(work, step);
}

ALWAYS_INLINE void rows(const void *work, size_t begin, size_t end, partial *result,
                        rows_step *step, kernel *rare) {
  const rows_job *j = work;
  rows_call c = rows_begin(j);
  totals t = totals_zero();
  row_block b;
  for (size_t i = begin, count; i < end; i += count) {
    count = smaller(end - i, BLOCK);
    if (c.inner >= BLOCK) count = smaller(count, c.inner - i % c.inner);
    label_rows_open(&c, i, count, &b);
    rows_block(&c, &b, step, rare, result);
    rows_close(&c, &b, &t);
  }
  if (j->base.stream) vstream_end();
  compensated halves = totals_sum(&t);
  result->sums[0] = (compensated){2 * halves.value, 2 * halves.error};
}

#endif
