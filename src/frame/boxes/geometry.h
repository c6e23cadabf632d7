/* SPDX-License-Identifier: Apache-2.0 */
/* The geometry of a predicted and a target box, in lengths that scale with the boxes. */
#ifndef VLOSS_GEOMETRY_H
#define VLOSS_GEOMETRY_H

#include "frame/frame.h"

typedef struct geometry {
  vec width, height, target_width, target_height;
  vec inner_width, inner_height; /* of the intersection, 0 where there is none */
  vec outer_width, outer_height; /* of the enclosing box */
  /* how far inside the target's edge the prediction's lies: it bounds the intersection where that
   * is positive and the enclosing box where negative, and a tie does half of each */
  vec left, top, right, bottom;
  vec intersection, united; /* areas; united includes eps */
} geometry;

/* What the denominators of a geometry are held against. */
typedef struct limits {
  vec eps;       /* in units of area */
  vec shortest;  /* length whose square is the smallest normal number */
  vec tiny;      /* a denominator below it makes its fraction 0 */
  int guarded;   /* whether one may be, or a square of an extent may underflow */
  mask ordinary; /* if guarded: lanes of which that is not so */
} limits;

/* Between these no area, no square of an outer extent and no slope (an extent by an area) leaves
 * the type. */
static inline vec largest_extent(void) {
  return vset1(sizeof(real) == 4 ? 0x1p30f : (real)0x1p254);
}
static inline vec smallest_area(void) {
  return vset1(sizeof(real) == 4 ? 0x1p-32f : (real)0x1p-256);
}
/* The inverse of an area up to this is a normal number. */
static inline vec largest_area(void) {
  return vset1(sizeof(real) == 4 ? 0x1p124f : (real)0x1p1020);
}

/* One axis of two boxes, as low and high corner. */
ALWAYS_INLINE void measure_corners(vec low, vec high, vec target_low, vec target_high, vec *inner,
                                   vec *outer) {
  *inner = vsub(vmin(high, target_high), vmax(low, target_low));
  *outer = vsub(vmax(high, target_high), vmin(low, target_low));
}

/* What one box has and the other has not: (A - I) + (B - I), from what each extent has beyond the
 * intersection, so that boxes close to each other lose nothing to rounded areas. */
ALWAYS_INLINE vec unshared_area(const geometry *g) {
  vec x = vsub(g->width, g->inner_width), y = vsub(g->height, g->inner_height);
  vec target_x = vsub(g->target_width, g->inner_width);
  vec target_y = vsub(g->target_height, g->inner_height);
  vec beside = vfma(target_x, g->target_height, vmul(x, g->height));
  return vfma(g->inner_width, vadd(y, target_y), beside);
}

/* Returns the union without eps. */
ALWAYS_INLINE vec measure_areas(geometry *g, vec eps) {
  vec zero = vset1(0);
  mask overlap = vlt(zero, vmin(g->inner_width, g->inner_height));
  g->inner_width = vselect(overlap, g->inner_width, zero);
  g->inner_height = vselect(overlap, g->inner_height, zero);
  g->intersection = vmul(g->inner_width, g->inner_height);
  vec united = vadd(g->intersection, unshared_area(g));
  g->united = vadd(united, eps);
  return united;
}

/* One axis of two boxes as formats with extents give it; also, how far inside the target's edges
 * the prediction's lie. Between rounded corners a small intersection would be as wrong as they are:
 * what rounding takes from the distance of the boxes is given back where all the rest may cancel.
 */
