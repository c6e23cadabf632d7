/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes out of the ordinary: inverted axes become their centres, and lengths whose products would
 * leave the type are scaled. Rare, and out of the way of the loop. */
#ifndef VLOSS_REPAIR_H
#define VLOSS_REPAIR_H

#include "frame/boxes/geometry.h"

/* Boxes out of the ordinary, brought into it. */
typedef struct rescued {
  geometry geometry; /* of the repaired boxes, its lengths times scale */
  limits limits;
  vec scale;
  mask inverted_x, inverted_y; /* the prediction's axes that became their centre */
  mask degenerate;             /* any inverted axis */
} rescued;

static inline vec largest_of(vec4 a) {
  return vmax(vmax(vabs(a.x), vabs(a.y)), vmax(vabs(a.z), vabs(a.w)));
}

/* 0, or NaN where a coordinate is not finite */
static inline vec poison_of(vec4 a) {
  return vadd(vadd(vsub(a.x, a.x), vsub(a.y, a.y)), vadd(vsub(a.z, a.z), vsub(a.w, a.w)));
}

/* A power of two that brings a length between 2^17 and 2^18, if there is one: a large number, since
 * small ones beside it have inverses. */
static inline vec reciprocal_power(vec a) {
  vec exponent = vsub(vset1(2 * exponent_bias + 17), biased_exponent(a));
  return power_of_two(vmax(vset1(1), vmin(vset1(2 * exponent_bias), exponent)));
}

/* How far inside an edge lies, scaled: what underflows still lies there. */
static inline vec scale_offset(vec a, vec scale) {
  vec zero = vset1(0), product = vmul(a, scale), least = vset1(real_min_normal);
  vec side = vselect(vlt(a, zero), vneg(least), vselect(vlt(zero, a), least, product));
  return vselect(veq(product, zero), side, product);
}

static inline void scale_lengths(geometry *g, vec scale) {
  vec *lengths[] = {&g->width,       &g->height,       &g->target_width, &g->target_height,
                    &g->inner_width, &g->inner_height, &g->outer_width,  &g->outer_height};
  vec *offsets[] = {&g->left, &g->top, &g->right, &g->bottom};
  for (size_t k = 0; k < COUNT(lengths); k++) *lengths[k] = vmul(*lengths[k], scale);
  for (size_t k = 0; k < COUNT(offsets); k++) *offsets[k] = scale_offset(*offsets[k], scale);
}

/* The ends of an axis; twice its centre if it is inverted. */
typedef struct ends {
  twofold low, high;
} ends;

static inline twofold select_twofold(mask m, twofold a, twofold b) {
  return (twofold){vselect(m, a.value, b.value), vselect(m, a.rest, b.rest)};
}

/* a - b, rounded once where it is small beside both */
static inline vec difference(twofold a, twofold b) {
  twofold values = exact_difference(a.value, b.value), rests = exact_difference(b.rest, a.rest);
  twofold both = exact_difference(values.value, rests.value);
  return vadd(both.value, vadd(both.rest, vsub(values.rest, rests.rest)));
}

/* As exact sums: rounded, the centre of corners that are far apart would lose a box beside it. */
static ends find_ends(vec first, vec second, mask inverted, vloss_box_format format) {
  static const real shares[][3][2] = {[VLOSS_XYXY] = {{1, 0}, {0, -1}, {0.5, -0.5}},
                                      [VLOSS_XYWH] = {{1, 0}, {1, -1}, {1, -0.5}},
                                      [VLOSS_CXCYWH] = {{1, 0.5}, {1, -0.5}, {1, 0}}};
  twofold places[3]; /* low, high, centre */
  for (size_t k = 0; k < COUNT(places); k++) {
    const real *share = shares[format][k];
    places[k] = exact_difference(vmul(vset1(share[0]), first), vmul(vset1(share[1]), second));
  }
  return (ends){select_twofold(inverted, places[2], places[0]),
                select_twofold(inverted, places[2], places[1])};
}

/* One axis of a geometry. */
typedef struct axis {
  vec *low, *high, *extent, *target_extent, *inner, *outer;
} axis;

/* Measures an axis again where it is inverted: then there is no intersection. */
static void mend_axis(ends p, ends t, mask inverted, mask target_inverted, axis a) {
  vec zero = vset1(0), low = difference(p.low, t.low), high = difference(t.high, p.high);
  vec outer = difference(select_twofold(vlt(high, zero), p.high, t.high),
                         select_twofold(vlt(low, zero), p.low, t.low));
  mask either = vor(inverted, target_inverted);
  *a.low = vselect(either, low, *a.low);
  *a.high = vselect(either, high, *a.high);
  *a.extent = vselect(inverted, zero, *a.extent);
  *a.target_extent = vselect(target_inverted, zero, *a.target_extent);
  *a.inner = vselect(either, zero, *a.inner);
  *a.outer = vselect(either, outer, *a.outer);
}

/* The root of the smallest normal number; an area so small in rescued lengths, of which some are
 * above 2^16, that the lengths are outside the range of finite slopes, or 0. */
static const real root_of_smallest = sizeof(real) == 4 ? 0x1p-63f : (real)0x1p-511;
static const real no_area = sizeof(real) == 4 ? 0x1p-104f : (real)0x1p-1000;

/* Repairs the lanes of r->geometry that are not ordinary and leaves the others as they are, bit for
 * bit. */
COLD void rescue(vec4 p, vec4 t, vloss_box_format format, vec eps, mask ordinary, rescued *r) {
  vec zero = vset1(0), one = vset1(1), poison = vadd(poison_of(p), poison_of(t));
  geometry *g = &r->geometry;
  r->inverted_x = vlt(g->width, zero);
  r->inverted_y = vlt(g->height, zero);
  mask target_x = vlt(g->target_width, zero), target_y = vlt(g->target_height, zero);
  r->degenerate = vor(vor(r->inverted_x, r->inverted_y), vor(target_x, target_y));

  /* differences of the largest numbers would overflow */
  vec largest = vmax(largest_of(p), largest_of(t));
  mask huge = vlt(vset1(sizeof(real) == 4 ? 0x1p92f : (real)0x1p540), largest);
  vec shrink = vselect(ordinary, one, vselect(huge, vset1(0x1p-8f), one));
  p = vmul4(p, shrink);
  t = vmul4(t, shrink);
  (void)measure_unsigned(p, t, format, eps, g);
  mend_axis(
      find_ends(p.x, p.z, r->inverted_x, format), find_ends(t.x, t.z, target_x, format),
      r->inverted_x, target_x,
      (axis){&g->left, &g->right, &g->width, &g->target_width, &g->inner_width, &g->outer_width});
  mend_axis(find_ends(p.y, p.w, r->inverted_y, format), find_ends(t.y, t.w, target_y, format),
            r->inverted_y, target_y,
            (axis){&g->top, &g->bottom, &g->height, &g->target_height, &g->inner_height,
                   &g->outer_height});
  vec scale = vselect(ordinary, one, reciprocal_power(vadd(g->outer_width, g->outer_height)));
  scale = vadd(scale, poison);
  r->scale = vmul(shrink, scale);
  vec tiny = vset1(real_min_normal);
  r->limits = (limits){vmin(largest_area(), vmul(vmul(eps, r->scale), r->scale)),
                       vmax(tiny, vmul(vset1(root_of_smallest), r->scale)),
                       vmax(vset1(no_area), vmul(vmul(tiny, r->scale), r->scale)), 1, ordinary};
  scale_lengths(g, scale);
  (void)measure_areas(g, r->limits.eps);
}

#endif
