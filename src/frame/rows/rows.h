/* SPDX-License-Identifier: Apache-2.0 */
/* Which loop takes which rows. Rows of many classes fill registers by themselves
 * (line.h); of all others the registers hold several (lanes.h), through a packed copy where they do
 * not lie side by side. */
#ifndef VLOSS_ROWS_H
#define VLOSS_ROWS_H

#include "frame/rows/batch.h"
#include "frame/rows/labelled.h"
#include "frame/rows/lanes.h"
#include "frame/rows/pack.h"

/* Classes that are packed, of contiguous rows, of others, and with a target: 22 KiB of stack. The
 * first bound is about where both ways cost the same. Of more classes, as many rows as this lie
 * close enough together. */
enum { FEW_CLASSES = 112, PACKED_CLASSES = 176, PACKED_PAIRS = 80, CLOSE_ROWS = 8 };

/* How rows become vectors. */
enum { IN_LINE, PACKED, ABREAST };

ALWAYS_INLINE int rows_layout(const rows_call *c, const class_step *step) {
  size_t most = step->target ? PACKED_PAIRS : c->inner == 1 ? FEW_CLASSES : PACKED_CLASSES;
  if (c->inner >= BLOCK) return ABREAST;
  if (c->classes <= most) return PACKED;
  return c->inner >= CLOSE_ROWS ? ABREAST : IN_LINE;
}

/* Stack for a block. What is packed of contiguous rows leaves room for gradients on their way. */
typedef union rows_room {
  real packed[PACKED_CLASSES * BLOCK];
  struct {
    real input[FEW_CLASSES * BLOCK], out[FEW_CLASSES * LANES];
  } few;
  struct {
    real input[PACKED_PAIRS * BLOCK], target[PACKED_PAIRS * BLOCK], out[PACKED_PAIRS * LANES];
  } pairs;
  line_room line;
} rows_room;

/* A vector of rows or a row, whichever is left, out of the way of the others; and the form of the
 * step. */
typedef struct rows_rest {
  int form;
  const lane_rest *lane;
  const batch_rest *line;
} rows_rest;

ALWAYS_INLINE void rows_rest_run(const rows_rest *r, const class_step *step, int what) {
  if (r->lane)
    lane_rare(r->lane, step, what);
  else
    batch_rare(r->line, step, what);
}

ALWAYS_INLINE void rows_rare(const void *work, size_t begin, size_t end, partial *result,
                             const class_step *step) {
  (void)begin, (void)end, (void)result;
  const rows_rest *r = work;
  if (class_is_either(step))
    rows_rest_run(r, step, r->form);
  else if (step->form && r->form)
    rows_rest_run(r, step, step->form);
  else
    rows_rest_run(r, step, 0);
}

/* ------------------------------------------------------------------------------------ in lanes */

/* Vector by vector. The last one reaches back to rows that are done, unless their inputs are
 * gone. */
ALWAYS_INLINE void lanes_vectors(const row_lanes *l, kernel *rare, partial *result, int form) {
  const size_t total = l->count;
  for (size_t first = 0; first < total; first += LANES) {
    size_t at = first, count = smaller(total - first, LANES);
    if (count < LANES && total >= LANES && l->grad != l->input) {
      at = total - LANES;
      count = LANES;
    }
    lane_rest lane = {l, at, count};
    rows_rest rest = {form, &lane, NULL};
    rare(&rest, 0, 0, result);
  }
}

/* A block at once, unless it is less than a vector or has infinite logits. Returns whether
 * gradients are still to be made, by the slopes. */
ALWAYS_INLINE int lanes_block(const row_lanes *l, const class_step *step, int scalable,
                              kernel *rare, partial *result, lanes *slopes, int what) {
  lane_range r = {.width = VECS, .count = LANES};
  lane_tops tops;
  for (size_t j = 0; j < VECS; j++) r.at[j] = smaller(j * LANES, l->count - LANES);
  if (ONE_PATH || l->count < LANES || !lane_find_tops(l, step, r, &tops, what)) {
    lanes_vectors(l, rare, result, what);
    return 0;
  }
  int deferred = step->scales && !what && scalable && l->rows->all_graded;
  *slopes = lane_run(l, step, &tops, r, deferred, what);
  return deferred;
}

/* Four classes and more, a vector of rows at a time; if deferred, gradients are still to be
 * made. */
