/* SPDX-License-Identifier: Apache-2.0 */
/* A block of rows at once, rows in lanes: class k of the rows stands at logits + k * stride. */
#ifndef VLOSS_LANE_ROWS_H
#define VLOSS_LANE_ROWS_H

#include "frame/rows.h"

enum { PACKED_CLASSES = 256 }; /* a packed block takes 128 bytes a class: 32 KiB of stack */

typedef struct lane_block {
  const real *logits;
  real *grad; /* or NULL */
  size_t stride, count;
} lane_block;

/* A compensated sum in every lane. */
typedef struct lane_sum {
  lanes part, value, error;
} lane_sum;

enum { PART = 16 }; /* classes that are added before the compensation */

static inline lane_sum lane_sum_zero(void) {
  return (lane_sum){lanes_zero(), lanes_zero(), lanes_zero()};
}

static inline void lane_sum_flush(lane_sum *s) {
  for (int j = 0; j < VECS; j++) {
    vec value = s->value.lane[j], part = s->part.lane[j];
    vec total = vadd(value, part), shadow = vsub(total, value);
    vec lost = vadd(vsub(value, vsub(total, shadow)), vsub(part, shadow));
    s->error.lane[j] = vadd(s->error.lane[j], lost);
    s->value.lane[j] = total;
    s->part.lane[j] = vset1(0);
  }
}

/* An infinite or NaN value has no error to speak of. */
static inline vec lane_sum_value(const lane_sum *s, int j) {
  vec value = s->value.lane[j];
  mask finite = veq(vsub(value, value), vset1(0));
  return vselect(finite, vadd(value, s->error.lane[j]), value);
}

/* Vector j of class k. */
ALWAYS_INLINE vec lane_logits(const lane_block *b, size_t k, size_t j, int whole) {
  const real *p = b->logits + k * b->stride + j * LANES;
  if (whole) return vload(p);
  size_t part = lanes_left(b->count, j * LANES);
  return part ? vload_part(p, part) : vset1(0);
}

ALWAYS_INLINE void lane_store(real *p, vec a, const lane_block *b, size_t j, int whole) {
  if (whole)
    vstore(p, a);
  else if (lanes_left(b->count, j * LANES))
    vstore_part(p, a, lanes_left(b->count, j * LANES));
}

ALWAYS_INLINE lanes lanes_of_largest(const rows_call *c, const lane_block *b, int whole) {
  lanes largest;
  for (int j = 0; j < VECS; j++) largest.lane[j] = vset1(-real_max);
  for (size_t k = 0; k < c->classes; k++)
    for (size_t j = 0; j < VECS; j++)
      largest.lane[j] = vmax(largest.lane[j], lane_logits(b, k, j, whole));
  return largest;
}

typedef struct lane_sums {
  lane_sum sum, shares, half_drops;
} lane_sums;

/* w is share w_k. */
ALWAYS_INLINE void lane_add_smooth(lane_sums *s, vec logit, vec largest, vec w, size_t j) {
  vec zero = vset1(0);
  mask masked = veq(logit, vset1(-real_infinity)), none = vor(masked, veq(w, zero));
  vec half_drop = half_difference(largest, logit);
  s->shares.part.lane[j] = vadd(s->shares.part.lane[j], vselect(masked, zero, w));
  s->half_drops.part.lane[j] =
      vadd(s->half_drops.part.lane[j], vselect(none, zero, vmul(w, half_drop)));
}

/* Sums over the classes; keeps the exponentials in grad, -1 for masks where `smooth`. */
ALWAYS_INLINE void lane_add_classes(const rows_call *c, const lane_block *b, const lanes *largest,
                                    lane_sums *s, int whole, int infinite, int smooth) {
  for (size_t k = 0; k < c->classes; k++) {
    vec w = vset1(c->class_weight ? c->class_weight[k] : 1);
    for (size_t j = 0; j < VECS; j++) {
      vec logit = lane_logits(b, k, j, whole), top = largest->lane[j];
      vec e = exponential(logit, top, infinite);
      s->sum.part.lane[j] = vadd(s->sum.part.lane[j], e);
      if (smooth) {
        lane_add_smooth(s, logit, top, vmul(vset1(c->share), w), j);
        e = vselect(veq(logit, vset1(-real_infinity)), vset1(masked_class), e);
      }
      if (b->grad) lane_store(b->grad + k * b->stride + j * LANES, e, b, j, whole);
    }
    if (k % PART == PART - 1 || k + 1 == c->classes) {
      lane_sum_flush(&s->sum);
      if (smooth) lane_sum_flush(&s->shares);
      if (smooth) lane_sum_flush(&s->half_drops);
    }
  }
}

