/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of which only the label's class is read; the gradient of the others is 0. */
#ifndef VLOSS_PICKED_ROWS_H
#define VLOSS_PICKED_ROWS_H

#include "frame/row_block.h"

/* Half the loss, and the gradient of the label's class. */
typedef struct pick {
  vec half_loss, grad;
} pick;

typedef pick picked_step(row_target t, vec upstream);

/* Fills the rows: those that follow each other lie side by side, class by class. */
static inline void picked_fill(const rows_call *c, const row_block *b) {
  for (size_t k = 0, run; k < b->count; k += run) {
    size_t position = c->inner == 1 ? 0 : (b->begin + k) % c->inner;
    real *grad = c->grad + b->offset[k];
    run = c->inner == 1 ? b->count : smaller(b->count - k, c->inner - position);
    if (c->inner == 1)
      memset(grad, 0, run * c->classes * sizeof *grad);
    else
      for (size_t i = 0; i < c->classes; i++) memset(grad + i * c->inner, 0, run * sizeof *grad);
  }
}

/* The gradients that are not 0, and all of a row whose own value is NaN. */
static inline void picked_put(const rows_call *c, const row_block *b) {
  for (size_t k = 0; k < b->count; k++) {
    real *grad = c->grad + b->offset[k], own = b->target_logit[k];
    if (b->upstream[k] == 0) continue;
    for (size_t i = 0; own != own && i < c->classes; i++) grad[i * c->inner] = own;
    c->grad[b->own[k]] = b->target[k];
  }
}

ALWAYS_INLINE void picked_rows_rare(const void *work, size_t begin, size_t end, partial *result,
                                    picked_step *step) {
  (void)work, (void)begin, (void)end, (void)result, (void)step;
}

ALWAYS_INLINE void picked_rows(const void *work, size_t begin, size_t end, partial *result,
                               picked_step *step, kernel *rare) {
  (void)rare;
  const rows_job *j = work;
  rows_call c = rows_begin(j);
  totals t = totals_zero();
  row_block b;
  for (size_t i = begin, count; i < end; i += count) {
    count = smaller(end - i, BLOCK);
    label_rows_open(&c, i, count, &b);
    for (size_t k = 0; k < BLOCK; k += LANES) {
      row_target target = {vload(b.target_logit + k), vload(b.target_weight + k)};
      pick p = step(target, vload(b.upstream + k));
      vstore(b.half_loss + k, p.half_loss);
      vstore(b.target + k, p.grad);
    }
    if (c.grad) picked_fill(&c, &b);
    if (c.grad) picked_put(&c, &b);
    rows_close(&c, &b, &t);
  }
  compensated halves = totals_sum(&t);
  result->sums[0] = (compensated){2 * halves.value, 2 * halves.error};
}

#endif