ALWAYS_INLINE void rows_unpack_fours(const rows_call *c, const row_block *b, const real *packed,
                                     const lanes *slopes, int deferred, real *out) {
  real *grad = c->grad + b->offset[0];
  for (size_t k = 0; k < b->count; k += LANES, grad += LANES * c->classes) {
    size_t rows = lanes_left(b->count, k), count = rows * c->classes;
    real *to = c->streamed || rows < LANES ? out : grad;
    if (deferred)
      unpack_fours(packed, c->classes, k, &slopes->lane[k / LANES], to);
    else
      unpack_fours(packed, c->classes, k, NULL, to);
    if (deferred)
      for (size_t i = k; i < k + LANES; i++) to[b->own[i] - b->offset[k]] -= b->result[i];
    if (c->streamed)
      stream_out(grad, out, count);
    else if (rows < LANES)
      memcpy(grad, out, count * sizeof *out);
  }
}

/* The gradient of a packed block goes where it belongs. */
ALWAYS_INLINE void rows_unpack(const rows_call *c, const row_block *b, const real *packed,
                               const lanes *slopes, int deferred, real *out) {
  if (c->inner == 1 && c->classes >= 4)
    rows_unpack_fours(c, b, packed, slopes, deferred, out);
  else if (!rows_are_whole(c, b))
    unpack_runs(c, b, packed, c->grad);
  else
    unpack_whole(packed, c->classes, c->grad + b->offset[0]);
}

/* A block whose rows lie side by side, and with packed copies of its arrays where they do not: one
 * text for both, since it is large. */
ALWAYS_INLINE void rows_abreast(const rows_call *c, const class_options *o, row_block *b,
                                rows_room *room, int packed, const class_step *step, kernel *rare,
                                partial *result, int what) {
  real *input = room->packed, *target = room->pairs.target;
  real *out = step->target ? room->pairs.out : room->few.out;
  size_t offset = b->offset[0];
  lanes slopes = lanes_zero();
  row_lanes l = {.call = c,
                 .options = o,
                 .rows = b,
                 .input = c->input + offset,
                 .target = step->target ? c->target + offset : NULL,
                 .grad = c->grad ? c->grad + offset : NULL,
                 .stride = c->inner,
                 .count = b->count,
                 .ahead = BLOCK * sizeof(real)};
  l.origin = l.input;
  l.target_origin = l.target;
  if (packed) {
    pack_rows(c, c->input, b, out, input);
    l.input = input;
    if (step->target) pack_rows(c, c->target, b, out, target);
    if (step->target) l.target = target;
    if (c->grad) l.grad = input;
    l.stride = l.count = BLOCK;
    l.ahead *= c->classes;
  }
  int scalable = packed && rows_are_whole(c, b) && c->classes >= 4;
  int deferred = lanes_block(&l, step, scalable, rare, result, &slopes, what);
  if (packed && c->grad) rows_unpack(c, b, input, &slopes, deferred, out);
}

/* --------------------------------------------------------------------------------- one by one */

ALWAYS_INLINE void lines_rest(batch_rest line, kernel *rare, partial *result, int form) {
  rows_rest rest = {form, NULL, &line};
  rare(&rest, 0, 0, result);
}

/* The largest logits of row k. */
ALWAYS_INLINE void line_tops(line_batch *t, const class_step *step, size_t k, int what) {
  row_line l = line_open(t, step, k, what);
  t->infinite[k] = !line_find_tops(&l, step, &t->input_top[k], &t->target_top[k], what);
}

/* The sums of row k. */
ALWAYS_INLINE void line_first(line_batch *t, const class_step *step, size_t k, kernel *rare,
                              partial *result, int what) {
  row_line l = line_open(t, step, k, what);
  if (!ONE_PATH && !t->infinite[k])
    batch_add(t, step, &l, k, what);
  else
    lines_rest((batch_rest){BATCH_ADD, t, k, NULL, 0}, rare, result, what);
}

ALWAYS_INLINE void line_further(line_batch *t, const class_step *step, size_t k, kernel *rare,
                                partial *result, int what) {
  row_line l = line_open(t, step, k, what);
  if (!ONE_PATH && !t->infinite[k] && l.kept)
    batch_add_more(t, step, &l, k, what | KEPT);
  else
    lines_rest((batch_rest){BATCH_ADD_MORE, t, k, NULL, 0}, rare, result, what);
}

/* The gradient of row k to `to`; whole rows that follow it are still to come if `roomy`. */
ALWAYS_INLINE void line_last(line_batch *t, const class_step *step, size_t k, real *to, int roomy,
                             int streamed, kernel *rare, partial *result, int what) {
  const rows_call *c = t->call;
  if (t->rows->upstream[k] == 0) {
    scatter(NULL, c->inner, c->classes, to);
    return;
  }
  row_line l = line_open(t, step, k, what);
  if (!ONE_PATH && !t->infinite[k] && l.kept)
    batch_gradient(t, step, &l, k, to, roomy, streamed, what | KEPT);
  else
    lines_rest((batch_rest){BATCH_GRADIENT, t, k, to, streamed}, rare, result, what);
}

