/* SPDX-License-Identifier: Apache-2.0 */
/* The box losses as one writes them in C: boxes in order, as x1 y1 x2 y2, one after the other, no
 * eps, the options' defaults. Built as plain.c is. */
#include "plain.h"

extern const loop PLAIN_BOXES[];

#define INLINE static inline __attribute__((always_inline))

/* What the terms of a loss are made of. */
typedef struct pair {
  real w, h, target_w, target_h;
  real inner_w, inner_h;         /* of the intersection */
  real outer_w, outer_h;         /* of the enclosing box */
  real left, top, right, bottom; /* from the edges of the target to those of the prediction */
  real x, y;                     /* from the centre of the target to that of the prediction */
  real inner[4]; /* how much of an edge is the intersection's: 0, 1 or, if equal, 1/2 */
  real intersection, united, iou;
} pair;

/* How much of the slope of max(a, b) is a's. */
INLINE real part(real a, real b) { return a > b ? 1 : a == b ? (real)0.5 : 0; }

INLINE pair compare(const real *p, const real *t) {
  pair b = {
      .w = p[2] - p[0],
      .h = p[3] - p[1],
      .target_w = t[2] - t[0],
      .target_h = t[3] - t[1],
      .inner_w = most(least(p[2], t[2]) - most(p[0], t[0]), 0),
      .inner_h = most(least(p[3], t[3]) - most(p[1], t[1]), 0),
      .outer_w = most(p[2], t[2]) - least(p[0], t[0]),
      .outer_h = most(p[3], t[3]) - least(p[1], t[1]),
      .left = p[0] - t[0],
      .top = p[1] - t[1],
      .right = p[2] - t[2],
      .bottom = p[3] - t[3],
      .inner = {part(p[0], t[0]), part(p[1], t[1]), part(t[2], p[2]), part(t[3], p[3])},
  };
  b.x = (b.left + b.right) / 2;
  b.y = (b.top + b.bottom) / 2;
  b.intersection = b.inner_w * b.inner_h;
  b.united = b.w * b.h + b.target_w * b.target_h - b.intersection;
  b.iou = b.intersection / b.united;
  return b;
}

/* Each term adds its slopes to the gradient by x1 y1 x2 y2, `factor` times if it has one; the first
 * one sets it. */

INLINE void set_iou(const pair *b, real factor, real *g) {
  real by_area = -factor * b->iou / b->united, by_intersection = factor * (1 + b->iou) / b->united;
  real inner_x = b->intersection > 0 ? by_intersection * b->inner_h : 0;
  real inner_y = b->intersection > 0 ? by_intersection * b->inner_w : 0;
  g[0] = -(by_area * b->h + inner_x * b->inner[0]);
  g[1] = -(by_area * b->w + inner_y * b->inner[1]);
  g[2] = by_area * b->h + inner_x * b->inner[2];
  g[3] = by_area * b->w + inner_y * b->inner[3];
}

/* Slopes by the extents of the enclosing box. */
INLINE void add_outer(const pair *b, real x, real y, real *g) {
  g[0] -= x * (1 - b->inner[0]);
  g[1] -= y * (1 - b->inner[1]);
  g[2] += x * (1 - b->inner[2]);
  g[3] += y * (1 - b->inner[3]);
}

/* Slopes by the extents of the prediction. */
INLINE void add_extents(real x, real y, real *g) {
  g[0] -= x;
  g[1] -= y;
  g[2] += x;
  g[3] += y;
}

/* Slopes by the centre of the prediction. */
INLINE void add_centre(real x, real y, real *g) {
  g[0] += x / 2;
  g[1] += y / 2;
  g[2] += x / 2;
  g[3] += y / 2;
}

/* (C - U) / C, C the area of the enclosing box */
INLINE real gap_of(const pair *b) {
  real enclosing = b->outer_w * b->outer_h;
  return most((enclosing - b->united) / enclosing, 0);
}