/* Runs the step on vector j and notes its results in the block; returns the slope. */
ALWAYS_INLINE vec lane_finish(const rows_call *c, row_block *b, rows_step *step, const lane_sums *s,
                              vec largest, int j) {
  int at = j * LANES;
  row_sums sums = {largest, lane_sum_value(&s->sum, j), lane_sum_value(&s->shares, j),
                   lane_sum_value(&s->half_drops, j)};
  row_target t = {vload(b->target_logit + at), vload(b->target_weight + at)};
  row_loss r = step(sums, t, vset1(c->smoothing), vset1(c->share), vload(b->upstream + at));
  vstore(b->half_loss + at, r.half_loss);
  vstore(b->share + at, r.share);
  vstore(b->target + at, r.target);
  return r.slope;
}

/* From kept exponentials to gradients; rows that are not active get 0. */
ALWAYS_INLINE void lane_gradient(const rows_call *c, const row_block *rows, const lane_block *b,
                                 const lanes *slope, int whole, int smooth) {
  vec zero = vset1(0);
  for (size_t k = 0; k < c->classes; k++) {
    vec w = vset1(c->class_weight ? c->class_weight[k] : 1);
    for (size_t j = 0; j < VECS; j++) {
      lane_block kept = {b->grad, NULL, b->stride, b->count};
      vec e = lane_logits(&kept, k, j, whole), grad = vmul(e, slope->lane[j]);
      if (smooth) {
        vec shared = vsub(grad, vmul(vload(rows->share + j * LANES), w));
        grad = vselect(vlt(e, zero), vmul(zero, slope->lane[j]), shared);
      }
      grad = vselect(veq(vload(rows->active + j * LANES), zero), zero, grad);
      lane_store(b->grad + k * b->stride + j * LANES, grad, b, j, whole);
    }
  }
}

ALWAYS_INLINE void lane_run(const rows_call *c, row_block *rows, const lane_block *b,
                            const lanes *largest, rows_step *step, int whole, int infinite,
                            int smooth) {
  lane_sums s = {lane_sum_zero(), lane_sum_zero(), lane_sum_zero()};
  lane_add_classes(c, b, largest, &s, whole, infinite, smooth);
  lanes slope;
  for (int j = 0; j < VECS; j++)
    slope.lane[j] = lane_finish(c, rows, step, &s, largest->lane[j], j);
  if (!b->grad) return;
  lane_gradient(c, rows, b, &slope, whole, smooth);
  for (size_t k = 0; k < rows->count; k++)
    rows_mend_target(rows, k, b->grad + rows->label[k] * b->stride + k);
}

/* Anything but the common case: partial blocks, logits of +inf. */
COLD void lane_run_cold(const rows_call *c, row_block *rows, const lane_block *b,
                        const lanes *largest, rows_step *step) {
  lane_run(c, rows, b, largest, step, 0, 1, 1);
}

ALWAYS_INLINE void lane_rows(const rows_call *c, row_block *rows, const lane_block *b,
                             rows_step *step) {
  int whole = b->count == BLOCK, smooth = c->smoothing > 0;
  lanes largest = whole ? lanes_of_largest(c, b, 1) : lanes_of_largest(c, b, 0);
  int finite = 1;
  for (int j = 0; j < VECS; j++) finite &= vall(vlt(largest.lane[j], vset1(real_infinity)));
  if (!whole || !finite)
    lane_run_cold(c, rows, b, &largest, step);
  else if (smooth)
    lane_run(c, rows, b, &largest, step, 1, 0, 1);
  else
    lane_run(c, rows, b, &largest, step, 1, 0, 0);
}

/* Copies a block of rows between their places and a packed block, class by class. */
static void pack_rows(const rows_call *c, const row_block *rows, real *packed) {
  for (size_t k = 0; k < rows->count; k++) {
    const real *z = c->logits + row_offset(c, rows->begin + k);
    for (size_t i = 0; i < c->classes; i++) packed[i * BLOCK + k] = z[i * c->inner];
  }
  for (size_t k = rows->count; k < BLOCK; k++)
    for (size_t i = 0; i < c->classes; i++) packed[i * BLOCK + k] = 0;
}

static void unpack_rows(const rows_call *c, const row_block *rows, const real *packed) {
  for (size_t k = 0; k < rows->count; k++) {
    real *grad = c->grad + row_offset(c, rows->begin + k);
    for (size_t i = 0; i < c->classes; i++) grad[i * c->inner] = packed[i * BLOCK + k];
  }
}

ALWAYS_INLINE void packed_rows(const rows_call *c, row_block *rows, rows_step *step) {
  real packed[PACKED_CLASSES * BLOCK];
  pack_rows(c, rows, packed);
  lane_block b = {packed, c->grad ? packed : NULL, BLOCK, BLOCK};
  lane_rows(c, rows, &b, step);
  if (c->grad) unpack_rows(c, rows, packed);
}

#endif
