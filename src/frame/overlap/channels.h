/* SPDX-License-Identifier: Apache-2.0 */
/* Images whose channels are planes, for groups that run through several images: sums over the
 * pixels for each channel, and the gradient. */
#ifndef VLOSS_PLANES_H
#define VLOSS_PLANES_H

#include "frame/overlap/sums.h"

/* Pixels that follow each other. */
typedef struct pixels {
  size_t offset;   /* of the first one in channel 0 */
  size_t position; /* of the first one in its image */
  size_t count;
  int apart; /* they lie in several images */
} pixels;

static inline pixels pixels_open(const overlap_job *j, size_t begin, size_t count) {
  size_t image = begin / j->inner, position = begin % j->inner;
  return (pixels){image * j->image + position, position, count, count > j->inner - position};
}

/* Copies between pixels of channel k and an array. */
static inline void pixels_get(const overlap_job *j, const pixels *x, size_t k, const real *from,
                              real *to) {
  size_t at = x->offset + k * j->inner, position = x->position;
  for (size_t i = 0; i < x->count; i++, at++) {
    to[i] = from[at];
    if (++position == j->inner) position = 0, at += j->image - j->inner;
  }
}

static inline void pixels_put(const overlap_job *j, const pixels *x, size_t k, const real *from,
                              real *to) {
  size_t at = x->offset + k * j->inner, position = x->position;
  for (size_t i = 0; i < x->count; i++, at++) {
    to[at] = from[i];
    if (++position == j->inner) position = 0, at += j->image - j->inner;
  }
}

/* The pixels in channel k: where they stand, or a copy. */
static inline const real *pixels_of(const overlap_job *j, const pixels *x, size_t k,
                                    const real *from, real *copy) {
  if (!x->apart) return from + x->offset + k * j->inner;
  pixels_get(j, x, k, from, copy);
  return copy;
}

static void add_to_sums(compensated to[3], const totals sums[3]) {
  for (int i = 0; i < 3; i++) sum_merge(&to[i], totals_sum(&sums[i]));
}

/* Pixels of one image, of those from `begin` on. */
static inline pixels pixels_open_run(const overlap_job *j, size_t begin, size_t end) {
  pixels x = pixels_open(j, begin, end - begin);
  if (x.apart) x.count = j->inner - x.position;
  x.apart = 0;
  return x;
}

/* Without a softmax: one channel, run by run. */
ALWAYS_INLINE void hard_runs(const overlap_job *j, size_t begin, size_t end, size_t k,
                             vloss_activation activation, int squared, int faint, totals sums[3]) {
  const real *input = reals(j->base.input, k * j->inner), *target = reals(j->target, k * j->inner);
  pixels x;
  for (size_t i = begin; i < end; i += x.count) {
    x = pixels_open_run(j, i, end);
    for (size_t done = 0; done < x.count; done += CHUNK)
      overlap_chunk(input + x.offset + done, target + x.offset + done,
                    smaller(x.count - done, CHUNK), activation, squared, faint, j->base.stream,
                    sums);
  }
}

/* A chunk of one channel, of runs that are too short for that. */
ALWAYS_INLINE void hard_chunk(const overlap_job *j, size_t begin, size_t end, size_t k,
                              vloss_activation activation, int squared, int faint, totals sums[3]) {
  const real *input = reals(j->base.input, 0), *target = reals(j->target, 0);
  real input_copy[GROUP], target_copy[GROUP];
  overlap_lanes all = overlap_lanes_zero();
  for (size_t i = begin; i < end; i += GROUP) {
    pixels x = pixels_open(j, i, smaller(end - i, GROUP));
    overlap_lanes part = overlap_group_sums(pixels_of(j, &x, k, input, input_copy),
                                            pixels_of(j, &x, k, target, target_copy), x.count,
                                            activation, squared, faint, 0);
    overlap_lanes_merge(&all, &part);
  }
  overlap_lanes_total(&all, sums);
}

ALWAYS_INLINE void hard_sums(const overlap_job *j, size_t begin, size_t end,
                             vloss_activation activation, int squared, int faint,
                             compensated (*out)[3]) {
  int runs = j->inner >= CHUNK;
  size_t step = runs ? end - begin : CHUNK;
  for (size_t i = begin; i < end; i += step)
    for (size_t k = 0; k < j->channels; k++) {
      totals sums[3] = {totals_zero(), totals_zero(), totals_zero()};
      if (runs)
        hard_runs(j, begin, end, k, activation, squared, faint, sums);
      else
        hard_chunk(j, i, smaller(end, i + CHUNK), k, activation, squared, faint, sums);
      add_to_sums(out[k], sums);
    }
}

static inline const overlap_slopes *slopes_of(const overlap_job *j, size_t k) {
  return j->slopes + (j->shared ? 0 : k);
}

/* A run of one channel. */
ALWAYS_INLINE void hard_run(const overlap_job *j, const real *input, const real *target, real *grad,
                            size_t count, size_t k, vloss_activation activation) {
  const overlap_slopes *slopes = slopes_of(j, k);
  slope_vectors s = slopes_open(slopes);
  if (slopes->weightless)
    memset(grad, 0, count * sizeof *grad);
  else if (may_stream(&j->base, grad))
    overlap_run(input, target, grad, count, &s, activation, 1);
  else
    overlap_run(input, target, grad, count, &s, activation, 0);
}

/* A piece of one channel, of runs that are too short for that. */
ALWAYS_INLINE void hard_piece(const overlap_job *j, const pixels *x, size_t k,
                              vloss_activation activation) {
  real input_copy[GROUP], target_copy[GROUP], result[GROUP];
  const real *input = pixels_of(j, x, k, reals(j->base.input, 0), input_copy);
  const real *target = pixels_of(j, x, k, reals(j->target, 0), target_copy);
  real *grad = reals_out(j->base.grad, 0);
  hard_run(j, input, target, x->apart ? result : grad + x->offset + k * j->inner, x->count, k,
           activation);
  if (x->apart) pixels_put(j, x, k, result, grad);
}

ALWAYS_INLINE void hard_gradient(const overlap_job *j, size_t begin, size_t end,
                                 vloss_activation activation) {
  int runs = j->inner >= CHUNK;
  size_t step = runs ? end - begin : CHUNK;
  pixels x;
  for (size_t i = begin; i < end; i += step)
    for (size_t k = 0; k < j->channels; k++)
      for (size_t at = i, last = smaller(end, i + step); at < last; at += x.count) {
        x = runs ? pixels_open_run(j, at, last) : pixels_open(j, at, smaller(last - at, GROUP));
        hard_piece(j, &x, k, activation);
      }
  if (j->base.stream) vstream_end();
}

#endif
