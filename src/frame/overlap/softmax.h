/* SPDX-License-Identifier: Apache-2.0 */
/* Planes with a softmax over the channels of each pixel: pixels in lanes, channels a loop. */
#ifndef VLOSS_SOFT_PLANES_H
#define VLOSS_SOFT_PLANES_H

#include "frame/lane_sum.h"
#include "frame/overlap/channels.h"

enum {
  PLANE_CHUNK = CHUNK / 2, /* pixels whose softmax is kept while the channels take turns: 12 KiB */
  FEW_CHANNELS = 32,
  HALF = VECS / 2 /* a gradient of many channels takes half a block, for the sake of the stack */
};

/* The same of `vecs` vectors, with zeros behind fewer pixels than that. */
static inline const real *block_of(const overlap_job *j, const pixels *x, size_t k,
                                   const real *from, real *copy, size_t vecs) {
  if (!x->apart && x->count == vecs * LANES) return from + x->offset + k * j->inner;
  for (size_t i = x->count; i < vecs * LANES; i++) copy[i] = 0;
  pixels_get(j, x, k, from, copy);
  return copy;
}

/* p_k = e^(z_k - largest) inverse; 0 behind the last pixel. Where that is the largest, 1 - p_k is
 * `rest`: the difference would lose it. */
typedef struct soft_block {
  real largest[BLOCK], inverse[BLOCK], rest[BLOCK];
} soft_block;

/* e^(z - largest), 1 for equal infinities. What the difference loses would count, relative to small
 * results, as much as all other roundings. */
static inline vec soft_exponential(vec z, vec largest) {
  twofold d = exact_difference(z, largest);
  vec one = vset1(1), lost = d.rest, e = vexp(d.value);
  lost = vselect(vlt(vabs(lost), one), lost, vset1(0)); /* infinite, or next to nothing is left */
  return vselect(veq(z, largest), one, vfma(e, lost, e));
}

/* Keeps the exponentials, if there is room. Planes that stand a power of two apart push each other
 * out of the caches, so with room every logit is fetched once. */
ALWAYS_INLINE void soften(const overlap_job *j, const pixels *x, soft_block *s, real *kept,
                          size_t vecs) {
  const real *input = reals(j->base.input, 0);
  real copy[BLOCK];
  vec zero = vset1(0), one = vset1(1);
  lanes largest, ties = lanes_zero();
  for (int v = 0; v < VECS; v++) largest.lane[v] = vset1(-real_max);
  for (size_t k = 0; k < j->channels; k++) {
    const real *z = block_of(j, x, k, input, copy, vecs);
    for (size_t v = 0; v < vecs; v++) {
      vec logit = vload(z + v * LANES);
      largest.lane[v] = vmax(largest.lane[v], logit);
      if (kept) vstore(kept + (k * vecs + v) * LANES, logit);
    }
  }
  lane_sum sum = lane_sum_zero(); /* of all but the largest */
  lanes part = lanes_zero();
  for (size_t k = 0; k < j->channels; k++) {
    const real *z = kept ? kept + k * vecs * LANES : block_of(j, x, k, input, copy, vecs);
    for (size_t v = 0; v < vecs; v++) {
      vec logit = vload(z + v * LANES), e = soft_exponential(logit, largest.lane[v]);
      mask tie = veq(logit, largest.lane[v]);
      part.lane[v] = vadd(part.lane[v], vselect(tie, zero, e));
      ties.lane[v] = vadd(ties.lane[v], vselect(tie, one, zero));
      if (kept) vstore(kept + (k * vecs + v) * LANES, e);
    }
    if (k % PART == PART - 1 || k + 1 == j->channels) {
      lane_sum_add(&sum, part.lane, vecs);
      part = lanes_zero();
    }
  }
  for (int v = 0; v < (int)vecs; v++) {
    vec others = lane_sum_value(&sum, (size_t)v), all = vadd(others, ties.lane[v]);
    vec inverse = vselect(veq(all, zero), zero, vdiv(one, all));
    vstore(s->largest + v * LANES, largest.lane[v]);
    vstore(s->inverse + v * LANES, inverse);
    vstore(s->rest + v * LANES, vmul(vadd(others, vsub(ties.lane[v], one)), inverse));
  }
  for (size_t i = x->count; i < vecs * LANES; i++) s->inverse[i] = 0;
}

