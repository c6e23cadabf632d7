/* SPDX-License-Identifier: Apache-2.0 */
/* Rows one by one, classes in lanes: largest logit, sum of e^(z - largest), gradient. */
#ifndef VLOSS_LONG_ROWS_H
#define VLOSS_LONG_ROWS_H

#include "frame/row_block.h"

/* A row as chunks of contiguous classes, gathered where they stand apart. */
typedef struct long_row {
  const real *logits;
  real *grad;
  size_t classes, inner;
  const real *class_weight;
  real share;
  int smooth; /* class weights and masks matter */
} long_row;

enum {
  EXPONENTIALS = 128 * BLOCK, /* 16 KiB: what a row may keep on the stack */
  SPAN = 2 * GROUP            /* classes whose exponentials are added in the dtype */
};

/* Whether a row's numbers may wait in the first cache. */
static inline int row_fits(size_t classes, size_t inner) {
  return inner == 1 && classes <= EXPONENTIALS;
}

/* A chunk of a row whose numbers stand `inner` apart: in place, or a copy. */
static inline const real *row_chunk(const real *from, size_t inner, size_t begin, size_t count,
                                    real *buffer) {
  if (inner == 1) return from + begin;
  for (size_t k = 0; k < count; k++) buffer[k] = from[(begin + k) * inner];
  return buffer;
}

/* The first count <= LANES logits, masked ones behind them. */
static inline vec load_logits(const real *p, size_t count) {
  return vload_part_or(p, count, -real_infinity);
}

ALWAYS_INLINE real lanes_largest(lanes a) {
  for (int width = VECS / 2; width > 0; width /= 2)
    for (int j = 0; j < width; j++) a.lane[j] = vmax(a.lane[j], a.lane[j + width]);
  real values[LANES];
  vstore(values, a.lane[0]);
  for (int width = LANES / 2; width > 0; width /= 2)
    for (int k = 0; k < width; k++)
      values[k] = values[k] > values[k + width] ? values[k] : values[k + width];
  return values[0];
}

static inline real row_largest(const real *from, size_t classes, size_t inner) {
  real buffer[SPAN];
  lanes largest;
  for (int j = 0; j < VECS; j++) largest.lane[j] = vset1(-real_max);
  for (size_t begin = 0; begin < classes; begin += SPAN) {
    size_t count = smaller(classes - begin, SPAN), i = 0;
    const real *z = row_chunk(from, inner, begin, count, buffer);
    for (; i + BLOCK <= count; i += BLOCK)
      for (size_t j = 0; j < VECS; j++)
        largest.lane[j] = vmax(largest.lane[j], vload(z + i + j * LANES));
    for (size_t j = 0; j < VECS && i < count; i += LANES, j++)
      largest.lane[j] = vmax(largest.lane[j], load_logits(z + i, lanes_left(count, i)));
  }
  return lanes_largest(largest);
}

typedef struct long_sums {
  totals sum, shares, half_drops;
} long_sums;

/* Adds a chunk of classes to the sums that smoothing needs, and marks its masks in `kept`. */
static void add_smooth(const long_row *r, const real *z, size_t begin, size_t count, vec largest,
                       real *kept, long_sums *sums) {
  lanes shares = lanes_zero(), half_drops = lanes_zero();
  vec zero = vset1(0);
  for (size_t i = 0; i < count; i += LANES) {
    size_t part = lanes_left(count, i), j = i / LANES % VECS;
    vec logit = load_logits(z + i, part);
    vec w = r->class_weight ? vload_part(r->class_weight + begin + i, part) : vset1(1);
    w = vmul(vset1(r->share), w);
    mask masked = veq(logit, vset1(-real_infinity));
    mask none = vor(masked, veq(w, zero));
    shares.lane[j] = vadd(shares.lane[j], vselect(masked, zero, w));
    half_drops.lane[j] =
        vadd(half_drops.lane[j], vselect(none, zero, vmul(w, half_difference(largest, logit))));
    if (kept)
      vstore_part(kept + i, vselect(masked, vset1(masked_class), vload_part(kept + i, part)), part);
  }
  totals_add_any_lanes(&sums->shares, shares);
  totals_add_any_lanes(&sums->half_drops, half_drops);
}

/* Sums over the row; keeps the exponentials of contiguous rows if `kept`. */
ALWAYS_INLINE void row_sum(const long_row *r, vec largest, int infinite, real *kept,
                           long_sums *sums) {
  real buffer[SPAN];
  int fetches = row_fits(r->classes, r->inner); /* the next row */
  for (size_t begin = 0; begin < r->classes; begin += SPAN) {
    size_t count = smaller(r->classes - begin, SPAN), full = count / BLOCK * BLOCK;
    const real *z = row_chunk(r->logits, r->inner, begin, count, buffer);
    if (kept && r->smooth && z == kept + begin) { /* in place: the logits are about to go */
      memcpy(buffer, z, count * sizeof(real));
      z = buffer;
    }
    lanes sum = lanes_zero();
    if (fetches) prefetch(r->logits + begin, count, r->classes * sizeof(real));
    for (size_t j = 0; j < VECS; j++) {
      vec lane = vset1(0); /* one at a time stays in a register */
      for (size_t i = j * LANES; i < full; i += BLOCK) {
        vec e = exponential(vload(z + i), largest, infinite);
        lane = vadd(lane, e);
        if (kept) vstore(kept + begin + i, e);
      }
      sum.lane[j] = lane;
    }
    for (size_t i = full, j = 0; i < count; i += LANES, j++) {
      vec e = exponential(load_logits(z + i, lanes_left(count, i)), largest, infinite);
      sum.lane[j] = vadd(sum.lane[j], e);
      if (kept) vstore_part(kept + begin + i, e, lanes_left(count, i));
    }
    totals_add_any_lanes(&sums->sum, sum);
    if (r->smooth) add_smooth(r, z, begin, count, largest, kept ? kept + begin : NULL, sums);
  }
}

