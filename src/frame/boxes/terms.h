/* SPDX-License-Identifier: Apache-2.0 */
/* The terms of box losses, in two steps. What divides, takes a root or an angle is measured first,
 * for many boxes; then come values and slopes. A slope is that of an edge of the prediction which
 * moves outwards: on its way it changes the extent of its axis, as an inner edge also that of the
 * intersection, as an outer edge that of the enclosing box. */
#ifndef VLOSS_BOX_TERMS_H
#define VLOSS_BOX_TERMS_H

#include "frame/boxes/geometry.h"

/* The slopes of the edges of an axis as inner and as outer edges. */
typedef struct axis_slopes {
  vec inner, outer;
} axis_slopes;

typedef struct box_term {
  vec value;
  axis_slopes x, y;
} box_term;

/* A loss, and twice the slopes of moving each edge of the prediction outwards: twice, since a tie
 * is the mean of two. */
typedef struct box_loss {
  vec loss, left, top, right, bottom;
} box_loss;

/* What a call asks of its loss, numbers in every lane. */
typedef struct box_parameters {
  vec floor, gamma, lambda, alpha, theta;
  vloss_iou_form form;
  vloss_box_base base;
  int alpha_gate;
  int only_weight; /* the loss is to be the weight of the box, without slopes */
} box_parameters;

static inline vec edge_slope(vec inside, axis_slopes s) {
  vec zero = vset1(0), twice = vadd(s.outer, s.outer), more = vsub(s.inner, s.outer);
  return vadd(vadd(twice, vselect(vlt(zero, inside), more, zero)),
              vselect(vle(zero, inside), more, zero));
}

/* What depends on edges only. */
static inline box_loss move_edges(const geometry *g, box_term t) {
  return (box_loss){t.value, edge_slope(g->left, t.x), edge_slope(g->top, t.y),
                    edge_slope(g->right, t.x), edge_slope(g->bottom, t.y)};
}

/* Twice the slopes of moving the centre, from the slopes by twice its coordinates. */
static inline box_loss move_centre(box_loss r, vec x, vec y) {
  r.left = vsub(r.left, x);
  r.top = vsub(r.top, y);
  r.right = vadd(r.right, x);
  r.bottom = vadd(r.bottom, y);
  return r;
}

static inline axis_slopes add_slopes(axis_slopes a, axis_slopes b) {
  return (axis_slopes){vadd(a.inner, b.inner), vadd(a.outer, b.outer)};
}

static inline box_term add_terms(box_term a, box_term b) {
  return (box_term){vadd(a.value, b.value), add_slopes(a.x, b.x), add_slopes(a.y, b.y)};
}

/* A slope that was scaled: those of extents that are all but nothing must not meet as
 * infinities. */
static inline vec bounded(const limits *l, vec a) {
  vec bound = vset1(sizeof(real) == 4 ? 0x1p120f : (real)0x1p1016);
  return l->guarded ? vmin(bound, vmax(vneg(bound), a)) : a;
}

/* A function of a term, by its value and slope. */
static inline box_term apply(const limits *l, box_term t, vec value, vec slope) {
  return (box_term){value,
                    {bounded(l, vmul(t.x.inner, slope)), bounded(l, vmul(t.x.outer, slope))},
                    {bounded(l, vmul(t.y.inner, slope)), bounded(l, vmul(t.y.outer, slope))}};
}

/* base^exponent and its slope, which is 0 at 0, and bounded: it grows without end next to it */
typedef struct power {
  vec value, slope;
} power;

static inline power raise(vec base, vec exponent) {
  base = vmin(vset1(1), base);
  vec value = vpow_unit(base, exponent), slope = vdiv(vmul(exponent, value), base);
  slope = vmin(vset1(sizeof(real) == 4 ? 0x1p60f : (real)0x1p500), slope);
  return (power){value, vselect(veq(base, vset1(0)), vset1(0), slope)};
}

/* a^2 + b^2 + c */
static inline vec square_sum(vec a, vec b, vec c) { return vfma(a, a, vfma(b, b, c)); }

/* 1 / a, and 0 where a guarded fraction is 0 */
static inline vec guarded_inverse(const limits *l, vec a) {
  vec inverse = vdiv(vset1(1), a);
  return l->guarded ? vselect(vlt(a, l->tiny), vset1(0), inverse) : inverse;
}