ALWAYS_INLINE void measure_spans(vec x, vec extent, vec target_x, vec target_extent,
                                 vloss_box_format format, vec *low, vec *high, vec *inner,
                                 vec *outer) {
  vec shorter = vmin(extent, target_extent), longer = vmax(extent, target_extent);
  vec half = vset1((real)0.5), growth = vsub(extent, target_extent);
  twofold shift = exact_difference(x, target_x);
  if (format == VLOSS_XYWH) {
    vec kept = vadd(vadd(extent, shift.value), shift.rest);
    vec target_kept = vsub(vsub(target_extent, shift.value), shift.rest);
    *low = shift.value;
    *high = vsub(vset1(0), vadd(shift.value, growth));
    *inner = vmin(shorter, vmin(kept, target_kept));
    *outer = vmax(longer, vmax(kept, target_kept));
  } else {
    vec away = vminus(shift.value), further = vturned(shift.rest, shift.value);
    vec kept = vsub(vfma(half, shorter, vfma(half, longer, away)), further);
    *low = vfnma(half, growth, shift.value);
    *high = vfnma(half, growth, vneg(shift.value));
    *inner = vmin(shorter, kept);
    *outer = vmax(longer, vfnma(vset1(2), away, kept));
  }
}

ALWAYS_INLINE vec measure(vec4 p, vec4 t, vloss_box_format format, vec eps, geometry *g) {
  if (format == VLOSS_XYXY) {
    g->width = vsub(p.z, p.x);
    g->height = vsub(p.w, p.y);
    g->target_width = vsub(t.z, t.x);
    g->target_height = vsub(t.w, t.y);
    g->left = vsub(p.x, t.x);
    g->top = vsub(p.y, t.y);
    g->right = vsub(t.z, p.z);
    g->bottom = vsub(t.w, p.w);
    measure_corners(p.x, p.z, t.x, t.z, &g->inner_width, &g->outer_width);
    measure_corners(p.y, p.w, t.y, t.w, &g->inner_height, &g->outer_height);
  } else {
    g->width = p.z;
    g->height = p.w;
    g->target_width = t.z;
    g->target_height = t.w;
    measure_spans(p.x, p.z, t.x, t.z, format, &g->left, &g->right, &g->inner_width,
                  &g->outer_width);
    measure_spans(p.y, p.w, t.y, t.w, format, &g->top, &g->bottom, &g->inner_height,
                  &g->outer_height);
  }
  return measure_areas(g, eps);
}

/* The same, but an extent of -0, as corners 0 and -0 have, is 0: a sign means inverted. */
static inline vec measure_unsigned(vec4 p, vec4 t, vloss_box_format format, vec eps, geometry *g) {
  vec zero = vset1(0), united = measure(p, t, format, eps, g);
  vec *extents[] = {&g->width,         &g->height,      &g->target_width,
                    &g->target_height, &g->outer_width, &g->outer_height};
  for (size_t k = 0; k < COUNT(extents); k++) *extents[k] = vadd(*extents[k], zero);
  return united;
}

/* What is rare about many boxes, to be asked once. */
typedef struct rarities {
  ivec signs;   /* of the extents */
  vec smallest; /* union, without eps */
  vec total;    /* of extents and unions: a NaN or a huge number anywhere stays */
} rarities;

ALWAYS_INLINE rarities no_rarities(void) { return (rarities){iset1(0), vset1(real_max), vset1(0)}; }

ALWAYS_INLINE void note_rarities(rarities *r, const geometry *g, vec united) {
  ivec extents = ior(as_int(g->width), as_int(g->height));
  ivec target_extents = ior(as_int(g->target_width), as_int(g->target_height));
  r->signs = ior(r->signs, ior(extents, target_extents));
  r->smallest = vmin(united, r->smallest);
  vec outer = vadd(g->outer_width, g->outer_height);
  r->total = vadd(r->total, vfma(g->united, smallest_area(), outer));
}

/* No inverted axis, no NaN, and no area or slope that could leave the type. */
static inline mask are_ordinary(const rarities *r) {
  mask upright = veq(as_real(ishr(r->signs, 8 * sizeof(real) - 1)), vset1(0));
  mask solid = vle(smallest_area(), r->smallest);
  return vand(vand(upright, solid), vlt(r->total, largest_extent()));
}

#endif
