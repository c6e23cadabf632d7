/* SPDX-License-Identifier: Apache-2.0 */
/* A block of rows at once, rows in lanes: class k of the rows stands at logits + k * stride. */
#ifndef VLOSS_LANE_ROWS_H
#define VLOSS_LANE_ROWS_H

#include "frame/row_block.h"

enum { PACKED_CLASSES = 256 }; /* a packed block takes 128 bytes a class: 32 KiB of stack */

typedef struct lane_block {
  const real *logits;
  real *grad; /* or NULL */
  size_t stride, count;
  int packed; /* a copy: the gradient belongs elsewhere */
  const real *origin;
  size_t ahead; /* bytes from there to about where the next block begins */
} lane_block;

/* What a loop over classes has to do besides. */
enum {
  WHOLE = 8,     /* BLOCK rows */
  SMOOTH = 16,   /* smoothing, or rows without a gradient */
  INFINITE = 32, /* logits of +inf */
};

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

/* Vector j of the class that starts at p. */
ALWAYS_INLINE vec lane_load(const real *p, const lane_block *b, size_t j, int what) {
  p += j * LANES;
  if (what & WHOLE) return vload(p);
  size_t part = lanes_left(b->count, j * LANES);
  return part ? vload_part(p, part) : vset1(0);
}

ALWAYS_INLINE void lane_store(real *p, vec a, const lane_block *b, size_t j, int what) {
  p += j * LANES;
  if (what & WHOLE)
    vstore(p, a);
  else if (lanes_left(b->count, j * LANES))
    vstore_part(p, a, lanes_left(b->count, j * LANES));
}

ALWAYS_INLINE lanes lanes_of_largest(const rows_call *c, const lane_block *b, int what) {
  lanes largest;
  for (int j = 0; j < VECS; j++) largest.lane[j] = vset1(-real_max);
  const real *z = b->logits;
  for (size_t k = 0; k < c->classes; k++, z += b->stride)
    for (size_t j = 0; j < VECS; j++)
      largest.lane[j] = vmax(largest.lane[j], lane_load(z, b, j, what));
  return largest;
}

/* The largest number of each row, at least the lowest finite one. */
static lanes tops_of_rows(const rows_call *c, const lane_block *b) {
  return b->count == BLOCK ? lanes_of_largest(c, b, WHOLE) : lanes_of_largest(c, b, 0);
}

