/* SPDX-License-Identifier: Apache-2.0 */
/* Rows one by one, classes in lanes, for steps that see every class. */
#ifndef VLOSS_CLASS_LONG_H
#define VLOSS_CLASS_LONG_H

#include "frame/class_rows.h"

enum { COPIES = 5 };

/* A row on its way. */
typedef struct class_line {
  const class_options *options;
  const real *input, *target, *weight; /* those but the input may be NULL */
  real *grad;                          /* or NULL */
  real *kept;                          /* what keep() returned, or NULL; contiguous rows only */
  real (*copies)[SPAN];                /* COPIES of them */
  real input_fill, target_fill;        /* of classes that are not there: they add nothing */
  size_t classes, inner;
  int streamed;
  class_tops top;
  class_row row;
  int degenerate;
} class_line;

/* Classes of a row, whole blocks: where they stand, or copies. */
typedef struct class_piece {
  const real *input, *target, *weight;
  real *kept, *out;
  size_t begin, count;
  int copied;
} class_piece;

static void piece_copy(const real *from, const class_line *l, const class_piece *p, real fill,
                       real *to) {
  for (size_t k = 0; k < p->count; k++) to[k] = from[(p->begin + k) * l->inner];
  for (size_t k = p->count; k % BLOCK; k++) to[k] = fill;
}

/* The piece that begins at a class. */
static void piece_open(const class_line *l, size_t begin, class_piece *p) {
  size_t left = l->classes - begin;
  p->begin = begin;
  p->copied = l->inner != 1 || left < BLOCK;
  p->count = smaller(p->copied ? left : left / BLOCK * BLOCK, SPAN);
  if (!p->copied) {
    p->input = l->input + begin;
    p->target = l->target ? l->target + begin : NULL;
    p->weight = l->weight ? l->weight + begin : NULL;
    p->kept = l->kept ? l->kept + begin : l->copies[3];
    p->out = l->grad ? l->grad + begin : NULL;
    return;
  }
  p->input = l->copies[0];
  p->target = l->copies[1];
  p->weight = l->weight ? l->copies[2] : NULL;
  p->kept = l->copies[3];
  p->out = l->copies[4];
  piece_copy(l->input, l, p, l->input_fill, l->copies[0]);
  if (l->target) piece_copy(l->target, l, p, l->target_fill, l->copies[1]);
  if (l->kept) piece_copy(l->kept, l, p, 0, l->copies[3]);
  for (size_t k = 0; l->weight && k < p->count; k++) l->copies[2][k] = l->weight[begin + k];
  for (size_t k = p->count; k % BLOCK; k++) l->copies[2][k] = 1;
}

/* What was kept, or the gradient, goes where it belongs. */
static void piece_close_kept(const class_line *l, const class_piece *p) {
  for (size_t k = 0; p->copied && l->kept && k < p->count; k++) l->kept[p->begin + k] = p->kept[k];
}

static void piece_close(const class_line *l, const class_piece *p) {
  for (size_t k = 0; p->copied && k < p->count; k++) l->grad[(p->begin + k) * l->inner] = p->out[k];
}

ALWAYS_INLINE class_values piece_class(const class_piece *p, const class_step *step, size_t i,
                                       int what) {
  class_values x = {vset1(0), vset1(0), vset1(1)};
  if (!(what & KEPT)) x.input = vload(p->input + i);
  if (step->target) x.target = vload(p->target + i);
  if ((what & WEIGHED) && p->weight) x.weight = vload(p->weight + i);
  return x;
}

/* What keep() makes of classes, or has made of them. */
ALWAYS_INLINE vec piece_kept(const class_line *l, const class_step *step, const class_piece *p,
                             class_tops top, class_values x, size_t i, int what) {
  if (what & KEPT) return vload(p->kept + i);
  return step->keep(x, top, l->options, what);
}

