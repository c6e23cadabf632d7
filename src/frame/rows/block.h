/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of rows: where they stand, what a caller wants of them, and where their results go. A
 * row's classes stand `inner` apart. */
#ifndef VLOSS_ROW_BLOCK_H
#define VLOSS_ROW_BLOCK_H

#include "frame/reduce.h"
#include "labels.h"

enum {
  UNROLLED = 8,        /* rows of an inner loop: gcc unrolls those of constant length */
  ROOM = BLOCK + LANES /* a vector may begin at any row */
};

/* A job in the dtype. */
typedef struct rows_call {
  const rows_job *job;
  const real *input, *target, *class_weight;
  real *grad;
  size_t classes, inner;
  real unsmoothed, share; /* 1 - smoothing, smoothing / classes */
  real gamma;
  int in_place, streamed; /* the gradient */
} rows_call;

/* Rows [begin, begin + count) as arrays. The first `first` of them are there to fill a vector: they
 * are computed once more. Numbers behind the last row are there, but mean nothing. */
typedef struct row_block {
  size_t begin, first, count;
  size_t offset[BLOCK];               /* of class 0 */
  size_t label[BLOCK];                /* 0 where not active */
  size_t own[BLOCK];                  /* where the label's class stands */
  real active[BLOCK];                 /* 1, or 0 for rows that are ignored or have weight 0 */
  int all_graded;                     /* all have a gradient */
  uint32_t outside;                   /* bits of rows with a probability outside of [0, 1] */
  real weight[BLOCK], upstream[ROOM]; /* a row with an upstream gradient of 0 has none */
  real label_value[ROOM], label_weight[ROOM];
  /* what finish() makes of a row */
  real half_loss[ROOM], slope[ROOM], pull[ROOM], mean[ROOM], result[ROOM];
} row_block;

static inline rows_call rows_begin(const rows_job *j) {
  const job *base = &j->base;
  int in_place = base->grad == base->input;
  return (rows_call){j,
                     reals(base->input, 0),
                     reals(j->target, 0),
                     reals(j->class_weight, 0),
                     reals_out(base->grad, 0),
                     j->classes,
                     j->inner,
                     (real)(1 - j->smoothing), /* in the dtype it would lose digits */
                     (real)j->smoothing / (real)j->classes,
                     real_clamp(j->gamma),
                     in_place,
                     base->grad && base->stream && !in_place && j->inner == 1};
}

/* e^(z - largest); `infinite` where the largest may be +inf: those classes share p = 1 */
ALWAYS_INLINE vec exponential(vec z, vec largest, int infinite) {
  vec d = vsub(z, largest);
  if (infinite) d = vselect(veq(z, largest), vset1(0), d);
  return vexp(d);
}

/* (a - b) / 2, 0 for equal infinities */
static inline vec half_difference(vec a, vec b) {
  vec half = vset1((real)0.5);
  return vselect(veq(a, b), vset1(0), vsub(vmul(half, a), vmul(half, b)));
}

/* ln(sum) / 2 of exponentials, of which the largest is 1; 0 for a row of -inf only */
static inline vec half_log_sum(vec sum) {
  return vmul(vset1((real)0.5), vselect(veq(sum, vset1(0)), vset1(0), vlog_normal(sum)));
}

static const real masked_class = -1; /* kept in place of the exponential of a masked class */

/* Where class 0 of each row stands. */
static inline void rows_place(const rows_call *c, row_block *b) {
  size_t stride = c->classes * c->inner;
  if (c->inner == 1) {
    size_t offset = b->begin * stride;
    for (size_t k = 0; k < BLOCK; k++, offset += stride) b->offset[k] = offset;
    return;
  }
  size_t position = b->begin % c->inner, image = b->begin / c->inner;
  for (size_t k = 0; k < b->count; k++) {
    b->offset[k] = image * stride + position;
    if (++position == c->inner) position = 0, image++;
  }
}

/* Labels, and whether they count. */
static inline void rows_label(const rows_call *c, row_block *b) {
  const rows_job *j = c->job;
  for (size_t k = 0; k < b->count; k++) {
    int64_t label = label_at(j->labels, b->begin + k);
    size_t counts = label != j->ignore_index && b->active[k] != 0;
    b->active[k] = (real)counts;
    b->label[k] = counts ? (size_t)label : 0;
    b->upstream[k] = counts ? b->upstream[k] : 0;
  }
}

/* What labels pick. */
ALWAYS_INLINE void rows_pick(const rows_call *c, size_t first, size_t count, row_block *b) {
  for (size_t k = first; k < first + count; k++) {
    b->own[k] = b->offset[k] + b->label[k] * c->inner;
    b->label_value[k] = c->input[b->own[k]];
  }
}

