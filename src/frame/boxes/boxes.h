/* SPDX-License-Identifier: Apache-2.0 */
/* The loop over pairs of boxes. */
#ifndef VLOSS_BOXES_H
#define VLOSS_BOXES_H

#include "frame/boxes/repair.h"
#include "frame/boxes/terms.h"
#include "frame/reduce.h"

/* What a loss measures first, and what it makes of that. */
typedef void boxes_measures(const geometry *g, const limits *l, const box_parameters *p,
                            box_terms *t);
typedef box_loss boxes_step(const geometry *g, const limits *l, const box_parameters *p,
                            const box_terms *t);

/* From edges to the format of the input, where x2 = x1 + w, or x = (x1 + x2) / 2, w = x2 - x1;
 * `half` is half the upstream gradient. */
ALWAYS_INLINE vec4 gradient_in_format(box_loss r, vloss_box_format format, vec half) {
  vec minus = vneg(half);
  if (format == VLOSS_XYXY)
    return (vec4){vmul(r.left, minus), vmul(r.top, minus), vmul(r.right, half),
                  vmul(r.bottom, half)};
  vec x = vmul(vsub(r.right, r.left), half), y = vmul(vsub(r.bottom, r.top), half);
  if (format == VLOSS_XYWH) return (vec4){x, y, vmul(r.right, half), vmul(r.bottom, half)};
  vec quarter = vmul(vset1((real)0.5), half);
  return (vec4){x, y, vmul(vadd(r.left, r.right), quarter), vmul(vadd(r.top, r.bottom), quarter)};
}

/* Both corners of an axis that was replaced by its centre move it by half. */
static inline void share_slope(vec *low, vec *high, mask inverted) {
  vec mean = vmul(vset1((real)0.5), vsub(*high, *low));
  *low = vselect(inverted, vneg(mean), *low);
  *high = vselect(inverted, mean, *high);
}

/* Finite, and in sums of two: a factor of 0 must not meet an infinity. */
static inline vec rescale(vec slope, const rescued *rare) {
  vec most = vset1((real)0.25 * real_max),
      finite = vmin(most, vmax(vneg(most), vmul(slope, rare->scale)));
  return vselect(rare->limits.ordinary, slope, finite);
}