/* Sums over the row; keeps what the gradient needs. `more`: those that need a first round. */
ALWAYS_INLINE void line_sums(const class_line *l, const class_step *step, totals *sums,
                             class_range *range, int more, int what) {
  class_piece p;
  class_add *add = more ? step->add_more : step->add;
  int count = more ? step->more_sums : step->sums;
  int fetches = !more && row_fits(l->classes, l->inner); /* the next row */
  size_t row = l->classes * sizeof(real);
  const class_tops top = l->top; /* the compiler fears that stores reach the one in memory */
  lanes part[SUMS];
  for (int k = 0; k < count; k++) part[k] = lanes_zero(), sums[k] = totals_zero();
  for (size_t begin = 0; begin < l->classes; begin += p.count) {
    piece_open(l, begin, &p);
    if (fetches) prefetch(l->input + begin, p.count, row);
    if (fetches && step->target) prefetch(l->target + begin, p.count, row);
    for (size_t j = 0; j < VECS; j++) {
      vec sum[SUMS];
      class_range found = more ? class_range_empty() : *range;
      for (int k = 0; k < count; k++) sum[k] = part[k].lane[j];
      for (size_t i = j * LANES; i < p.count; i += BLOCK) {
        class_values x = piece_class(&p, step, i, what);
        if (!more && class_has_range(step, what)) class_range_note(step, &found, x);
        x = class_repaired(step, x, what);
        vec kept = piece_kept(l, step, &p, top, x, i, what);
        class_terms t = add(kept, x, top, &l->row, l->options, what);
        for (int k = 0; k < count; k++) sum[k] = vadd(sum[k], t.term[k]);
        if (!more) vstore(p.kept + i, kept);
      }
      for (int k = 0; k < count; k++) part[k].lane[j] = sum[k];
      if (!more) *range = found;
    }
    if (!more) piece_close_kept(l, &p);
    if (p.count != SPAN && begin + p.count != l->classes) continue;
    for (int k = 0; k < count; k++) {
      totals_add_any_lanes(&sums[k], part[k]);
      part[k] = lanes_zero();
    }
  }
}

/* The gradient of the row, written once. */
ALWAYS_INLINE void line_gradient(const class_line *l, const class_step *step, int what) {
  class_piece p;
  for (size_t begin = 0; begin < l->classes; begin += p.count) {
    piece_open(l, begin, &p);
    int streamed = l->streamed && !p.copied;
    for (size_t i = 0; i < p.count; i += BLOCK) {
      vec grad[VECS];
      for (size_t j = 0; j < VECS; j++) {
        class_values x = class_repaired(step, piece_class(&p, step, i + j * LANES, what), what);
        vec kept = piece_kept(l, step, &p, l->top, x, i + j * LANES, what);
        grad[j] = step->gradient(kept, x, l->top, &l->row, l->options, what);
      }
      if (streamed)
        for (size_t j = 0; j < VECS; j++) vstream(p.out + i + j * LANES, grad[j]);
      else
        for (size_t j = 0; j < VECS; j++) vstore(p.out + i + j * LANES, grad[j]);
    }
    piece_close(l, &p);
  }
}

ALWAYS_INLINE void line_finish_more(class_line *l, const class_step *step, vec upstream, int what) {
  totals sums[SUMS];
  vec s[SUMS];
  if (l->kept)
    line_sums(l, step, sums, NULL, 1, what | KEPT);
  else
    line_sums(l, step, sums, NULL, 1, what);
  for (int k = 0; k < step->more_sums; k++) s[k] = vset1_sum(totals_sum(&sums[k]));
  l->row = step->finish_more(s, &l->row, l->options, upstream, what);
}

/* Returns whether that is all: the row may have to be done again. */
ALWAYS_INLINE int line_run(class_line *l, const class_step *step, vec upstream, int what) {
  totals sums[SUMS];
  class_range range = class_range_empty();
  vec s[SUMS];
  line_sums(l, step, sums, &range, 0, what);
  if (!(what & INFINITE) && class_has_range(step, what) && UNLIKELY(!class_is_unit(range)))
    return 0;
  for (int k = 0; k < step->sums; k++) s[k] = vset1_sum(totals_sum(&sums[k]));
  if ((what & INFINITE) && class_has_range(step, what))
    l->degenerate = vbits(class_outside(range)) != 0;
  if (l->degenerate) s[0] = vset1((real)NAN);
  l->row = step->finish(s, NULL, l->options, upstream, what);
  if (step->add_more) line_finish_more(l, step, upstream, what);
  if (l->grad && l->kept)
    line_gradient(l, step, what | KEPT);
  else if (l->grad)
    line_gradient(l, step, what);
  return 1;
}

#endif