/* e slope - share w_k, and 0 (NaN in a row with one) where masked */
ALWAYS_INLINE vec class_gradient(const long_row *r, vec e, size_t k, size_t count, vec slope,
                                 vec share) {
  if (!r->smooth) return vmul(e, slope);
  vec w = r->class_weight ? vload_part(r->class_weight + k, count) : vset1(1);
  vec grad = vsub(vmul(e, slope), vmul(share, w));
  return vselect(vlt(e, vset1(0)), vmul(vset1(0), slope), grad);
}

/* The gradient from kept exponentials. */
ALWAYS_INLINE void row_gradient_kept(const long_row *r, const real *kept, vec slope, vec share,
                                     int streamed) {
  size_t k = 0;
  for (; k + LANES <= r->classes; k += LANES) {
    vec grad = class_gradient(r, vload(kept + k), k, LANES, slope, share);
    if (streamed)
      vstream(r->grad + k, grad);
    else
      vstore(r->grad + k, grad);
  }
  size_t rest = r->classes - k;
  if (rest)
    vstore_part(r->grad + k, class_gradient(r, vload_part(kept + k, rest), k, rest, slope, share),
                rest);
}

/* The gradient from the logits once more. */
ALWAYS_INLINE void row_gradient_again(const long_row *r, vec largest, int infinite, vec slope,
                                      vec share, int streamed) {
  real buffer[SPAN], out[SPAN];
  for (size_t begin = 0; begin < r->classes; begin += SPAN) {
    size_t count = smaller(r->classes - begin, SPAN);
    const real *z = row_chunk(r->logits, r->inner, begin, count, buffer);
    real *to = r->inner == 1 ? r->grad + begin : out;
    for (size_t i = 0; i < count; i += LANES) {
      size_t part = lanes_left(count, i);
      vec logit = load_logits(z + i, part), e = exponential(logit, largest, infinite);
      if (r->smooth) e = vselect(veq(logit, vset1(-real_infinity)), vset1(masked_class), e);
      vec grad = class_gradient(r, e, begin + i, part, slope, share);
      if (streamed && part == LANES)
        vstream(to + i, grad);
      else
        vstore_part(to + i, grad, part);
    }
    for (size_t k = 0; r->inner != 1 && k < count; k++) r->grad[(begin + k) * r->inner] = out[k];
  }
}

/* Runs the step on one row and notes its results in row k of the block. */
ALWAYS_INLINE vec row_finish(const rows_call *c, row_block *b, size_t k, rows_step *step,
                             const long_sums *sums, real largest) {
  row_sums s = {vset1(largest), vset1_sum(totals_sum(&sums->sum)),
                vset1_sum(totals_sum(&sums->shares)), vset1_sum(totals_sum(&sums->half_drops))};
  row_target t = {vset1(b->target_logit[k]), vset1(b->target_weight[k])};
  row_loss r = step(s, t, rows_options(c), vset1(b->upstream[k]));
  vstore_part(&b->half_loss[k], r.half_loss, 1);
  vstore_part(&b->share[k], r.share, 1);
  vstore_part(&b->target[k], r.target, 1);
  return r.slope;
}

ALWAYS_INLINE void row_run(const rows_call *c, row_block *b, size_t k, const long_row *r,
                           rows_step *step, real largest, int infinite, real *scratch) {
  const job *base = &c->job->base;
  int fits = row_fits(r->classes, r->inner);
  int streamed = r->grad && r->inner == 1 && may_stream(base, r->grad);
  real *kept = NULL;
  if (r->grad && r->inner == 1 && !streamed) kept = r->grad;
  if (streamed && fits) kept = scratch;
  long_sums sums = {totals_zero(), totals_zero(), totals_zero()};
  vec top = vset1(largest);
  if (kept)
    row_sum(r, top, infinite, kept, &sums);
  else
    row_sum(r, top, infinite, NULL, &sums);
  vec slope = row_finish(c, b, k, step, &sums, largest), share = vset1(b->share[k]);
  if (!r->grad) return;
  if (kept && streamed)
    row_gradient_kept(r, kept, slope, share, 1);
  else if (kept)
    row_gradient_kept(r, kept, slope, share, 0);
  else
    row_gradient_again(r, top, infinite, slope, share, streamed);
  rows_mend_target(b, k, c->grad + b->own[k]);
}

/* A row with a logit of +inf, out of the way of the others. */
COLD void row_run_infinite(const rows_call *c, row_block *b, size_t k, const long_row *r,
                           rows_step *step, real *scratch) {
  row_run(c, b, k, r, step, real_infinity, 1, scratch);
}

ALWAYS_INLINE void long_rows(const rows_call *c, row_block *b, rows_step *step) {
  real scratch[EXPONENTIALS];
  for (size_t k = 0; k < b->count; k++) {
    size_t offset = b->offset[k];
    int graded = c->grad && b->upstream[k] != 0;
    long_row r = {c->logits + offset, graded ? c->grad + offset : NULL,
                  c->classes,         c->inner,
                  c->class_weight,    c->share,
                  c->share > 0};
    if (b->active[k] != 0) {
      real largest = row_largest(r.logits, r.classes, r.inner);
      if (UNLIKELY(largest == real_infinity))
        row_run_infinite(c, b, k, &r, step, scratch);
      else
        row_run(c, b, k, &r, step, largest, 0, scratch);
    }
    if (c->grad && !graded) row_zero(c, b, k);
  }
}

#endif