static inline void rescale_gradient(box_loss *r, const rescued *rare) {
  r->left = rescale(r->left, rare);
  r->top = rescale(r->top, rare);
  r->right = rescale(r->right, rare);
  r->bottom = rescale(r->bottom, rare);
  share_slope(&r->left, &r->right, rare->inverted_x);
  share_slope(&r->top, &r->bottom, rare->inverted_y);
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

/* A job with its numbers as vectors, held in registers: vector stores may alias anything else. */
typedef struct boxes_call {
  const real *input, *target;
  real *loss, *grad;
  const job *base;
  vloss_box_format format;
  int general;                /* weights, upstream gradients, a loss per sample */
  int far;                    /* from memory and, if the gradient may be streamed, back to it */
  vec eps, half, loss_factor; /* half the factor of the gradient */
  box_parameters parameters;
} boxes_call;

/* Factors from here on would make slopes of both signs infinite: the smallest diagonal has a square
 * of 2^-32 or 2^-256. */
static inline vec largest_lambda(void) {
  return vset1(sizeof(real) == 4 ? 0x1p90f : (real)0x1p750);
}

ALWAYS_INLINE boxes_call boxes_begin(const boxes_job *j, size_t begin) {
  const job *base = &j->base;
  const vloss_box_options *o = j->options;
  int streamed = may_stream(base, reals(base->grad, 4 * begin));
  return (boxes_call){
      reals(base->input, 0),
      reals(j->target, 0),
      reals_out(base->loss, 0),
      reals_out(base->grad, 0),
      base,
      o->format,
      base->weight || base->grad_output || base->loss,
      base->grad ? streamed : base->stream,
      vmin(largest_area(), vset1(real_clamp(o->eps))),
      vset1((real)0.5 * real_clamp(base->grad_factor)),
      vset1(real_clamp(base->loss_factor)),
      {vset1(real_clamp(o->floor)), vset1(real_clamp(o->gamma)),
       vmin(largest_lambda(), vset1(real_clamp(o->lambda))), vset1(real_clamp(o->alpha)),
       vset1(real_clamp(o->theta)), o->form, o->base, o->alpha_gate, j->only_weights}};
}

/* Losses and gradients of boxes [i, i + count), any options; returns the losses. */
ALWAYS_INLINE vec boxes_general(const boxes_call *c, box_loss r, size_t i, size_t count) {
  sample_factors f = load_factors(c->base, i, count);
  vec loss = where_counted(vmul(r.loss, f.weight), f.weight);
  if (c->loss) vstore_part(c->loss + i, vmul(loss, c->loss_factor), count);
  if (c->grad) {
    vec half = vmul(vset1((real)0.5), vdisorder4(f.upstream));
    vec4 grad = gradient_in_format(r, c->format, half);
    grad = (vec4){where_counted(grad.x, half), where_counted(grad.y, half),
                  where_counted(grad.z, half), where_counted(grad.w, half)};
    vstore4_part(c->grad + 4 * i, grad, count);
  }
  return loss;
}

/* What a step found of boxes [i, i + count) goes where it belongs; returns their losses. */
ALWAYS_INLINE vec boxes_finish(const boxes_call *c, box_loss r, size_t i, size_t count) {
  r.loss = vorder4(r.loss);
  if (c->general) return boxes_general(c, r, i, count);
  if (!c->grad) return r.loss;
  vec4 grad = gradient_in_format(r, c->format, c->half);
  if (c->far && count == LANES)
    vstream4(c->grad + 4 * i, grad);
  else
    vstore4_part(c->grad + 4 * i, grad, count);
  return r.loss;
}

static inline limits ordinary_limits(const boxes_call *c) {
  vec zero = vset1(0);
  return (limits){c->eps, zero, zero, 0, veq(zero, zero)};
}

/* Boxes [i, i + count) of any kind; returns their losses. */
ALWAYS_INLINE vec boxes_vector(const boxes_call *c, boxes_measures *terms, boxes_step *step,
                               size_t i, size_t count, size_t *degenerate) {
  vec4 prediction = vload4_part(c->input + 4 * i, count);
  vec4 target = vload4_part(c->target + 4 * i, count);
  rescued rare;
  rarities found = no_rarities();
  vec united = measure_unsigned(prediction, target, c->format, c->eps, &rare.geometry);
  note_rarities(&found, &rare.geometry, united);
  mask ordinary = are_ordinary(&found);
  int any_rescued = !vall(ordinary);
  rare.limits = ordinary_limits(c);
  if (UNLIKELY(any_rescued)) {
    rescue(prediction, target, c->format, c->eps, ordinary, &rare);
    *degenerate += count_bits(vbits(rare.degenerate)); /* padding is not */
  }
  box_terms t = {0}; /* a loss measures what its parameters ask for */
  terms(&rare.geometry, &rare.limits, &c->parameters, &t);
  box_loss r = step(&rare.geometry, &rare.limits, &c->parameters, &t);
  if (UNLIKELY(any_rescued)) rescale_gradient(&r, &rare);
  return boxes_finish(c, r, i, count);
}

/* What the rare path is told: where the losses go. */
typedef struct boxes_rest {
  const boxes_call *call;
  real *losses;
} boxes_rest;

/* Boxes [begin, end) of any kind, out of the way of the loop. */
ALWAYS_INLINE void boxes_rare(const void *work, size_t begin, size_t end, partial *result,
                              boxes_measures *terms, boxes_step *step) {
  const boxes_rest *rest = work;
  for (size_t i = begin; i < end; i += LANES)
    vstore(rest->losses + (i - begin),
           boxes_vector(rest->call, terms, step, i, smaller(end - i, LANES), &result->degenerate));
}

enum { BOXES = 2 * BLOCK }; /* measured together */

/* Boxes [i, i + LANES). */
ALWAYS_INLINE void boxes_measure_vector(const boxes_call *c, size_t i, vloss_box_format format,
                                        geometry *g, rarities *found) {
  const real *input = c->input + 4 * i, *target = c->target + 4 * i;
  if (c->far) prefetch_along(input, 4 * LANES);
  if (c->far) prefetch_along(target, 4 * LANES);
  vec united = measure(vload4(input), vload4(target), format, c->eps, g);
  note_rarities(found, g, united);
}

ALWAYS_INLINE mask boxes_measure(const boxes_call *c, size_t i, vloss_box_format format,
                                 geometry *g) {
  rarities found = no_rarities();
  for (size_t k = 0; k < BOXES / LANES; k++)
    boxes_measure_vector(c, i + k * LANES, format, &g[k], &found);
  return are_ordinary(&found);
}

/* Losses of BOXES boxes without gradients, in one loop: little of a geometry is needed, and nothing
 * has to be stored. Returns which lanes are ordinary. */
ALWAYS_INLINE mask boxes_losses(const boxes_call *c, boxes_measures *terms, boxes_step *step,
                                size_t i, real *losses) {
  rarities found = no_rarities();
  limits l = ordinary_limits(c);
  for (size_t k = 0; k < BOXES; k += LANES) {
    geometry g;
    box_terms t;
    boxes_measure_vector(c, i + k, c->format, &g, &found);
    terms(&g, &l, &c->parameters, &t);
    vstore(losses + k, vorder4(step(&g, &l, &c->parameters, &t).loss));
  }
  return are_ordinary(&found);
}

/* BOXES boxes from i on, if all are ordinary; returns whether they are. Three short loops: in one,
 * the chain from load to store is longer than a CPU can look ahead. */
ALWAYS_INLINE int boxes_group(const boxes_call *c, boxes_measures *terms, boxes_step *step,
                              size_t i, real *losses) {
  geometry g[BOXES / LANES];
  mask ordinary;
  if (c->format == VLOSS_XYXY)
    ordinary = boxes_measure(c, i, VLOSS_XYXY, g);
  else if (c->format == VLOSS_XYWH)
    ordinary = boxes_measure(c, i, VLOSS_XYWH, g);
  else
    ordinary = boxes_measure(c, i, VLOSS_CXCYWH, g);
  if (UNLIKELY(!vall(ordinary))) return 0;
  limits l = ordinary_limits(c);
  box_terms t[BOXES / LANES];
  for (size_t k = 0; k < BOXES / LANES; k++) terms(&g[k], &l, &c->parameters, &t[k]);
  for (size_t k = 0; k < BOXES / LANES; k++) {
    box_loss r = step(&g[k], &l, &c->parameters, &t[k]);
    vstore(losses + k * LANES, boxes_finish(c, r, i + k * LANES, LANES));
  }
  return 1;
}

/* Boxes [begin, begin + count), count <= BOXES. */
ALWAYS_INLINE void boxes_some(const boxes_call *c, boxes_measures *terms, boxes_step *step,
                              kernel *rare, size_t begin, size_t count, real *losses,
                              partial *result) {
  boxes_rest rest = {c, losses};
  int plain = !ONE_PATH && count == BOXES;
  if (plain && !c->grad && !c->general) {
    if (vall(boxes_losses(c, terms, step, begin, losses))) return;
  } else if (plain && boxes_group(c, terms, step, begin, losses)) {
    return;
  }
  rare(&rest, begin, begin + count, result);
}

/* The losses wait in a buffer, since with weights they may overflow. */
ALWAYS_INLINE void boxes(const void *work, size_t begin, size_t end, partial *result,
                         boxes_measures *terms, boxes_step *step, kernel *rare) {
  const boxes_job *j = work;
  boxes_call c = boxes_begin(j, begin);
  totals t = totals_zero();
  for (size_t i = begin; i < end; i += CHUNK) {
    real losses[CHUNK];
    size_t count = smaller(end - i, CHUNK);
    for (size_t k = 0; k < count; k += BOXES)
      boxes_some(&c, terms, step, rare, i + k, smaller(count - k, BOXES), losses + k, result);
    if (j->base.want_loss) totals_add_chunk(&t, losses, count);
  }
  if (c.far) vstream_end();
  result->sums[0] = totals_sum(&t);
}

#endif