INLINE void add_gap(const pair *b, real *g) {
  real enclosing = b->outer_w * b->outer_h, by_united = -1 / enclosing;
  real by_enclosing = (1 - gap_of(b)) / enclosing;
  real inner_x = b->intersection > 0 ? by_united * b->inner_h : 0;
  real inner_y = b->intersection > 0 ? by_united * b->inner_w : 0;
  add_outer(b, by_enclosing * b->outer_h, by_enclosing * b->outer_w, g);
  g[0] -= by_united * b->h - inner_x * b->inner[0];
  g[1] -= by_united * b->w - inner_y * b->inner[1];
  g[2] += by_united * b->h - inner_x * b->inner[2];
  g[3] += by_united * b->w - inner_y * b->inner[3];
}

INLINE real square_diagonal(const pair *b) {
  return b->outer_w * b->outer_w + b->outer_h * b->outer_h;
}

INLINE real distance_of(const pair *b) { return (b->x * b->x + b->y * b->y) / square_diagonal(b); }

INLINE void add_distance(const pair *b, real *g) {
  real by_square = 2 / square_diagonal(b), by_outer = -by_square * distance_of(b);
  add_centre(by_square * b->x, by_square * b->y, g);
  add_outer(b, by_outer * b->outer_w, by_outer * b->outer_h, g);
}

static const real four_over_pi_squared = (real)0.40528473456935108578;

INLINE real turn_of(const pair *b) {
  return real_atan(b->target_w / b->target_h) - real_atan(b->w / b->h);
}

INLINE void add_aspect(const pair *b, real turn, real factor, real *g) {
  real slope = factor * 2 * four_over_pi_squared * turn / (b->w * b->w + b->h * b->h);
  add_extents(-slope * b->h, slope * b->w, g);
}

INLINE real iou(const pair *b, real *g) {
  set_iou(b, -1, g);
  return 1 - b->iou;
}

INLINE real giou(const pair *b, real *g) {
  set_iou(b, -1, g);
  add_gap(b, g);
  return 1 - b->iou + gap_of(b);
}

INLINE real diou(const pair *b, real *g) {
  set_iou(b, -1, g);
  add_distance(b, g);
  return 1 - b->iou + distance_of(b);
}

INLINE real ciou(const pair *b, real *g) {
  real turn = turn_of(b), v = four_over_pi_squared * turn * turn;
  real alpha = v > 0 ? v / (1 - b->iou + v) : 0;
  set_iou(b, -1, g);
  add_distance(b, g);
  add_aspect(b, turn, alpha, g);
  return 1 - b->iou + distance_of(b) + alpha * v;
}

INLINE real eiou(const pair *b, real *g) {
  real x = (b->w - b->target_w) / b->outer_w, y = (b->h - b->target_h) / b->outer_h;
  real by_x = 2 * x / b->outer_w, by_y = 2 * y / b->outer_h;
  set_iou(b, -1, g);
  add_distance(b, g);
  add_extents(by_x, by_y, g);
  add_outer(b, -by_x * x, -by_y * y, g);
  return 1 - b->iou + distance_of(b) + x * x + y * y;
}

/* gamma 1/2; the weight is a constant. */
INLINE real focal_eiou(const pair *b, real *g) {
  real weight = real_sqrt(b->iou), loss = eiou(b, g);
  for (int k = 0; k < 4; k++) g[k] *= weight;
  return weight * loss;
}

INLINE real length(real x, real y) { return real_sqrt(x * x + y * y); }
INLINE real inverse_or_zero(real a) { return a > 0 ? 1 / a : 0; }

/* lambda 1 */
INLINE real cdiou(const pair *b, real *g) {
  real a = length(b->left, b->top), d = length(b->right, b->top);
  real e = length(b->right, b->bottom), f = length(b->left, b->bottom);
  real diagonal = real_sqrt(square_diagonal(b)), scale = 1 / (4 * diagonal);
  real cost = scale * (a + d + e + f), by_outer = -cost / (diagonal * diagonal);
  set_iou(b, -1, g);
  add_outer(b, by_outer * b->outer_w, by_outer * b->outer_h, g);
  a = inverse_or_zero(a), d = inverse_or_zero(d), e = inverse_or_zero(e), f = inverse_or_zero(f);
  g[0] += scale * b->left * (a + f);
  g[1] += scale * b->top * (a + d);
  g[2] += scale * b->right * (d + e);
  g[3] += scale * b->bottom * (e + f);
  return 1 - b->iou + cost;
}

