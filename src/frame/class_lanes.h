/* SPDX-License-Identifier: Apache-2.0 */
/* A block of rows at once, rows in lanes, for steps that see every class. */
#ifndef VLOSS_CLASS_LANES_H
#define VLOSS_CLASS_LANES_H

#include "frame/class_rows.h"

enum { PACKED_PAIRS = 96 }; /* classes of packed input and target: 24 KiB of stack */

/* A block on its way: class k of its rows stands at k * stride. */
typedef struct class_lanes {
  const rows_call *call;
  const class_options *options;
  row_block *rows;
  const real *input, *target;
  real *grad; /* or NULL */
  size_t stride, count;
  const real *origin, *target_origin;
  size_t ahead; /* bytes from there to about where the next block begins */
  lanes top_input, top_target;
  class_row row[VECS];
  size_t degenerate;
} class_lanes;

/* What the rare path is told: a block, or a row and its upstream gradient. */
typedef struct class_rest {
  class_lanes *lanes;
  struct class_line *line;
  const rows_call *call;
  real upstream;
} class_rest;

/* One class of BLOCK rows: where it stands, or a copy with zeros behind the last row. */
static inline const real *lane_place(const class_lanes *l, const real *from, real *copy) {
  size_t count = l->count;
  if (count == BLOCK) return from;
  for (size_t i = 0; i < BLOCK; i++) copy[i] = 0;
  for (size_t i = 0; i < count; i++) copy[i] = from[i];
  return copy;
}

/* The other way: results of BLOCK rows, unless they are where they belong. */
static inline void lane_put(const class_lanes *l, const real *from, real *to) {
  for (size_t i = 0; from != to && i < l->count; i++) to[i] = from[i];
}

/* A class: its numbers, and room for what becomes of them. */
typedef struct class_place {
  const real *input, *target, *kept;
  real *out, *to; /* out is copied to `to` */
  real weight;
  real copies[4][BLOCK];
} class_place;

ALWAYS_INLINE void lane_open(const class_lanes *l, const class_step *step, size_t k, class_place *p,
                             int what) {
  size_t at = k * l->stride;
  const real *weight = l->call->class_weight;
  p->to = p->out = p->copies[3];
  if (l->grad) p->to = l->grad + at;
  if (l->grad && l->count == BLOCK) p->out = p->to;
  if (what & KEPT)
    p->kept = lane_place(l, l->grad + at, p->copies[2]);
  else
    p->input = lane_place(l, l->input + at, p->copies[0]);
  if (step->target) p->target = lane_place(l, l->target + at, p->copies[1]);
  p->weight = (what & WEIGHED) && weight ? weight[k] : 1;
}

ALWAYS_INLINE class_values lane_class(const class_place *p, const class_step *step, size_t j,
                                      int what) {
  class_values x = {vset1(0), vset1(0), vset1(p->weight)};
  if (!(what & KEPT)) x.input = vload(p->input + j * LANES);
  if (step->target) x.target = vload(p->target + j * LANES);
  return x;
}

ALWAYS_INLINE class_tops lane_tops(const class_lanes *l, size_t j) {
  return (class_tops){l->top_input.lane[j], l->top_target.lane[j]};
}

/* What keep() makes of a class, or has made of it. */
ALWAYS_INLINE vec lane_kept(const class_lanes *l, const class_step *step, const class_place *p,
                            class_values x, size_t j, int what) {
  if (what & KEPT) return vload(p->kept + j * LANES);
  return step->keep(x, lane_tops(l, j), l->options, what);
}

/* Sums over the classes; keeps what the gradient needs. `more`: those that need a first round. */
ALWAYS_INLINE void lane_class_sums(const class_lanes *l, const class_step *step, lane_sum *sums,
                                   class_range *range, int more, int what) {
  class_place p;
  class_add *add = more ? step->add_more : step->add;
  int count = more ? step->more_sums : step->sums;
  for (int i = 0; i < count; i++) sums[i] = lane_sum_zero();
  for (size_t k = 0; k < l->call->classes; k++) {
    lane_open(l, step, k, &p, what);
    size_t ahead = l->ahead + k * l->stride * sizeof(real);
    if (!more) prefetch(l->origin, BLOCK, ahead);
    if (!more && step->target) prefetch(l->target_origin, BLOCK, ahead);
    for (size_t j = 0; j < VECS; j++) {
      class_values x = lane_class(&p, step, j, what);
      if (!more && class_has_range(step, what)) class_range_note(step, &range[j], x);
      x = class_repaired(step, x, what);
      vec kept = lane_kept(l, step, &p, x, j, what);
      class_terms t = add(kept, x, lane_tops(l, j), &l->row[j], l->options, what);
      for (int i = 0; i < count; i++) sums[i].part.lane[j] = vadd(sums[i].part.lane[j], t.term[i]);
      if (!more) vstore(p.out + j * LANES, kept);
    }
    if (!more && l->grad) lane_put(l, p.out, p.to);
    if (k % PART == PART - 1 || k + 1 == l->call->classes)
      for (int i = 0; i < count; i++) lane_sum_flush(&sums[i]);
  }
}

/* Rows with what is no probability. */
static size_t lane_count_outside(const row_block *rows, mask outside, size_t j) {
  size_t count = 0;
  unsigned bits = vbits(outside);
  for (size_t i = 0; bits >> i; i++) count += (bits >> i & 1) && rows->active[j * LANES + i] != 0;
  return count;
}

