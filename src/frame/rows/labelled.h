/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of which only the label's class is read; the gradient of the others is 0. */
#ifndef VLOSS_LABELLED_ROWS_H
#define VLOSS_LABELLED_ROWS_H

#include "frame/rows/step.h"

/* Fills the rows: those that follow each other lie side by side, class by class. */
static inline void labelled_fill(const rows_call *c, const row_block *b) {
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
static inline void labelled_put(const rows_call *c, const row_block *b) {
  for (size_t k = 0; k < b->count; k++) {
    real *grad = c->grad + b->offset[k], own = b->label_value[k];
    if (b->upstream[k] == 0) continue;
    for (size_t i = 0; own != own && i < c->classes; i++) grad[i * c->inner] = own;
    c->grad[b->own[k]] = b->result[k];
  }
}

ALWAYS_INLINE void labelled_rows(const rows_call *c, row_block *b, class_pick *step) {
  for (size_t k = 0; k < BLOCK; k += LANES) {
    pick p = step(vload(b->label_value + k), vload(b->label_weight + k), vload(b->upstream + k));
    vstore(b->half_loss + k, p.half_loss);
    vstore(b->result + k, p.grad);
  }
  if (c->grad) labelled_fill(c, b);
  if (c->grad) labelled_put(c, b);
}

#endif