static inline int lanes_are_finite(lanes largest) {
  int finite = 1;
  for (int j = 0; j < VECS; j++) finite &= vall(vlt(largest.lane[j], vset1(real_infinity)));
  return finite;
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

/* Sums over the classes; keeps the exponentials in grad, -1 for masks if SMOOTH. */
ALWAYS_INLINE void lane_add_classes(const rows_call *c, const lane_block *b, const lanes *largest,
                                    lane_sums *s, int what) {
  const size_t classes = c->classes, stride = b->stride;
  for (size_t k = 0, at = 0; k < classes;) {
    for (size_t end = smaller(k + PART, classes); k < end; k++, at += stride) {
      vec w = vset1((what & SMOOTH) && c->class_weight ? c->class_weight[k] : 1);
      prefetch(b->origin, BLOCK, b->ahead + at * sizeof(real));
      for (size_t j = 0; j < VECS; j++) {
        vec logit = lane_load(b->logits + at, b, j, what), top = largest->lane[j];
        vec e = exponential(logit, top, what & INFINITE);
        s->sum.part.lane[j] = vadd(s->sum.part.lane[j], e);
        if (what & SMOOTH) {
          lane_add_smooth(s, logit, top, vmul(vset1(c->share), w), j);
          e = vselect(veq(logit, vset1(-real_infinity)), vset1(masked_class), e);
        }
        if (what & GRAD) lane_store(b->grad + at, e, b, j, what);
      }
    }
    lane_sum_flush(&s->sum);
    if (what & SMOOTH) lane_sum_flush(&s->shares);
    if (what & SMOOTH) lane_sum_flush(&s->half_drops);
  }
}

/* Runs the step on vector j and notes its results in the block; returns the slope. */
ALWAYS_INLINE vec lane_finish(const rows_call *c, row_block *b, rows_step *step, const lane_sums *s,
                              vec largest, int j, int what) {
  int at = j * LANES;
  row_options options = rows_options(c);
  row_sums sums = {largest, lane_sum_value(&s->sum, j), vset1(0), vset1(0)};
  if (what & SMOOTH) {
    sums.shares = lane_sum_value(&s->shares, j);
    sums.half_drops = lane_sum_value(&s->half_drops, j);
  } else {
    options.unsmoothed = vset1(1);
    options.share = vset1(0);
  }
  row_target t = {vload(b->target_logit + at), vload(b->target_weight + at)};
  row_loss r = step(sums, t, options, vload(b->upstream + at));
  vstore(b->half_loss + at, r.half_loss);
  vstore(b->share + at, r.share);
  vstore(b->target + at, r.target);
  return r.slope;
}

/* From kept exponentials to gradients. */
ALWAYS_INLINE void lane_gradient(const rows_call *c, const row_block *rows, const lane_block *b,
                                 const lanes *slope, int what) {
  vec zero = vset1(0);
  real *row = b->grad;
  for (size_t k = 0; k < c->classes; k++, row += b->stride) {
    vec w = vset1((what & SMOOTH) && c->class_weight ? c->class_weight[k] : 1);
    for (size_t j = 0; j < VECS; j++) {
      vec e = lane_load(row, b, j, what), grad = vmul(e, slope->lane[j]);
      if (what & SMOOTH) {
        vec shared = vsub(grad, vmul(vload(rows->share + j * LANES), w));
        grad = vselect(vlt(e, zero), vmul(zero, slope->lane[j]), shared);
        grad = where_counted(grad, vload(rows->upstream + j * LANES));
      }
      lane_store(row, grad, b, j, what);
    }
  }
}

/* Contiguous rows to columns of a packed block, four classes at a time; the last four overlap those
 * before them. */
static inline void pack_fours(const rows_call *c, const real *from, const row_block *rows,
                              real *packed) {
  from += rows->offset[0];
  for (size_t done = 0, i = 0; done < c->classes; done = i + 4) {
    i = smaller(done, c->classes - 4);
    for (size_t k = 0; k < BLOCK; k += LANES) {
      vec4 four = vload_rows4(from + k * c->classes + i, c->classes);
      real *to = packed + i * BLOCK + k;
      vstore(to, four.x);
      vstore(to + BLOCK, four.y);
      vstore(to + 2 * BLOCK, four.z);
      vstore(to + 3 * BLOCK, four.w);
    }
  }
}

/* The other way, each row times its slope if there are any. */
ALWAYS_INLINE void unpack_fours(const rows_call *c, const row_block *rows, const real *packed,
                                const lanes *slope) {
  real *to = c->grad + rows->offset[0];
  for (size_t done = 0, i = 0; done < c->classes; done = i + 4) {
    i = smaller(done, c->classes - 4);
    for (size_t k = 0; k < BLOCK; k += LANES) {
      const real *from = packed + i * BLOCK + k;
      vec4 four = {vload(from), vload(from + BLOCK), vload(from + 2 * BLOCK),
                   vload(from + 3 * BLOCK)};
      if (slope) four = vmul4(four, slope->lane[k / LANES]);
      vstore_rows4(to + k * c->classes + i, c->classes, four);
    }
  }
}

static inline int rows_are_fours(const rows_call *c, const row_block *rows) {
  return c->inner == 1 && c->classes >= 4 && rows->count == BLOCK;
}

/* Copies a block of rows between their places and a packed block, class by class. */
static void pack_rows(const rows_call *c, const real *from, const row_block *rows, real *packed) {
  if (rows_are_fours(c, rows)) {
    pack_fours(c, from, rows, packed);
    return;
  }
  for (size_t k = 0; k < rows->count; k++) {
    const real *z = from + rows->offset[k];
    for (size_t i = 0; i < c->classes; i++) packed[i * BLOCK + k] = z[i * c->inner];
  }
  for (size_t k = rows->count; k < BLOCK; k++)
    for (size_t i = 0; i < c->classes; i++) packed[i * BLOCK + k] = 0;
}

static void unpack_rows(const rows_call *c, const row_block *rows, const real *packed) {
  if (rows_are_fours(c, rows)) {
    unpack_fours(c, rows, packed, NULL);
    return;
  }
  for (size_t k = 0; k < rows->count; k++) {
    real *grad = c->grad + rows->offset[k];
    for (size_t i = 0; i < c->classes; i++) grad[i * c->inner] = packed[i * BLOCK + k];
  }
}

/* Gradients of a block, where they belong. */
ALWAYS_INLINE void lane_gradients(const rows_call *c, row_block *rows, const lane_block *b,
                                  const lanes *slope, int what) {
  if (!(what & SMOOTH) && b->packed && rows_are_fours(c, rows)) {
    unpack_fours(c, rows, b->grad, slope);
    for (size_t k = 0; k < BLOCK; k += UNROLLED)
      for (size_t i = k; i < k + UNROLLED; i++) c->grad[rows->own[i]] -= rows->target[i];
    return;
  }
  lane_gradient(c, rows, b, slope, what);
  for (size_t k = 0; k < rows->count; k++) {
    real *own = b->grad + rows->label[k] * b->stride + k;
    if (what & SMOOTH)
      rows_mend_target(rows, k, own);
    else
      *own -= rows->target[k]; /* no share that a class taken for a mask still lacks */
  }
  if (b->packed) unpack_rows(c, rows, b->grad);
}

ALWAYS_INLINE void lane_run(const rows_call *c, row_block *rows, const lane_block *b,
                            const lanes *largest, rows_step *step, int what) {
  lane_sums s;
  s.sum = lane_sum_zero();
  if (what & SMOOTH) s.shares = s.half_drops = lane_sum_zero();
  lane_add_classes(c, b, largest, &s, what);
  lanes slope;
  for (int j = 0; j < VECS; j++)
    slope.lane[j] = lane_finish(c, rows, step, &s, largest->lane[j], j, what);
  if (what & GRAD) lane_gradients(c, rows, b, &slope, what);
}

/* What the rare path is told. */
typedef struct lane_rest {
  const rows_call *call;
  row_block *rows;
  const lane_block *block;
  const lanes *largest;
} lane_rest;

/* Anything but the common case: partial blocks, logits of +inf. */
ALWAYS_INLINE void lane_rare(const lane_rest *r, rows_step *step) {
  if (r->block->grad)
    lane_run(r->call, r->rows, r->block, r->largest, step, GRAD | SMOOTH | INFINITE);
  else
    lane_run(r->call, r->rows, r->block, r->largest, step, SMOOTH | INFINITE);
}

ALWAYS_INLINE void lane_rows(const rows_call *c, row_block *rows, const lane_block *b,
                             rows_step *step, kernel *rare, partial *result) {
  int plain = c->share == 0 && rows->all_active;
  lanes largest = tops_of_rows(c, b);
  if (b->count < BLOCK || !lanes_are_finite(largest)) {
    lane_rest rest = {c, rows, b, &largest};
    rare(&rest, 0, 0, result);
  } else if (b->grad) {
    if (plain)
      lane_run(c, rows, b, &largest, step, WHOLE | GRAD);
    else
      lane_run(c, rows, b, &largest, step, WHOLE | GRAD | SMOOTH);
  } else {
    if (plain)
      lane_run(c, rows, b, &largest, step, WHOLE);
    else
      lane_run(c, rows, b, &largest, step, WHOLE | SMOOTH);
  }
}

ALWAYS_INLINE void packed_rows(const rows_call *c, row_block *rows, rows_step *step, kernel *rare,
                               partial *result) {
  real packed[PACKED_CLASSES * BLOCK];
  pack_rows(c, c->logits, rows, packed);
  lane_block b = {.logits = packed,
                  .grad = c->grad ? packed : NULL,
                  .stride = BLOCK,
                  .count = BLOCK,
                  .packed = 1,
                  .origin = c->logits + rows->offset[0],
                  .ahead = c->classes * BLOCK * sizeof(real)};
  lane_rows(c, rows, &b, step, rare, result);
}

#endif
