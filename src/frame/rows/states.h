/* SPDX-License-Identifier: Apache-2.0 */
/* From the complete states of rows, by the steps of the losses, the losses and the gradients of a
 * shard of their classes. */
#ifndef VLOSS_ROW_STATES_H
#define VLOSS_ROW_STATES_H

#include "frame/rows/shard.h"
#include "loss/rows/cross_entropy.h"
#include "loss/rows/entropy_with_logits.h"
#include "loss/rows/focal_softmax.h"

/* Sums of a block of rows, as finish() takes them. */
typedef struct state_block {
  row_block rows;
  real top[ROOM], sums[SUMS][ROOM];
} state_block;

/* share 2^exponent times a sum; infinite differences are as good as any mark. */
static inline real state_shared(const int64_t words[2], double share, int exponent, int infinite) {
  double value = state_value(words);
  if (infinite && value != 0) return real_infinity;
  return (real)from_digits(value * share, exponent);
}

static inline void state_convert(const state_job *j, const rows_call *c, size_t row, state_block *b,
                                 size_t k) {
  const vloss_softmax_state *s = state_of(j, row);
  double share = (double)c->share;
  int v = j->weight_exponent, d = state_depth_exponent(s->maximum, s->depth);
  b->top[k] = state_top(s);
  b->sums[0][k] = state_has_nan(s) ? (real)NAN : (real)state_value(s->sum);
  if (j->phase == STATE_ENTROPY) {
    b->sums[1][k] = 0 - (real)state_value(s->entropy);
    return;
  }
  b->sums[1][k] = state_shared(s->weight, share, v, 0);
  b->sums[2][k] = state_shared(s->drop, share, v + d, s->maximum > DBL_MAX);
  double label;
  memcpy(&label, &s->label, sizeof label);
  b->rows.label_value[k] = b->rows.active[k] != 0 ? (real)label : 0;
  b->rows.label_weight[k] = c->class_weight ? c->class_weight[b->rows.label[k]] : 1;
}

static inline void state_block_open(const state_job *j, const rows_call *c, size_t begin,
                                    size_t count, state_block *b) {
  memset(b, 0, sizeof *b);
  rows_open(c, begin, 0, count, 0, &b->rows);
  if (j->phase != STATE_ENTROPY) rows_label(c, &b->rows);
  for (size_t k = 0; k < count; k++) state_convert(j, c, begin + k, b, k);
}

ALWAYS_INLINE void state_block_finish(state_block *b, const class_step *step,
                                      const class_options *o, int what) {
  row_block *rows = &b->rows;
  for (size_t k = 0; k < BLOCK; k += LANES) {
    vec sums[SUMS];
    for (int i = 0; i < SUMS; i++) sums[i] = vload(b->sums[i] + k);
    class_row row = class_row_open(rows, k, step, vload(b->top + k));
    row = step->finish(sums, &row, o, vload(rows->upstream + k), what);
    vstore(rows->half_loss + k, row.half_loss);
    vstore(rows->slope + k, row.slope);
    vstore(rows->pull + k, row.pull);
    vstore(rows->mean + k, row.mean);
    vstore(rows->result + k, row.upstream);
  }
}

/* The gradient of up to 64 classes to `out`. */
ALWAYS_INLINE void state_block_slopes(const state_block *b, size_t k, const class_step *step,
                                      const class_options *o, const real *logits,
                                      const real *weights, real *out, int what) {
  vec zero = vset1(0);
  class_tops top = {vset1(b->top[k]), zero};
  class_row row = {zero,
                   vset1(b->rows.slope[k]),
                   vset1(b->rows.pull[k]),
                   vset1(b->rows.mean[k]),
                   zero,
                   zero,
                   zero,
                   zero};
  for (size_t i = 0; i < STATE_BLOCK; i += LANES) {
    class_values x = {vload(logits + i), zero, weights ? vload(weights + i) : vset1(1)};
    vec kept = step->keep(x, top, o, what);
    vstore(out + i, step->gradient(kept, x, top, &row, o, what));
  }
}

ALWAYS_INLINE void state_gradient(const state_job *j, const rows_call *c, const state_block *b,
                                  size_t k, const class_step *step, const class_options *o,
                                  int what) {
  real logits[STATE_BLOCK], weights[STATE_BLOCK], out[STATE_BLOCK];
  shard_row r = shard_row_open(j, b->rows.begin + k);
  real *grad = c->grad + b->rows.offset[k];
  int none = b->rows.upstream[k] == 0;
  size_t label = b->rows.label[k] - j->first_class;
  if (none) memset(out, 0, sizeof out);
  for (size_t i = 0, count; i < r.classes; i += count) {
    count = smaller(STATE_BLOCK, r.classes - i);
    if (!none)
      state_block_slopes(
          b, k, step, o, shard_logits(&r, i, count, logits),
          r.weights && (what & WEIGHED) ? shard_weights(&r, i, count, weights) : NULL, out, what);
    if (step->labels && !none && label - i < count) rows_mend_label(&b->rows, k, out + (label - i));
    scatter(out, r.inner, count, grad + i * r.inner);
  }
}

ALWAYS_INLINE void states_run(const state_job *j, size_t begin, size_t end, partial *result,
                              const class_step *step, int what) {
  rows_call c = rows_begin(&j->rows);
  class_options o = class_options_of(&c);
  totals t = totals_zero();
  c.classes = j->classes;
  for (size_t i = begin; i < end; i += BLOCK) {
    state_block b;
    state_block_open(j, &c, i, smaller(end - i, BLOCK), &b);
    state_block_finish(&b, step, &o, what);
    for (size_t k = 0; c.grad && k < b.rows.count; k++)
      state_gradient(j, &c, &b, k, step, &o, what | INFINITE);
    rows_close(&c, &b.rows, &t, result);
  }
  compensated halves = totals_sum(&t);
  result->sums[0] = (compensated){2 * halves.value, 2 * halves.error};
}

static void states_finish(const state_job *j, size_t begin, size_t end, partial *result) {
  if (j->phase == STATE_FOCAL_SOFTMAX)
    states_run(j, begin, end, result, &focal_softmax, 0);
  else if (j->phase == STATE_ENTROPY)
    states_run(j, begin, end, result, &entropy_with_logits, 0);
  else if (j->rows.smoothing > 0)
    states_run(j, begin, end, result, &cross_entropy, WEIGHED);
  else
    states_run(j, begin, end, result, &cross_entropy, 0);
}

#endif