static inline void rows_pick_all(const rows_call *c, row_block *b) {
  for (size_t k = 0; k < BLOCK; k++) b->label_weight[k] = 1;
  for (size_t k = b->count; k < BLOCK; k++) b->label_value[k] = 0;
  if (b->count == BLOCK)
    for (size_t k = 0; k < BLOCK; k += UNROLLED) rows_pick(c, k, UNROLLED, b);
  else
    rows_pick(c, 0, b->count, b);
  for (size_t k = 0; c->class_weight && k < b->count; k++)
    b->label_weight[k] = c->class_weight[b->label[k]];
}

/* The places of rows, their weights, their labels if there are, and whether they count: all but
 * those without weight. */
OUT_OF_LINE void rows_open(const rows_call *c, size_t begin, size_t first, size_t count, int labels,
                           row_block *b) {
  b->begin = begin;
  b->first = first;
  b->count = count;
  b->outside = 0;
  for (size_t k = 0; k < BLOCK; k += LANES) {
    sample_factors f = {vset1(0), vset1(0)};
    if (k < count) f = load_factors(&c->job->base, begin + k, lanes_left(count, k));
    vec active = vselect(veq(f.weight, vset1(0)), vset1(0), vset1(1));
    vstore(b->active + k, first_lanes(active, lanes_left(count, k)));
    vstore(b->weight + k, f.weight);
    vstore(b->upstream + k, f.upstream);
  }
  rows_place(c, b);
  if (labels) rows_label(c, b);
  b->all_graded = 1;
  for (size_t k = 0; k < count; k++) b->all_graded &= b->upstream[k] != 0;
  if (labels) rows_pick_all(c, b);
}

/* Which rows of [at, at + LANES) hold a probability outside of [0, 1]. */
static inline void rows_note_outside(row_block *b, size_t at, unsigned bits) {
  b->outside |= (uint32_t)bits << at;
}

/* The losses of a block go where they belong: halves to the totals. */
OUT_OF_LINE void rows_close(const rows_call *c, row_block *b, totals *t, partial *result) {
  const job *base = &c->job->base;
  size_t first = b->first, count = b->count - first;
  for (uint32_t bits = b->outside; bits; bits &= bits - 1) {
    size_t k = (size_t)__builtin_ctz(bits);
    result->degenerate += k >= first && k < b->count && b->active[k] != 0;
  }
  for (size_t k = first; k < b->count; k++) {
    real loss = b->weight[k] * b->half_loss[k];
    b->half_loss[k] = b->active[k] != 0 ? loss : 0;
  }
  if (base->loss) {
    real factor = real_clamp(base->loss_factor);
    real *out = reals_out(base->loss, b->begin);
    for (size_t k = first; k < b->count; k++) out[k] = 2 * (b->half_loss[k] * factor);
  }
  if (base->want_loss) totals_add_values(t, b->half_loss + first, count);
}

/* The gradient of a row's own class, which the loops over classes leave out. */
static inline void rows_mend_label(const row_block *b, size_t k, real *grad) {
  if (b->upstream[k] == 0) return;
  real value = *grad;
  if (b->label_value[k] == -real_infinity) /* the loops took it for a mask */
    value = value * 0 - b->pull[k] * b->label_weight[k];
  *grad = value - b->result[k];
}

/* Numbers that stand `stride` apart, and `fill` behind them until there are `padded`; and back, or
 * zeros. Out of line: compilers would give a stride of 1 a loop of its own, in many places. */
OUT_OF_LINE void gather(const real *from, size_t stride, size_t count, real *to, size_t padded,
                        real fill) {
  for (size_t k = 0; k < count; k++) to[k] = from[k * stride];
  for (size_t k = count; k < padded; k++) to[k] = fill;
}

OUT_OF_LINE void scatter(const real *from, size_t stride, size_t count, real *to) {
  for (size_t k = 0; k < count; k++) to[k * stride] = from ? from[k] : 0;
}

/* Writes numbers around the caches: whole lines, since parts of one cost a read of it. */
static inline void stream_out(real *to, const real *from, size_t count) {
  size_t i = 0;
  for (; i < count && (uintptr_t)(to + i) % LINE; i++) to[i] = from[i];
  for (; i + LINE / sizeof(real) <= count; i += LINE / sizeof(real))
    for (size_t k = 0; k < LINE / sizeof(real); k += LANES)
      vstream(to + i + k, vload(from + i + k));
  for (; i < count; i++) to[i] = from[i];
}

#endif