ALWAYS_INLINE void line_gradients(line_batch *t, const class_step *step, kernel *rare,
                                  partial *result, int what) {
  const rows_call *c = t->call;
  size_t end = t->begin + t->count;
  int buffered = c->streamed && t->count > 1; /* else row by row, span by span */
  real *grad = c->grad + t->rows->offset[t->begin], *out = t->room->out;
  for (size_t k = t->begin; k < end; k++) {
    real *to = buffered ? out + (k - t->begin) * c->classes : c->grad + t->rows->offset[k];
    int roomy = buffered || (c->inner == 1 && k + 1 < end);
    line_last(t, step, k, to, roomy, c->streamed && !buffered, rare, result, what);
  }
  if (buffered) stream_out(grad, out, t->count * c->classes);
}

ALWAYS_INLINE void line_batch_run(line_batch *t, const class_step *step, kernel *rare,
                                  partial *result, int what) {
  const size_t end = t->begin + t->count;
  const real *active = t->rows->active;
  for (size_t k = t->begin; k < end; k++)
    if (active[k] != 0) line_tops(t, step, k, what);
  for (size_t k = t->begin; k < end; k++)
    if (active[k] != 0) line_first(t, step, k, rare, result, what);
  batch_finish(t, step, 0, what);
  for (size_t k = t->begin; step->add_more && k < end; k++)
    if (active[k] != 0) line_further(t, step, k, rare, result, what);
  if (step->add_more) batch_finish(t, step, 1, what);
  if (t->call->grad) line_gradients(t, step, rare, result, what);
}

/* As many rows at a time as there is room for. */
ALWAYS_INLINE void rows_in_line(const rows_call *c, const class_options *o, row_block *b,
                                line_room *room, int last, const class_step *step, kernel *rare,
                                partial *result, int what) {
  line_batch t = {.call = c, .options = o, .rows = b, .room = room};
  t.pitch = (c->classes + LANES - 1) / LANES * LANES;
  size_t most = c->inner == 1 && t.pitch < BATCH ? BATCH / t.pitch : 1;
  for (int k = 0; k < 2 * LANES; k++) room->front[k] = k < LANES;
  for (t.begin = b->first; t.begin < b->count; t.begin += t.count) {
    t.count = smaller(most, b->count - t.begin);
    t.last = last && t.begin + t.count == b->count;
    line_batch_run(&t, step, rare, result, what);
  }
}

/* -------------------------------------------------------------------------------------- both */

ALWAYS_INLINE void rows_block_run(const rows_call *c, const class_options *o, row_block *b,
                                  rows_room *room, int layout, int last, const class_step *step,
                                  kernel *rare, partial *result, int what) {
  if (layout == IN_LINE)
    rows_in_line(c, o, b, &room->line, last, step, rare, result, what);
  else
    rows_abreast(c, o, b, room, layout == PACKED, step, rare, result, what);
}

/* Rows [i, i + count) of the part that begins at `begin`. What is left of an image may be less than
 * a block: rows in front of it fill that, or a vector at least, if they are this part's and their
 * inputs are there. */
static size_t rows_before(const rows_call *c, size_t begin, size_t i, size_t count) {
  size_t there = c->in_place ? 0 : smaller(i - begin, i % c->inner);
  if (BLOCK - count <= there) return BLOCK - count;
  return count < LANES && LANES - count <= there ? LANES - count : 0;
}

ALWAYS_INLINE void rows(const void *work, size_t begin, size_t end, partial *result,
                        const class_step *step, kernel *rare) {
  const rows_job *j = work;
  rows_call c = rows_begin(j);
  class_options o = class_options_of(&c);
  totals t = totals_zero();
  row_block b;
  rows_room room;
  const int form = class_form(&c, step) ? step->form : 0, layout = rows_layout(&c, step);
  for (size_t i = begin, count; i < end; i += count) {
    count = smaller(end - i, BLOCK);
    if (step->pick) {
      rows_open(&c, i, 0, count, 1, &b);
      labelled_rows(&c, &b, step->pick);
    } else {
      if (layout == ABREAST) count = smaller(count, c.inner - i % c.inner);
      size_t before = layout == ABREAST ? rows_before(&c, begin, i, count) : 0;
      rows_open(&c, i - before, before, before + count, step->labels, &b);
      if (class_is_either(step))
        rows_block_run(&c, &o, &b, &room, layout, i + count == end, step, rare, result, form);
      else if (step->form && form)
        rows_block_run(&c, &o, &b, &room, layout, i + count == end, step, rare, result, step->form);
      else
        rows_block_run(&c, &o, &b, &room, layout, i + count == end, step, rare, result, 0);
    }
    rows_close(&c, &b, &t, result);
  }
  if (j->base.stream) vstream_end();
  compensated halves = totals_sum(&t);
  result->sums[0] = (compensated){2 * halves.value, 2 * halves.error};
}

#endif
