/* SPDX-License-Identifier: Apache-2.0 */
/* Which loop takes which rows, for steps that see every class. */
#ifndef VLOSS_CLASS_RUN_H
#define VLOSS_CLASS_RUN_H

#include "frame/class_lanes.h"
#include "frame/class_long.h"

/* Logits of +inf, or a probability outside [0, 1]. */
ALWAYS_INLINE void class_rare(const class_rest *r, const class_step *step, int form) {
  int other = class_form(r->call) & form;
  if (r->line && other)
    (void)line_run(r->line, step, vset1(r->upstream), INFINITE | form);
  else if (r->line)
    (void)line_run(r->line, step, vset1(r->upstream), INFINITE);
  else if (other)
    (void)class_lane_run(r->lanes, step, INFINITE | form);
  else
    (void)class_lane_run(r->lanes, step, INFINITE);
}

/* Stack for a block in lanes, or for rows one by one. */
typedef union class_room {
  struct {
    real input[PACKED_PAIRS * BLOCK], target[PACKED_PAIRS * BLOCK];
  } packed;
  struct {
    real kept[EXPONENTIALS], copies[COPIES][SPAN];
  } line;
} class_room;

ALWAYS_INLINE void class_lane_block(const rows_call *c, const class_options *o, row_block *b,
                                    class_room *room, const class_step *step, int form,
                                    kernel *rare, partial *result) {
  class_lanes l = {.call = c, .options = o, .rows = b, .origin = c->logits + b->offset[0]};
  if (c->target) l.target_origin = c->target + b->offset[0];
  int packs = c->inner < BLOCK;
  if (packs)
    lanes_pack(&l, room->packed.input, room->packed.target);
  else
    lanes_direct(&l);
  if (UNLIKELY(!class_lane_rows(&l, step, form))) {
    class_rest rest = {&l, NULL, c, 0};
    if (packs) lanes_pack(&l, room->packed.input, room->packed.target);
    rare(&rest, 0, 0, result);
  }
  result->degenerate += l.degenerate;
  if (packs && c->grad) unpack_rows(c, b, room->packed.input);
}

/* Finds the largest logits; returns whether they are finite. */
static int line_find_tops(class_line *l, int logits, int taught) {
  real input = 0, target = 0;
  if (logits) input = row_largest(l->input, l->classes, l->inner);
  if (taught) target = row_largest(l->target, l->classes, l->inner);
  l->top = (class_tops){vset1(input), vset1(target)};
  l->input_fill = logits ? -real_infinity : 0;
  l->target_fill = taught ? -real_infinity : 0;
  return input < real_infinity && target < real_infinity;
}

/* Whether the row can be done again: not in place, where the input goes as what is kept comes. */
static int line_last(const class_line *l) { return l->kept && l->kept == l->input; }

/* Whether probabilities are in [0, 1]. */
static int line_is_unit(const class_line *l, const real *from) {
  real buffer[SPAN];
  class_range range = class_range_empty();
  for (size_t begin = 0; begin < l->classes; begin += SPAN) {
    size_t count = smaller(l->classes - begin, SPAN);
    const real *p = row_chunk(from, l->inner, begin, count, buffer);
    for (size_t i = 0; i < count; i += LANES)
      class_range_add(&range, vload_part(p + i, lanes_left(count, i)));
  }
  return class_is_unit(range);
}

/* Row k of a block. */
static class_line line_open(const rows_call *c, const class_options *o, const row_block *b,
                            size_t k, class_room *room) {
  size_t at = b->offset[k];
  class_line l = {.options = o,
                  .input = c->logits + at,
                  .weight = c->class_weight,
                  .copies = room->line.copies,
                  .classes = c->classes,
                  .inner = c->inner};
  if (c->target) l.target = c->target + at;
  if (!c->grad || b->upstream[k] == 0) return l;
  l.grad = c->grad + at;
  l.streamed = l.inner == 1 && may_stream(&c->job->base, l.grad);
  if (l.inner == 1 && !l.streamed) l.kept = l.grad;
  if (l.streamed && l.classes <= EXPONENTIALS) l.kept = room->line.kept;
  return l;
}

/* Returns whether it is done. */
ALWAYS_INLINE int class_line_row(class_line *l, vec upstream, const class_step *step, int other,
                                 int form) {
  const real *probabilities = step->probabilities == PROBABLE_INPUT ? l->input : l->target;
  if (!line_find_tops(l, step->logits, step->target && (other & TAUGHT))) return 0;
  if (class_has_range(step, other) && line_last(l) && !line_is_unit(l, probabilities)) return 0;
  return other ? line_run(l, step, upstream, form) : line_run(l, step, upstream, 0);
}

ALWAYS_INLINE void class_long_row(const rows_call *c, row_block *b, size_t k, class_line *l,
                                  const class_step *step, int form, kernel *rare, partial *result) {
  class_rest rest = {NULL, l, c, b->upstream[k]};
  if (UNLIKELY(!class_line_row(l, vset1(b->upstream[k]), step, class_form(c) & form, form)))
    rare(&rest, 0, 0, result);
  vstore_part(&b->half_loss[k], l->row.half_loss, 1);
  result->degenerate += l->degenerate != 0;
}

ALWAYS_INLINE void class_long_rows(const rows_call *c, const class_options *o, row_block *b,
                                   class_room *room, const class_step *step, int form, kernel *rare,
                                   partial *result) {
  for (size_t k = 0; k < b->count; k++) {
    class_line l = line_open(c, o, b, k, room);
    if (b->active[k] != 0) class_long_row(c, b, k, &l, step, form, rare, result);
    if (c->grad && !l.grad) row_zero(c, b, k);
  }
}

ALWAYS_INLINE void class_block(const rows_call *c, const class_options *o, row_block *b,
                               const class_step *step, int form, kernel *rare, partial *result) {
  class_room room;
  if (c->inner < BLOCK && c->classes > (c->inner == 1 ? FEW_CLASSES : PACKED_PAIRS))
    class_long_rows(c, o, b, &room, step, form, rare, result);
  else
    class_lane_block(c, o, b, &room, step, form, rare, result);
}

/* `form` is what the family has beside the plain form: WEIGHED, TAUGHT or 0. */
ALWAYS_INLINE void class_rows(const void *work, size_t begin, size_t end, partial *result,
                              const class_step *step, int form, kernel *rare) {
  const rows_job *j = work;
  rows_call c = rows_begin(j);
  class_options o = class_options_of(&c);
  totals t = totals_zero();
  row_block b;
  for (size_t i = begin, count; i < end; i += count) {
    count = smaller(end - i, BLOCK);
    if (c.inner >= BLOCK) count = smaller(count, c.inner - i % c.inner);
    rows_open(&c, i, count, &b);
    class_block(&c, &o, &b, step, form, rare, result);
    rows_close(&c, &b, &t);
  }
  if (j->base.stream) vstream_end();
  compensated halves = totals_sum(&t);
  result->sums[0] = (compensated){2 * halves.value, 2 * halves.error};
}

#endif
