/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of rows one by one. What makes slopes of sums is a long chain of operations, so that it
 * takes all rows of a batch in lanes. */
#ifndef VLOSS_ROW_BATCH_H
#define VLOSS_ROW_BATCH_H

#include "frame/rows/line.h"

/* Rows of a block that go through the phases together. */
typedef struct line_batch {
  const rows_call *call;
  const class_options *options;
  row_block *rows;
  line_room *room;
  size_t begin, count, pitch; /* kept numbers from a row to the next */
  int last;                   /* of the kernel's part: what is behind belongs to others */
  real input_top[ROOM], target_top[BLOCK];
  real sums[SUMS][ROOM];
  unsigned char infinite[BLOCK]; /* a logit of +inf, or no probability */
} line_batch;

/* What is known of row k; field by field, since gcc copies structs of vectors through memory. */
ALWAYS_INLINE void batch_values(const line_batch *t, size_t k, line_values *v) {
  const row_block *b = t->rows;
  v->top.input = vset1(t->input_top[k]);
  v->top.target = vset1(t->target_top[k]);
  v->row.slope = vset1(b->slope[k]);
  v->row.pull = vset1(b->pull[k]);
  v->row.mean = vset1(b->mean[k]);
  v->row.upstream = vset1(b->result[k]);
}

/* Row k of the block. */
ALWAYS_INLINE row_line line_open(const line_batch *t, const class_step *step, size_t k, int what) {
  const rows_call *c = t->call;
  size_t at = t->rows->offset[k];
  row_line l = {.call = c,
                .options = t->options,
                .room = t->room,
                .input = c->input + at,
                .target = step->target ? c->target + at : NULL,
                .roomy = c->classes <= EXPONENTIALS,
                .guarded = t->last && k + 1 == t->begin + t->count,
                .input_fill = step->logits ? -real_infinity : 0,
                .target_fill = what & TAUGHT ? -real_infinity : 0};
  if (l.roomy && (c->grad || step->add_more))
    l.kept = t->room->kept + (k - t->begin) * t->pitch;
  else if (!l.roomy && c->grad && c->inner == 1 && !c->streamed)
    l.kept = c->grad + at;
  return l;
}

ALWAYS_INLINE void line_note(line_batch *t, size_t k, const totals *sums, int count) {
  for (int i = 0; i < count; i++) {
    compensated s = totals_sum(&sums[i]);
    t->sums[i][k] = (real)((s.value + s.error) / SUM_UNIT);
  }
}

/* The sums of row k, of which the largest logits are known, go to the batch. */
ALWAYS_INLINE void batch_add(line_batch *t, const class_step *step, const row_line *l, size_t k,
                             int what) {
  const rows_call *c = t->call;
  size_t ahead = t->count * c->classes * sizeof(real);
  totals sums[SUMS];
  class_range range = class_range_empty();
  line_values v;
  batch_values(t, k, &v);
  line_sums(l, step, &v, sums, &range, 0, l->roomy && c->inner == 1 ? ahead : 0, what);
  line_note(t, k, sums, class_sums(step, 0, what));
  if (!(what & INFINITE) || !class_has_range(step, what) || !vbits(class_outside(range))) return;
  rows_note_outside(t->rows, k, 1);
  t->sums[0][k] = (real)NAN;
}

ALWAYS_INLINE void batch_add_more(line_batch *t, const class_step *step, const row_line *l,
                                  size_t k, int what) {
  totals sums[SUMS];
  line_values v;
  batch_values(t, k, &v);
  line_sums(l, step, &v, sums, NULL, 1, 0, what);
  line_note(t, k, sums, step->more_sums);
}

ALWAYS_INLINE void batch_gradient(const line_batch *t, const class_step *step, const row_line *l,
                                  size_t k, real *to, int roomy, int streamed, int what) {
  line_values v;
  batch_values(t, k, &v);
  line_gradient(l, step, &v, t->rows, k, to, roomy, streamed, what);
}

/* All rows of the batch, in vectors that may hold later ones too: never earlier ones, which are
 * done. */
ALWAYS_INLINE void batch_finish(line_batch *t, const class_step *step, int more, int what) {
  row_block *b = t->rows;
  for (size_t k = 0; k < t->count; k += LANES) {
    size_t at = t->begin + k;
    vec s[SUMS], upstream = vload(b->upstream + at);
    for (int i = 0; i < class_sums(step, more, what); i++) s[i] = vload(t->sums[i] + at);
    class_row row = class_row_open(b, at, step, vload(t->input_top + at));
    if (more) {
      row.slope = vload(b->slope + at);
      row.pull = vload(b->pull + at);
      row.mean = vload(b->mean + at);
      row.upstream = vload(b->result + at);
    }
    row = (more ? step->finish_more : step->finish)(s, &row, t->options, upstream, what);
    vstore(b->half_loss + at, row.half_loss);
    vstore(b->slope + at, row.slope);
    vstore(b->pull + at, row.pull);
    vstore(b->mean + at, row.mean);
    vstore(b->result + at, row.upstream);
  }
}

/* What is left to do for row k, out of the way of the others: it has a logit of +inf, or nothing of
 * it was kept. */
typedef struct batch_rest {
  enum { BATCH_ADD, BATCH_ADD_MORE, BATCH_GRADIENT } phase;
  line_batch *batch;
  size_t index;
  real *to;
  int streamed;
} batch_rest;

ALWAYS_INLINE void batch_rare(const batch_rest *r, const class_step *step, int what) {
  row_line l = line_open(r->batch, step, r->index, what);
  what |= INFINITE;
  if (r->phase != BATCH_ADD && l.kept) what |= KEPT;
  if (r->phase == BATCH_ADD)
    batch_add(r->batch, step, &l, r->index, what);
  else if (r->phase == BATCH_ADD_MORE)
    batch_add_more(r->batch, step, &l, r->index, what);
  else
    batch_gradient(r->batch, step, &l, r->index, r->to, 0, r->streamed, what);
}

#endif
