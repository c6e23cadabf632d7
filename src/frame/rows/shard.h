/* SPDX-License-Identifier: Apache-2.0 */
/* States of rows of which a call has a shard of the classes. Terms of 64 classes are added up in
 * the dtype, in one order, and go to a state as integers. */
#ifndef VLOSS_ROW_SHARD_H
#define VLOSS_ROW_SHARD_H

#include "frame/rows/step.h"
#include "softmax_state.h"
#include "state_job.h"

enum { STATE_BLOCK = 64 };

/* A shard of a row: class k stands at logits[k * inner]. */
typedef struct shard_row {
  const real *logits, *weights; /* NULL: all are 1 */
  size_t classes, inner;
} shard_row;

static inline shard_row shard_row_open(const state_job *j, size_t row) {
  size_t inner = j->rows.inner, image = row / inner;
  const real *weights = reals(j->rows.class_weight, j->first_class);
  return (shard_row){reals(j->rows.base.input, image * j->classes * inner + row % inner), weights,
                     j->classes, inner};
}

/* 64 of the logits or less, with -inf behind them: where they stand, or a copy. */
static inline const real *shard_logits(const shard_row *r, size_t first, size_t count, real *copy) {
  if (r->inner == 1 && count == STATE_BLOCK) return r->logits + first;
  gather(r->logits + first * r->inner, r->inner, count, copy, STATE_BLOCK, -real_infinity);
  return copy;
}

static inline const real *shard_weights(const shard_row *r, size_t first, size_t count,
                                        real *copy) {
  if (count == STATE_BLOCK) return r->weights + first;
  memcpy(copy, r->weights + first, count * sizeof *copy);
  for (size_t k = count; k < STATE_BLOCK; k++) copy[k] = 0;
  return copy;
}

static inline vloss_softmax_state *state_of(const state_job *j, size_t row) {
  return j->states + (row - j->first_row);
}

/* The largest logit, as the steps take it. */
static inline real state_top(const vloss_softmax_state *s) {
  return s->maximum < -(double)real_max ? -real_max : (real)s->maximum;
}

/* ---------------------------------------------------------------------------------------- tops */

typedef struct shard_tops {
  lanes high, low;
} shard_tops;

/* A NaN is neither; what is masked or has no weight is no smallest. */
ALWAYS_INLINE void tops_note(shard_tops *t, const real *logits, const real *weights) {
  vec infinity = vset1(real_infinity), zero = vset1(0);
  for (size_t k = 0; k < STATE_BLOCK; k += LANES) {
    size_t lane = k / LANES % VECS;
    vec z = vload(logits + k);
    mask out = veq(z, vneg(infinity));
    if (weights) out = vor(out, veq(vload(weights + k), zero));
    t->high.lane[lane] = vmax(z, t->high.lane[lane]);
    t->low.lane[lane] = vmin(vselect(out, infinity, z), t->low.lane[lane]);
  }
}

static void state_find_tops(const shard_row *r, vloss_softmax_state *s) {
  real logits[STATE_BLOCK], weights[STATE_BLOCK], high[BLOCK], low[BLOCK];
  shard_tops t;
  for (int j = 0; j < VECS; j++) {
    t.high.lane[j] = vset1(-real_infinity);
    t.low.lane[j] = vset1(real_infinity);
  }
  for (size_t i = 0, count; i < r->classes; i += count) {
    count = smaller(STATE_BLOCK, r->classes - i);
    const real *z = shard_logits(r, i, count, logits);
    if (r->weights)
      tops_note(&t, z, shard_weights(r, i, count, weights));
    else
      tops_note(&t, z, NULL);
  }
  for (int j = 0; j < VECS; j++) {
    vstore(high + j * LANES, t.high.lane[j]);
    vstore(low + j * LANES, t.low.lane[j]);
  }
  for (size_t k = 1; k < BLOCK; k++) {
    if (high[k] > high[0]) high[0] = high[k];
    if (low[k] < low[0]) low[0] = low[k];
  }
  s->maximum = (double)high[0] + 0; /* and no -0 */
  s->depth = 0 - (double)low[0];
}

static void states_find_tops(const state_job *j, size_t begin, size_t end) {
  for (size_t i = begin; i < end; i++) {
    shard_row r = shard_row_open(j, i);
    state_find_tops(&r, state_of(j, i));
  }
}

/* ---------------------------------------------------------------------------------------- sums */

/* What multiplies terms before they are added, so that they are at most 1. */
typedef struct state_scales {
  vec weight[2], half_drop;
} state_scales;

typedef struct state_terms {
  lanes sum, entropy, weight, drop;
} state_terms;