/* 1 / a for a term without eps, which may be 0 in ordinary lanes too */
static inline vec inverse_or_zero(vec a) {
  return vselect(vlt(a, vset1(real_min_normal)), vset1(0), vdiv(vset1(1), a));
}

/* A power of two that brings an extent close to others; 1 where its square is a normal number. */
static inline vec unit_scale(const limits *l, vec extent) {
  vec one = vset1(1);
  return l->guarded ? vselect(l->ordinary, one, reciprocal_power(extent)) : one;
}

/* IoU = I / (U + eps), and the inverse of its denominator. */
typedef struct iou_measure {
  vec iou, inverse;
} iou_measure;

/* Divides by the inverse and mends the rounding: exactly 0 for disjoint, 1 for identical boxes. */
static inline iou_measure measure_iou(const geometry *g, const limits *l) {
  vec inverse = guarded_inverse(l, g->united);
  vec iou = vmul(g->intersection, inverse);
  vec remainder = vfnma(iou, g->united, g->intersection);
  return (iou_measure){vfma(remainder, inverse, iou), inverse};
}

/* 1 - IoU: dIoU = [(1 + IoU) dI - IoU dA] / (U + eps), rounded product by product, so that the
 * edges of identical boxes, half inner and half outer, cancel. */
static inline box_term overlap_term(const geometry *g, iou_measure u) {
  vec by_area = vmul(u.iou, u.inverse), by_inner = vfma(u.iou, u.inverse, u.inverse);
  vec area_x = vmul(g->height, by_area), area_y = vmul(g->width, by_area);
  return (box_term){vsub(vset1(1), u.iou),
                    {vsub(area_x, vmul(g->inner_height, by_inner)), area_x},
                    {vsub(area_y, vmul(g->inner_width, by_inner)), area_y}};
}

/* q = (C - U) / (C + eps), C the area of the enclosing box: dq = [(1 - q) dC - dA + dI] / (C +
 * eps) */
typedef struct hull_measure {
  vec q, inverse;
} hull_measure;

static inline hull_measure measure_hull(const geometry *g, const limits *l) {
  vec hull = vfma(g->outer_width, g->outer_height, l->eps);
  vec inverse = guarded_inverse(l, hull);
  return (hull_measure){vmax(vmul(vsub(hull, g->united), inverse), vset1(0)), inverse};
}

static inline box_term hull_term(const geometry *g, hull_measure h) {
  vec by_hull = vfnma(h.q, h.inverse, h.inverse);
  vec area_x = vmul(g->height, h.inverse), area_y = vmul(g->width, h.inverse);
  return (box_term){
      h.q,
      {vsub(vmul(g->inner_height, h.inverse), area_x),
       vsub(vmul(g->outer_height, by_hull), area_x)},
      {vsub(vmul(g->inner_width, h.inverse), area_y), vsub(vmul(g->outer_width, by_hull), area_y)}};
}

/* 1 - IoU + q, the slopes of areas taken together */
static inline box_term giou_term(const geometry *g, iou_measure u, hull_measure h) {
  vec zero = vset1(0);
  vec by_inner = vsub(vfma(u.iou, u.inverse, u.inverse), h.inverse);
  vec by_outer = vfnma(h.q, h.inverse, h.inverse);
  vec by_area = vfnma(u.iou, u.inverse, h.inverse);
  vec area_x = vfnma(g->height, by_area, zero), area_y = vfnma(g->width, by_area, zero);
  return (box_term){
      vadd(vsub(vset1(1), u.iou), h.q),
      {vfnma(g->inner_height, by_inner, area_x), vfma(g->outer_height, by_outer, area_x)},
      {vfnma(g->inner_width, by_inner, area_y), vfma(g->outer_width, by_outer, area_y)}};
}

/* R = (Dx^2 + Dy^2) / D, D = cw^2 + ch^2 + eps: the distance of the centres in diagonals of the
 * enclosing box; and 1 / D. */
typedef struct centre_distance {
  vec value, inverse;
} centre_distance;

static inline centre_distance measure_centres(const geometry *g, const limits *l) {
  vec diagonal = square_sum(g->outer_width, g->outer_height, l->eps);
  vec inverse = guarded_inverse(l, diagonal);
  vec x = vsub(g->left, g->right), y = vsub(g->top, g->bottom); /* 2 Dx, 2 Dy */
  vec quarter = vmul(vset1((real)0.25), inverse);
  return (centre_distance){vmul(square_sum(x, y, vset1(0)), quarter), inverse};
}

