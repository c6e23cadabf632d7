/* SPDX-License-Identifier: Apache-2.0 */
/* Kept boxes filed under their centres, in the cells of a grid that is wound around a torus: cells
 * far apart may be one, which costs time alone, and cells of a row lie side by side. A box can have
 * IoU > t > 0 with those alone whose centres are near: with I > t U, its extent w and that of the
 * other one W,
 *
 *     |Dcx| < q w,  q = (1 - t) max(1, 1 / (2 t)),  and |Dcx| < (w + W) / 2
 *
 * Everything here errs on the side of more cells. */
#ifndef VLOSS_SCORE_GRID_H
#define VLOSS_SCORE_GRID_H

#include "score/measure.h"

typedef struct grid {
  vec origin_x, origin_y, inverse; /* a cell is 1 / inverse wide and high */
  vec reach;                       /* q */
  vec widest, highest;             /* box */
  uint32_t mask_x, mask_y;
  int bits_x;
} grid;

/* The cell of a coordinate: never further left for one further right. */
ALWAYS_INLINE vec cell_of(vec coordinate, vec origin, vec inverse) {
  const real most = (real)((uint64_t)1 << (MANTISSA_BITS - 2));
  vec magic = vset1(6 * most), place = vmul(vsub(coordinate, origin), inverse);
  place = vmin(vmax(place, vset1(-most)), vset1(most)); /* not NaN */
  return vsub(vadd(place, magic), magic);
}

typedef struct near {
  vec first, last;
} near;

ALWAYS_INLINE near near_cells(vec low, vec high, vec widest, vec origin, const grid *g) {
  const vec half = vset1((real)0.5), slack = vset1(sizeof(real) == 4 ? 0x1p-20f : (real)0x1p-48);
  vec extent = vsub(high, low), centre = vadd(vmul(half, low), vmul(half, high));
  vec radius = vmin(vmul(g->reach, extent), vmul(half, vadd(extent, widest)));
  radius = vmul(radius, vset1((real)1.0009765625));
  radius = vadd(radius, vmul(slack, vadd(vabs(low), vabs(high))));
  return (near){cell_of(vsub(centre, radius), origin, g->inverse),
                cell_of(vadd(centre, radius), origin, g->inverse)};
}

ALWAYS_INLINE vec centre_cell(vec low, vec high, vec origin, const grid *g) {
  const vec half = vset1((real)0.5);
  return cell_of(vadd(vmul(half, low), vmul(half, high)), origin, g->inverse);
}

/* q for a threshold, a little less of which may do: the areas of formats with extents are those of
 * the corners within 2^-8. */
static inline real reach_of(real threshold) {
  double t = (double)threshold * (1 - 0x1p-6);
  if (t < 0x1p-20) return real_max;
  return (real)((1 - t) * (t < 0.5 ? 1 / (2 * t) : 1));
}

/* The number of the cell in that column and row; a class moves both. */
static inline uint32_t cell_number(const grid *g, uint32_t x, uint32_t y) {
  return (y & g->mask_y) << g->bits_x | (x & g->mask_x);
}

static inline uint32_t class_x(uint32_t class) { return class * UINT32_C(0x9e3779b1) >> 11; }
static inline uint32_t class_y(uint32_t class) { return class * UINT32_C(0x85ebca77) >> 13; }

/* A whole number of few digits, modulo 2^32. */
static inline uint32_t whole_number(real a) { return (uint32_t)(int64_t)a; }

/* Whether a box may overlap others. One of extents whose product is 0 may: that of its corners,
 * which are rounded, need not be. */
ALWAYS_INLINE mask is_solid(const box *b) {
  return vand(vand(vlt(b->x1, b->x2), vlt(b->y1, b->y2)), vlt(b->area, vset1(real_infinity)));
}

/* Whether its extents and its area have all their digits. */
ALWAYS_INLINE mask fits(const box *b) {
  vec infinity = vset1(real_infinity), width = vsub(b->x2, b->x1), height = vsub(b->y2, b->y1);
  mask finite = vand(vlt(width, infinity), vlt(height, infinity));
  return vand(vle(vset1(real_min_normal * 1024), b->area), finite);
}

#endif
