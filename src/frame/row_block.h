/* SPDX-License-Identifier: Apache-2.0 */
/* The loops over rows of logits. A row's classes stand `inner` apart. Long contiguous rows put
 * classes in lanes (long_rows.h); everything else puts rows in lanes (lane_rows.h), through a
 * packed copy where they do not lie that way: few classes would waste most of a register. */
#ifndef VLOSS_ROW_BLOCK_H
#define VLOSS_ROW_BLOCK_H

#include "frame/reduce.h"
#include "labels.h"

enum {
  FEW_CLASSES = 64, /* contiguous rows of more fill registers by themselves */
  UNROLLED = 8      /* rows of an inner loop: gcc unrolls those of constant length */
};

/* What a softmax leaves of its rows: one row per lane. */
typedef struct row_sums {
  vec largest; /* logit, at least the lowest finite number */
  vec sum;     /* of e^(z - largest) */
  /* with smoothing, over the classes that are not masked: */
  vec shares;     /* sum of share w_c, share = smoothing / classes */
  vec half_drops; /* sum of share w_c (largest - z_c) / 2 */
} row_sums;

/* What a row's label picks out. */
typedef struct row_target {
  vec logit, class_weight;
} row_target;

/* The result of a step: half the loss, which may exceed the type before its weight, and the
 * gradient of class k as e^(z_k - largest) slope - share w_k - [k = y] target. */
typedef struct row_loss {
  vec half_loss, slope, share, target;
} row_loss;

/* What all rows of a call share. */
typedef struct row_options {
  vec unsmoothed, share; /* 1 - smoothing, smoothing / classes */
  vec gamma;
} row_options;

/* upstream is per row */
typedef row_loss rows_step(row_sums s, row_target t, row_options o, vec upstream);

/* A block of rows, as arrays; BLOCK of each, rows behind count are not active. */
typedef struct row_block {
  size_t begin, count;
  size_t offset[BLOCK]; /* of class 0 */
  size_t label[BLOCK];  /* 0 where not active, none behind count */
  size_t own[BLOCK];    /* where the label's class stands, if there are labels; none behind count */
  real active[BLOCK];   /* 1, or 0 for rows that are ignored or have weight 0 */
  real weight[BLOCK], upstream[BLOCK]; /* a row with an upstream gradient of 0 has none */
  int all_active;                      /* all have a gradient, and there are BLOCK of them */
  real target_logit[BLOCK], target_weight[BLOCK];
  real half_loss[BLOCK], share[BLOCK], target[BLOCK]; /* a step's results */
} row_block;

/* A job in the dtype. */
typedef struct rows_call {
  const rows_job *job;
  const real *logits, *target, *class_weight;
  real *grad;
  size_t classes, inner;
  real unsmoothed, share; /* 1 - smoothing, smoothing / classes */
  real gamma;
} rows_call;

static inline rows_call rows_begin(const rows_job *j) {
  return (rows_call){j,
                     reals(j->base.input, 0),
                     reals(j->target, 0),
                     reals(j->class_weight, 0),
                     reals_out(j->base.grad, 0),
                     j->classes,
                     j->inner,
                     (real)(1 - j->smoothing), /* in the dtype it would lose digits */
                     (real)j->smoothing / (real)j->classes,
                     real_clamp(j->gamma)};
}

static inline row_options rows_options(const rows_call *c) {
  return (row_options){vset1(c->unsmoothed), vset1(c->share), vset1(c->gamma)};
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

/* The places of rows, their weights, and whether they count: all but those without weight. */
static inline void rows_open(const rows_call *c, size_t begin, size_t count, row_block *b) {
  b->begin = begin;
  b->count = count;
  for (size_t k = 0; k < BLOCK; k += LANES) {
    sample_factors f = {vset1(0), vset1(0)};
    if (k < count) f = load_factors(&c->job->base, begin + k, lanes_left(count, k));
    vec active = vselect(veq(f.weight, vset1(0)), vset1(0), vset1(1));
    vstore(b->active + k, first_lanes(active, lanes_left(count, k)));
    vstore(b->weight + k, f.weight);
    vstore(b->upstream + k, f.upstream);
  }
  rows_place(c, b);
}

/* Labels, and whether they count. */
static inline void rows_label(const rows_call *c, row_block *b) {
  const rows_job *j = c->job;
  size_t active = 0;
  for (size_t k = 0; k < b->count; k++) {
    int64_t label = label_at(j->labels, b->begin + k);
    size_t counts = label != j->ignore_index && b->active[k] != 0;
    b->active[k] = (real)counts;
    b->label[k] = counts ? (size_t)label : 0;
    if (!counts) b->upstream[k] = 0;
    active += b->upstream[k] != 0;
  }
  b->all_active = active == BLOCK;
}

/* The logits that labels pick. */
ALWAYS_INLINE void rows_pick(const rows_call *c, size_t first, size_t count, row_block *b) {
  for (size_t k = first; k < first + count; k++) {
    b->own[k] = b->offset[k] + b->label[k] * c->inner;
    b->target_logit[k] = c->logits[b->own[k]];
  }
}

/* Rows with labels. */
static inline void label_rows_open(const rows_call *c, size_t begin, size_t count, row_block *b) {
  rows_open(c, begin, count, b);
  for (size_t k = 0; k < BLOCK; k++) b->target_weight[k] = 1;
  for (size_t k = count; k < BLOCK; k++) b->target_logit[k] = 0;
  rows_label(c, b);
  if (count == BLOCK)
    for (size_t k = 0; k < BLOCK; k += UNROLLED) rows_pick(c, k, UNROLLED, b);
  else
    rows_pick(c, 0, count, b);
  for (size_t k = 0; c->class_weight && k < count; k++)
    b->target_weight[k] = c->class_weight[b->label[k]];
}

/* The losses of a block go where they belong: halves to the totals. */
static inline void rows_close(const rows_call *c, row_block *b, totals *t) {
  const job *base = &c->job->base;
  for (size_t k = 0; k < b->count; k++)
    b->half_loss[k] = b->active[k] != 0 ? b->weight[k] * b->half_loss[k] : 0;
  if (base->loss) {
    real factor = real_clamp(base->loss_factor);
    real *out = reals_out(base->loss, b->begin);
    for (size_t k = 0; k < b->count; k++) out[k] = 2 * (b->half_loss[k] * factor);
  }
  if (base->want_loss) totals_add_values(t, b->half_loss, b->count);
}

static inline void row_zero(const rows_call *c, const row_block *b, size_t k) {
  real *grad = c->grad + b->offset[k];
  for (size_t i = 0; i < c->classes; i++) grad[i * c->inner] = 0;
}

/* The gradient of a row's own class, which the loops over classes leave out. */
static inline void rows_mend_target(const row_block *b, size_t k, real *grad) {
  if (b->upstream[k] == 0) return;
  real value = *grad;
  if (b->target_logit[k] == -real_infinity) /* the loops took it for a mask */
    value = value * 0 - b->share[k] * b->target_weight[k];
  *grad = value - b->target[k];
}

#endif