/* Folds the lanes by a fixed tree: to eight in the dtype, those in double. */
ALWAYS_INLINE double state_total(lanes a) {
  int width = VECS;
  for (; width > 1 && width * LANES > TOTALS; width /= 2)
    for (int j = 0; j < width / 2; j++) a.lane[j] = vadd(a.lane[j], a.lane[j + width / 2]);
  real folded[BLOCK];
  for (int j = 0; j < width; j++) vstore(folded + j * LANES, a.lane[j]);
  for (int count = width * LANES; count > TOTALS; count /= 2)
    for (int k = 0; k < count / 2; k++) folded[k] += folded[k + count / 2];
  double eight[TOTALS];
  for (int k = 0; k < TOTALS; k++) eight[k] = (double)folded[k];
  return ((eight[0] + eight[4]) + (eight[1] + eight[5])) +
         ((eight[2] + eight[6]) + (eight[3] + eight[7]));
}

/* One vector of a block. */
ALWAYS_INLINE void terms_add(state_terms *t, size_t lane, vec z, vec w, vec top,
                             const state_scales *scales, int smoothed, int entropy) {
  vec zero = vset1(0), one = vset1(1);
  vec d = vselect(veq(z, top), zero, vsub(z, top)), e = vexp(d);
  t->sum.lane[lane] = vadd(t->sum.lane[lane], e);
  if (entropy) t->entropy.lane[lane] = vsub(t->entropy.lane[lane], weighted(e, d));
  if (!smoothed) return;
  w = vmul(vmul(w, scales->weight[0]), scales->weight[1]);
  mask masked = veq(z, vset1(-real_infinity)), none = vor(masked, veq(w, zero));
  vec drop = vmul(vmul(half_difference(top, z), scales->half_drop), w);
  t->weight.lane[lane] = vadd(t->weight.lane[lane], vselect(masked, zero, w));
  t->drop.lane[lane] = vadd(t->drop.lane[lane], vselect(none, zero, vmin(drop, one)));
}

ALWAYS_INLINE void state_add_block(vloss_softmax_state *s, const real *logits, const real *weights,
                                   vec top, const state_scales *scales, int smoothed, int entropy) {
  enum { WORDS = sizeof(real) / 4 };
  state_terms t = {lanes_zero(), lanes_zero(), lanes_zero(), lanes_zero()};
  for (size_t k = 0; k < STATE_BLOCK; k += LANES) {
    vec w = weights ? vload(weights + k) : vset1(1);
    terms_add(&t, k / LANES % VECS, vload(logits + k), w, top, scales, smoothed, entropy);
  }
  double sum = state_total(t.sum);
  if (UNLIKELY(sum != sum)) {
    for (size_t k = 0; k < STATE_BLOCK; k++)
      s->classes += (int64_t)(logits[k] != logits[k]) << STATE_CLASS_BITS;
    return;
  }
  state_add(s->sum, sum, WORDS);
  if (entropy) state_add(s->entropy, state_total(t.entropy), 2);
  if (smoothed) state_add(s->weight, state_total(t.weight), 2);
  if (smoothed) state_add(s->drop, state_total(t.drop), 2);
}

static inline real power(int exponent) { return (real)from_digits(1, exponent); }

static inline state_scales scales_of(const state_job *j, const vloss_softmax_state *s) {
  int down = -j->weight_exponent, half = down / 2; /* their power may exceed the type */
  int depth = state_depth_exponent(s->maximum, s->depth);
  return (state_scales){{vset1(power(half)), vset1(power(down - half))}, vset1(power(-depth))};
}

ALWAYS_INLINE void state_add_row(const state_job *j, const shard_row *r, vloss_softmax_state *s,
                                 int smoothed, int entropy) {
  real logits[STATE_BLOCK], weights[STATE_BLOCK];
  state_scales scales = scales_of(j, s);
  vec top = vset1(state_top(s));
  for (size_t i = 0, count; i < r->classes; i += count) {
    count = smaller(STATE_BLOCK, r->classes - i);
    const real *z = shard_logits(r, i, count, logits);
    if (smoothed && r->weights)
      state_add_block(s, z, shard_weights(r, i, count, weights), top, &scales, smoothed, entropy);
    else
      state_add_block(s, z, NULL, top, &scales, smoothed, entropy);
  }
  s->classes += (int64_t)r->classes;
}

/* The label's logit, if it is in the shard. */
static inline void state_add_label(const state_job *j, const shard_row *r, size_t row,
                                   vloss_softmax_state *s) {
  if (!j->rows.labels.data) return;
  int64_t label = label_at(j->rows.labels, row);
  uint64_t place = (uint64_t)label - (uint64_t)j->first_class;
  if (label == j->rows.ignore_index || place >= r->classes) return;
  double value = (double)r->logits[place * r->inner];
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  s->label = (int64_t)((uint64_t)s->label + bits);
}

static void states_add(const state_job *j, size_t begin, size_t end) {
  for (size_t i = begin; i < end; i++) {
    shard_row r = shard_row_open(j, i);
    vloss_softmax_state *s = state_of(j, i);
    if (j->smoothed && j->entropy)
      state_add_row(j, &r, s, 1, 1);
    else if (j->smoothed)
      state_add_row(j, &r, s, 1, 0);
    else if (j->entropy)
      state_add_row(j, &r, s, 0, 1);
    else
      state_add_row(j, &r, s, 0, 0);
    state_add_label(j, &r, i, s);
  }
}

#endif