static inline probability soft_probability(vec z, const soft_block *s, size_t at) {
  vec largest = vload(s->largest + at);
  vec p = vmul(soft_exponential(z, largest), vload(s->inverse + at));
  return (probability){p, vselect(veq(z, largest), vload(s->rest + at), vsub(vset1(1), p))};
}

/* A chunk of one channel, softened. */
ALWAYS_INLINE void soft_channel(const overlap_job *j, const pixels *blocks, const soft_block *soft,
                                size_t count, size_t k, int squared, int faint, totals sums[3]) {
  const real *input = reals(j->base.input, 0), *target = reals(j->target, 0);
  real input_copy[BLOCK], target_copy[BLOCK];
  overlap_lanes all = overlap_lanes_zero(), part = overlap_lanes_zero();
  for (size_t b = 0; b < count; b++) {
    const real *z = block_of(j, &blocks[b], k, input, input_copy, VECS);
    const real *t = block_of(j, &blocks[b], k, target, target_copy, VECS);
    for (size_t v = 0, at = 0; v < VECS; v++, at += LANES) {
      probability p = soft_probability(vload(z + at), &soft[b], at);
      overlap_add(&part, v, p, vload(t + at), squared, faint);
    }
    if (b % (GROUP / BLOCK) == GROUP / BLOCK - 1 || b + 1 == count) {
      overlap_lanes_merge(&all, &part);
      part = overlap_lanes_zero();
    }
  }
  overlap_lanes_total(&all, sums);
}

ALWAYS_INLINE void soft_sums(const overlap_job *j, size_t begin, size_t end, int squared, int faint,
                             compensated (*out)[3]) {
  soft_block soft[PLANE_CHUNK / BLOCK];
  pixels blocks[PLANE_CHUNK / BLOCK];
  real room[FEW_CHANNELS * BLOCK], *kept = j->channels <= FEW_CHANNELS ? room : NULL;
  for (size_t i = begin; i < end; i += PLANE_CHUNK) {
    size_t count = 0;
    for (size_t at = i; at < end && count < PLANE_CHUNK / BLOCK; at += BLOCK, count++) {
      blocks[count] = pixels_open(j, at, smaller(end - at, BLOCK));
      soften(j, &blocks[count], &soft[count], kept, VECS);
    }
    for (size_t k = 0; k < j->channels; k++) {
      totals sums[3] = {totals_zero(), totals_zero(), totals_zero()};
      soft_channel(j, blocks, soft, count, k, squared, faint, sums);
      add_to_sums(out[k], sums);
    }
  }
}

/* dL/dp_k of a vector: nothing from a group without weight */
static inline vec soft_slope(const overlap_slopes *from, const slope_vectors *s, vec p, vec t) {
  return from->weightless ? vset1(0) : slope_at(s, p, t);
}

/* From exponentials to probabilities; returns sum_k p_k dL/dp_k, and keeps the dL/dp_k if there is
 * room. */
ALWAYS_INLINE lanes soft_mean_slope(const overlap_job *j, const pixels *x, const soft_block *soft,
                                    real *kept, real *kept_slopes, size_t vecs) {
  const real *target = reals(j->target, 0);
  real copy[BLOCK];
  lane_sum sum = lane_sum_zero();
  lanes part = lanes_zero();
  for (size_t k = 0; k < j->channels; k++) {
    const real *t = block_of(j, x, k, target, copy, vecs);
    slope_vectors s = slopes_open(slopes_of(j, k));
    for (size_t v = 0, at = k * vecs * LANES; v < vecs; v++, at += LANES) {
      vec p = vmul(vload(kept + at), vload(soft->inverse + v * LANES));
      vec slope = soft_slope(slopes_of(j, k), &s, p, vload(t + v * LANES));
      vstore(kept + at, p);
      if (kept_slopes) vstore(kept_slopes + at, slope);
      part.lane[v] = vfma(p, slope, part.lane[v]);
    }
    if (k % PART == PART - 1 || k + 1 == j->channels) {
      lane_sum_add(&sum, part.lane, vecs);
      part = lanes_zero();
    }
  }
  lanes mean;
  for (int v = 0; v < (int)vecs; v++) mean.lane[v] = vclamp(lane_sum_value(&sum, (size_t)v));
  return mean;
}