/* (1 - e^-w)^4, w = |extent - target| / the larger one */
INLINE real shape_cost(real extent, real target, real *slope) {
  real w = real_abs(extent - target) / most(extent, target), rest = real_exp(-w), a = 1 - rest;
  real by_extent = extent > target ? target / (extent * extent) : extent < target ? -1 / target : 0;
  *slope = 4 * a * a * a * rest * by_extent;
  return a * a * a * a;
}

/* theta 4 */
INLINE real siou(const pair *b, real *g) {
  real square = b->x * b->x + b->y * b->y, x = real_abs(b->x), y = real_abs(b->y);
  real inverse = inverse_or_zero(square), factor = 2 - 2 * x * y * inverse;
  real ratio_x = b->x / b->outer_w, ratio_y = b->y / b->outer_h;
  real rest_x = real_exp(-factor * ratio_x * ratio_x);
  real rest_y = real_exp(-factor * ratio_y * ratio_y);
  real by_factor = ratio_x * ratio_x * rest_x + ratio_y * ratio_y * rest_y;
  real turned = 2 * by_factor * (x * x - y * y) * inverse * inverse;
  real by_x = 2 * factor * rest_x * ratio_x / b->outer_w;
  real by_y = 2 * factor * rest_y * ratio_y / b->outer_h;
  real sign_x = part(b->x, 0) * 2 - 1, sign_y = part(b->y, 0) * 2 - 1, by_w, by_h;
  real shape = shape_cost(b->w, b->target_w, &by_w) + shape_cost(b->h, b->target_h, &by_h);
  set_iou(b, -1, g);
  add_centre((by_x + turned * sign_x * y) / 2, (by_y - turned * sign_y * x) / 2, g);
  add_outer(b, -by_x * ratio_x / 2, -by_y * ratio_y / 2, g);
  add_extents(by_w / 2, by_h / 2, g);
  return 1 - b->iou + (2 - rest_x - rest_y + shape) / 2;
}

/* 1 - IoU^3 */
INLINE real alpha_iou(const pair *b, real *g) {
  real square = b->iou * b->iou;
  set_iou(b, -3 * square, g);
  return 1 - square * b->iou;
}

/* Returns a loss; its gradient goes to g. */
typedef real box_loss(const pair *b, real *g);

/* Two loops, and everything inlined: without a gradient, none is computed. */
INLINE void each(const call *c, box_loss *loss) {
  const real *input = c->input, *target = c->target;
  real *grad = c->grad, share = (real)1 / (real)c->shape[0], g[4];
  size_t count = 4 * c->shape[0];
  double sum = 0.0;
  for (size_t i = 0; grad == NULL && i < count; i += 4) {
    pair b = compare(input + i, target + i);
    sum += (double)loss(&b, g);
  }
  for (size_t i = 0; grad != NULL && i < count; i += 4) {
    pair b = compare(input + i, target + i);
    sum += (double)loss(&b, g);
    for (size_t k = 0; k < 4; k++) grad[i + k] = share * g[k];
  }
  put_loss(c, sum / (double)c->shape[0]);
}

#define EACH(loss) \
  static void each_##loss(const call *c) { each(c, loss); }
EACH(iou)
EACH(giou)
EACH(diou)
EACH(ciou)
EACH(eiou)
EACH(focal_eiou)
EACH(cdiou)
EACH(siou)
EACH(alpha_iou)

const loop PLAIN_BOXES[] = {
    {"iou", each_iou},     {"giou", each_giou}, {"diou", each_diou},
    {"ciou", each_ciou},   {"eiou", each_eiou}, {"focal_eiou", each_focal_eiou},
    {"cdiou", each_cdiou}, {"siou", each_siou}, {"alpha_iou", each_alpha_iou},
    {NULL, NULL},
};