/* Adds a function of R to a term, by its value and slope. */
static inline box_loss add_centres(const geometry *g, box_term t, centre_distance d, vec value,
                                   vec slope) {
  vec by_centre = vmul(slope, d.inverse), by_outer = vmul(vmul(vset1(2), d.value), by_centre);
  t.value = vadd(t.value, value);
  t.x.outer = vfnma(by_outer, g->outer_width, t.x.outer);
  t.y.outer = vfnma(by_outer, g->outer_height, t.y.outer);
  return move_centre(move_edges(g, t), vmul(by_centre, vsub(g->left, g->right)),
                     vmul(by_centre, vsub(g->top, g->bottom)));
}

/* v = (4 / pi^2) Delta^2, Delta = atan(W/H) - atan(w/h), as one angle; slopes by the extents of the
 * prediction, 0 for a point. Only ratios matter: each box may be scaled on its own. */
typedef struct aspect {
  vec value, by_width, by_height;
} aspect;

static inline aspect measure_aspect(const geometry *g, const limits *l) {
  const real four_over_pi_square = (real)0.40528473456935108578;
  vec scale = unit_scale(l, vadd(g->width, g->height));
  vec target_scale = unit_scale(l, vadd(g->target_width, g->target_height));
  vec w = vmul(g->width, scale), h = vmul(g->height, scale);
  vec target_w = vmul(g->target_width, target_scale),
      target_h = vmul(g->target_height, target_scale);
  vec turn =
      vangle(vsub(vmul(target_w, h), vmul(w, target_h)), vfma(target_h, h, vmul(target_w, w)));
  vec part = vmul(vset1(four_over_pi_square), turn);
  vec inverse = inverse_or_zero(square_sum(w, h, vset1(0)));
  vec slope = vmul(vadd(part, part), inverse);
  return (aspect){vmul(part, turn), bounded(l, vmul(vmul(vneg(slope), h), scale)),
                  bounded(l, vmul(vmul(slope, w), scale))};
}

/* Adds a function of v to a term, by its value and slope. */
static inline box_term add_aspect(box_term t, aspect a, vec value, vec slope) {
  vec x = vmul(slope, a.by_width), y = vmul(slope, a.by_height);
  return (box_term){vadd(t.value, value),
                    {vadd(t.x.inner, x), vadd(t.x.outer, x)},
                    {vadd(t.y.inner, y), vadd(t.y.outer, y)}};
}

/* v / (1 - IoU + v), 0 for 0 / 0 */
static inline vec aspect_weight(vec v, vec iou_loss) {
  return vselect(veq(v, vset1(0)), vset1(0), vdiv(v, vadd(iou_loss, v)));
}

/* E = (w - W)^2 / (cw^2 + eps) of an axis; its slopes. */
typedef struct extent_difference {
  vec value;
  axis_slopes slopes;
} extent_difference;

static inline extent_difference measure_extents(const limits *l, vec extent, vec target_extent,
                                                vec outer) {
  vec scale = unit_scale(l, outer);
  vec d = vmul(vsub(extent, target_extent), scale), c = vmul(outer, scale);
  vec below = vfma(c, c, vmul(vmul(l->eps, scale), scale));
  vec inverse = vdiv(vset1(1), below);
  if (l->guarded) {
    vec shortest = vmul(l->shortest, scale);
    inverse = vselect(vlt(below, vmul(shortest, shortest)), vset1(0), inverse);
  }
  vec ratio = vmul(d, inverse), value = vmul(d, ratio);
  vec by_extent = bounded(l, vmul(vadd(ratio, ratio), scale));
  vec by_outer = bounded(l, vmul(vmul(vmul(vset1(-2), value), vmul(c, inverse)), scale));
  return (extent_difference){value, {by_extent, vadd(by_extent, by_outer)}};
}

/* S / (4 WY): the distances of the four corners in diagonals WY of the enclosing box; its slopes by
 * the edges, and by the extents of the enclosing box per extent. */
typedef struct corner_distance {
  vec value, by_outer;
  vec left, top, right, bottom;
} corner_distance;

/* What the steps of a loss hand over; each uses some. */
typedef struct box_terms {
  iou_measure overlap;
  hull_measure hull;
  centre_distance centres;
  aspect aspect;
  extent_difference x, y;
  corner_distance corners;
  power powers[4];
  vec weight;
  vec centre_x, centre_y; /* slopes by the coordinates of the centre */
} box_terms;

#endif