ALWAYS_INLINE void lane_class_finish(class_lanes *l, const class_step *step, const lane_sum *sums,
                                     const class_range *range, int what) {
  for (size_t j = 0; j < VECS; j++) {
    vec s[SUMS];
    for (int i = 0; i < step->sums; i++) s[i] = lane_sum_value(&sums[i], (int)j);
    if ((what & INFINITE) && class_has_range(step, what)) {
      mask outside = class_outside(range[j]);
      s[0] = vselect(outside, vset1((real)NAN), s[0]);
      if (UNLIKELY(vbits(outside))) l->degenerate += lane_count_outside(l->rows, outside, j);
    }
    l->row[j] = step->finish(s, NULL, l->options, vload(l->rows->upstream + j * LANES), what);
  }
}

ALWAYS_INLINE void lane_finish_more(class_lanes *l, const class_step *step, int what) {
  lane_sum sums[SUMS];
  if (l->grad)
    lane_class_sums(l, step, sums, NULL, 1, what | KEPT);
  else
    lane_class_sums(l, step, sums, NULL, 1, what);
  for (size_t j = 0; j < VECS; j++) {
    vec s[SUMS], upstream = vload(l->rows->upstream + j * LANES);
    for (int i = 0; i < step->more_sums; i++) s[i] = lane_sum_value(&sums[i], (int)j);
    l->row[j] = step->finish_more(s, &l->row[j], l->options, upstream, what);
  }
}

/* From what was kept to gradients. */
ALWAYS_INLINE void lane_class_gradient(const class_lanes *l, const class_step *step, int what) {
  class_place p;
  for (size_t k = 0; k < l->call->classes; k++) {
    lane_open(l, step, k, &p, what);
    for (size_t j = 0; j < VECS; j++) {
      class_values x = class_repaired(step, lane_class(&p, step, j, what), what);
      vec kept = vload(p.kept + j * LANES);
      vec grad = step->gradient(kept, x, lane_tops(l, j), &l->row[j], l->options, what);
      vstore(p.out + j * LANES, grad);
    }
    lane_put(l, p.out, p.to);
  }
  for (size_t i = 0; i < l->rows->count; i++)
    for (size_t k = 0; l->rows->upstream[i] == 0 && k < l->call->classes; k++)
      l->grad[k * l->stride + i] = 0;
}

/* Returns whether that is all: rows may have to be done again. */
ALWAYS_INLINE int class_lane_run(class_lanes *l, const class_step *step, int what) {
  lane_sum sums[SUMS];
  class_range range[VECS];
  int unit = 1;
  for (size_t j = 0; j < VECS; j++) range[j] = class_range_empty();
  lane_class_sums(l, step, sums, range, 0, what);
  for (size_t j = 0; j < VECS; j++) unit &= class_is_unit(range[j]);
  if (!(what & INFINITE) && class_has_range(step, what) && UNLIKELY(!unit)) return 0;
  lane_class_finish(l, step, sums, range, what);
  if (step->add_more) lane_finish_more(l, step, what);
  for (size_t j = 0; j < VECS; j++) vstore(l->rows->half_loss + j * LANES, l->row[j].half_loss);
  if (l->grad) lane_class_gradient(l, step, what | KEPT);
  return 1;
}

static lanes lanes_tops(const class_lanes *l, const real *from) {
  lane_block b = {.logits = from, .stride = l->stride, .count = l->count};
  return tops_of_rows(l->call, &b);
}

/* Whether the rows can be done again: not in place, where the input goes as what is kept comes. */
static int lanes_last(const class_lanes *l) { return l->grad && l->grad == l->origin; }

/* Whether probabilities are in [0, 1]. */
static int lanes_are_unit(const class_lanes *l, const real *from) {
  lane_block b = {.count = l->count};
  class_range range = class_range_empty();
  for (size_t k = 0; k < l->call->classes; k++, from += l->stride)
    for (size_t j = 0; j < VECS; j++)
      class_range_add(&range, lane_load(from, &b, j, l->count == BLOCK ? WHOLE : 0));
  return class_is_unit(range);
}

/* `form` is the form beside the plain one that the family has, 0 for none. Returns whether the rows
 * are done: else, their input being there, the rare path must do them. */
ALWAYS_INLINE int class_lane_rows(class_lanes *l, const class_step *step, int form) {
  int other = class_form(l->call) & form;
  const real *probabilities = step->probabilities == PROBABLE_INPUT ? l->input : l->target;
  l->degenerate = 0;
  l->top_input = l->top_target = lanes_zero();
  if (step->logits) l->top_input = lanes_tops(l, l->input);
  if (step->target && (other & TAUGHT)) l->top_target = lanes_tops(l, l->target);
  if (!lanes_are_finite(l->top_input) || !lanes_are_finite(l->top_target)) return 0;
  if (class_has_range(step, other) && lanes_last(l) && !lanes_are_unit(l, probabilities)) return 0;
  return other ? class_lane_run(l, step, form) : class_lane_run(l, step, 0);
}

/* Packs a block whose rows do not lie in lanes: zeros behind the last row. */
static void lanes_pack(class_lanes *l, real *packed, real *targets) {
  const rows_call *c = l->call;
  pack_rows(c, c->logits, l->rows, packed);
  if (c->target) pack_rows(c, c->target, l->rows, targets);
  l->input = packed;
  l->target = targets;
  l->grad = c->grad ? packed : NULL;
  l->stride = l->count = BLOCK;
  l->ahead = c->classes * BLOCK * sizeof(real);
}

/* A block whose rows lie side by side. */
static void lanes_direct(class_lanes *l) {
  const rows_call *c = l->call;
  l->input = l->origin;
  l->target = l->target_origin;
  l->grad = c->grad ? c->grad + l->rows->offset[0] : NULL;
  l->stride = c->inner;
  l->count = l->rows->count;
  l->ahead = BLOCK * sizeof(real);
}

#endif