/* dL/dz_k = p_k (dL/dp_k - sum_i p_i dL/dp_i) */
ALWAYS_INLINE void soft_block_gradient(const overlap_job *j, const pixels *x, real *kept,
                                       real *kept_slopes, size_t vecs) {
  const real *target = reals(j->target, 0);
  real *grad = reals_out(j->base.grad, 0);
  real copy[BLOCK], result[BLOCK];
  soft_block soft;
  soften(j, x, &soft, kept, vecs);
  lanes mean = soft_mean_slope(j, x, &soft, kept, kept_slopes, vecs);
  int scattered = x->apart || x->count < vecs * LANES;
  for (size_t k = 0; k < j->channels; k++) {
    const real *t = kept_slopes ? NULL : block_of(j, x, k, target, copy, vecs);
    real *out = scattered ? result : grad + x->offset + k * j->inner;
    slope_vectors s = slopes_open(slopes_of(j, k));
    for (size_t v = 0, at = k * vecs * LANES; v < vecs; v++, at += LANES) {
      vec p = vload(kept + at);
      vec slope = kept_slopes ? vload(kept_slopes + at)
                              : soft_slope(slopes_of(j, k), &s, p, vload(t + v * LANES));
      vstore(out + v * LANES, vfnma(p, mean.lane[v], vmul(p, slope)));
    }
    if (scattered) pixels_put(j, x, k, result, grad);
  }
}

ALWAYS_INLINE void soft_blocks_gradient(const overlap_job *j, size_t begin, size_t end, real *kept,
                                        real *kept_slopes, size_t vecs) {
  for (size_t i = begin; i < end; i += vecs * LANES) {
    pixels x = pixels_open(j, i, smaller(end - i, vecs * LANES));
    soft_block_gradient(j, &x, kept, kept_slopes, vecs);
  }
}

OUT_OF_LINE void soft_gradient(const overlap_job *j, size_t begin, size_t end) {
  real kept[MOST_CHANNELS * HALF * LANES];
  if (4 * j->channels <= MOST_CHANNELS)
    soft_blocks_gradient(j, begin, end, kept, kept + j->channels * BLOCK, VECS);
  else if (2 * j->channels <= MOST_CHANNELS)
    soft_blocks_gradient(j, begin, end, kept, kept + j->channels * HALF * LANES, HALF);
  else
    soft_blocks_gradient(j, begin, end, kept, NULL, HALF);
}

COLD void plane_add_faint(const overlap_job *j, size_t begin, size_t end, compensated (*out)[3]) {
  vloss_activation activation = j->options->activation;
  int squared = j->options->squared;
  if (activation == VLOSS_SOFTMAX)
    soft_sums(j, begin, end, squared, j->faint, out);
  else
    hard_sums(j, begin, end, activation, squared, j->faint, out);
}

OUT_OF_LINE void plane_add_all(const overlap_job *j, size_t begin, size_t end) {
  compensated(*out)[3] = j->sums + begin / j->part * j->channels;
  vloss_activation activation = j->options->activation;
  int squared = j->options->squared;
  memset(out, 0, j->channels * sizeof *out);
  if (j->faint)
    plane_add_faint(j, begin, end, out);
  else if (activation == VLOSS_SOFTMAX && squared)
    soft_sums(j, begin, end, 1, 0, out);
  else if (activation == VLOSS_SOFTMAX)
    soft_sums(j, begin, end, 0, 0, out);
  else if (activation == VLOSS_SIGMOID)
    hard_sums(j, begin, end, VLOSS_SIGMOID, squared, 0, out);
  else
    hard_sums(j, begin, end, VLOSS_IDENTITY, squared, 0, out);
}

OUT_OF_LINE void plane_differentiate(const overlap_job *j, size_t begin, size_t end) {
  if (j->options->activation == VLOSS_SOFTMAX)
    soft_gradient(j, begin, end);
  else if (j->options->activation == VLOSS_SIGMOID)
    hard_gradient(j, begin, end, VLOSS_SIGMOID);
  else
    hard_gradient(j, begin, end, VLOSS_IDENTITY);
}

#endif
