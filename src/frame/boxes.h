/* SPDX-License-Identifier: Apache-2.0 */
/* The loop over pairs of boxes, and the geometry that all box losses share. */
#ifndef VLOSS_BOXES_H
#define VLOSS_BOXES_H

#include "frame/geometry.h"
#include "frame/reduce.h"

/* A loss and its gradient with respect to the prediction's corners. */
typedef struct box_loss {
  vec loss, x1, y1, x2, y2;
} box_loss;

typedef box_loss boxes_step(geometry g);

/* From corners to the format of the input: x2 = x1 + w, or x = (x1 + x2) / 2, w = x2 - x1. */
ALWAYS_INLINE vec4 gradient_in_format(box_loss r, vloss_box_format format) {
  if (format == VLOSS_XYXY) return (vec4){r.x1, r.y1, r.x2, r.y2};
  vec x = vadd(r.x1, r.x2), y = vadd(r.y1, r.y2);
  if (format == VLOSS_XYWH) return (vec4){x, y, r.x2, r.y2};
  vec half = vset1((real)0.5);
  return (vec4){x, y, vmul(half, vsub(r.x2, r.x1)), vmul(half, vsub(r.y2, r.y1))};
}

/* Both corners of an axis that was replaced by its centre move it by half. */
static inline void share_slope(vec *low, vec *high, mask inverted) {
  vec mean = vmul(vset1((real)0.5), vadd(*low, *high));
  *low = vselect(inverted, mean, *low);
  *high = vselect(inverted, mean, *high);
}

static inline void rescale_gradient(box_loss *r, const rescued *rare) {
  r->x1 = vmul(r->x1, rare->scale);
  r->y1 = vmul(r->y1, rare->scale);
  r->x2 = vmul(r->x2, rare->scale);
  r->y2 = vmul(r->y2, rare->scale);
  share_slope(&r->x1, &r->x2, rare->inverted_x);
  share_slope(&r->y1, &r->y2, rare->inverted_y);
}

static inline vec4 vload4_part(const real *p, size_t count) {
  if (count == LANES) return vload4(p);
  real block[4 * LANES] = {0};
  for (size_t k = 0; k < smaller(4 * count, 4 * LANES); k++) block[k] = p[k];
  return vload4(block);
}

static inline void vstore4_part(real *p, vec4 a, size_t count) {
  if (count == LANES) {
    vstore4(p, a);
    return;
  }
  real block[4 * LANES];
  vstore4(block, a);
  for (size_t k = 0; k < 4 * count; k++) p[k] = block[k];
}

static inline size_t count_bits(unsigned bits) {
  size_t count = 0;
  for (; bits; bits &= bits - 1) count++;
  return count;
}

/* A job with its numbers as vectors, held in registers: vector stores may alias anything else. */
typedef struct boxes_call {
  const real *input, *target;
  real *loss, *grad;
  const job *base;
  vloss_box_format format;
  int general; /* weights, upstream gradients or a loss per sample */
  vec eps, upstream, loss_factor;
} boxes_call;

ALWAYS_INLINE boxes_call boxes_begin(const boxes_job *j) {
  const job *base = &j->base;
  return (boxes_call){reals(base->input, 0),
                      reals(j->target, 0),
                      reals_out(base->loss, 0),
                      reals_out(base->grad, 0),
                      base,
                      j->format,
                      base->weight || base->grad_output || base->loss,
                      vmin(largest_extent(), vset1(real_clamp(j->eps))),
                      vset1(real_clamp(base->grad_factor)),
                      vset1(real_clamp(base->loss_factor))};
}

/* Weight, upstream gradient and loss of each sample. */
ALWAYS_INLINE vec4 boxes_general(const boxes_call *c, vec *loss, vec4 grad, size_t i,
                                 size_t count) {
  sample_factors f = load_factors(c->base, i, count);
  *loss = where_weighted(vmul(*loss, f.weight), f.weight);
  if (c->loss) vstore_part(c->loss + i, vmul(*loss, c->loss_factor), count);
  grad = vmul4(grad, f.upstream);
  return (vec4){where_weighted(grad.x, f.weight), where_weighted(grad.y, f.weight),
                where_weighted(grad.z, f.weight), where_weighted(grad.w, f.weight)};
}

/* Boxes [i, i + count); returns their losses. */
ALWAYS_INLINE vec boxes_vector(const boxes_call *c, boxes_step *step, size_t i, size_t count,
                               int streamed, size_t *degenerate) {
  vec4 prediction = vload4_part(c->input + 4 * i, count);
  vec4 target = vload4_part(c->target + 4 * i, count);
  geometry g = measure(prediction, target, c->format, c->eps);
  mask ordinary = is_ordinary(&g);
  int any_rescued = !vall(ordinary);
  rescued rare;
  if (UNLIKELY(any_rescued)) {
    rescue(prediction, target, c->format, c->eps, ordinary, &rare);
    g = rare.geometry;
    *degenerate += count_bits(vbits(rare.degenerate) & ((1u << count) - 1));
  }
  box_loss r = step(g);
  if (UNLIKELY(any_rescued)) rescale_gradient(&r, &rare);
  vec4 grad = gradient_in_format(r, c->format);
  if (c->general)
    grad = boxes_general(c, &r.loss, grad, i, count);
  else
    grad = vmul4(grad, c->upstream);
  if (streamed)
    vstream4(c->grad + 4 * i, grad);
  else if (c->grad)
    vstore4_part(c->grad + 4 * i, grad, count);
  return r.loss;
}

/* Up to a chunk of boxes; their losses wait in a buffer. */
ALWAYS_INLINE void boxes_chunk(const boxes_call *c, boxes_step *step, size_t begin, size_t count,
                               totals *t, size_t *degenerate) {
  real losses[CHUNK];
  int streamed = c->grad && may_stream(c->base, c->grad + 4 * begin);
  size_t i = 0;
  for (; i + LANES <= count; i += LANES)
    vstore(losses + i, boxes_vector(c, step, begin + i, LANES, streamed, degenerate));
  if (i < count) vstore(losses + i, boxes_vector(c, step, begin + i, count - i, 0, degenerate));
  if (c->base->want_loss) totals_add_chunk(t, losses, count);
}

ALWAYS_INLINE void boxes(const void *work, size_t begin, size_t end, partial *result,
                         boxes_step *step) {
  const boxes_job *j = work;
  boxes_call c = boxes_begin(j);
  totals t = {{0}, {0}};
  for (size_t i = begin; i < end; i += CHUNK)
    boxes_chunk(&c, step, i, smaller(end - i, CHUNK), &t, &result->degenerate);
  if (j->base.stream) vstream_end();
  result->sums[0] = totals_sum(&t);
}

#endif
