/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes as scoring wants them: corners and area, each in an array of its own. */
#ifndef VLOSS_SCORE_BOX_H
#define VLOSS_SCORE_BOX_H

#include "frame/frame.h"
#include "score/jobs.h"

/* A box in every lane. All its numbers are NaN if one of its corners is. */
typedef struct box {
  vec x1, y1, x2, y2, area;
  vec width, height; /* in units of the longer one: the shape, for CIoU alone */
} box;

enum { BOX_NUMBERS = sizeof(box) / sizeof(vec) };

/* The same numbers of many boxes. */
typedef struct box_arrays {
  real *x1, *y1, *x2, *y2, *area, *width, *height;
} box_arrays;

static inline box_arrays box_arrays_in(real *numbers, size_t size) {
  return (box_arrays){numbers,
                      numbers + size,
                      numbers + 2 * size,
                      numbers + 3 * size,
                      numbers + 4 * size,
                      numbers + 5 * size,
                      numbers + 6 * size};
}

ALWAYS_INLINE box box_load(const box_arrays *a, size_t i) {
  return (box){vload(a->x1 + i),   vload(a->y1 + i),    vload(a->x2 + i),    vload(a->y2 + i),
               vload(a->area + i), vload(a->width + i), vload(a->height + i)};
}

ALWAYS_INLINE box box_broadcast(const box_arrays *a, size_t i) {
  return (box){vset1(a->x1[i]),   vset1(a->y1[i]),    vset1(a->x2[i]),    vset1(a->y2[i]),
               vset1(a->area[i]), vset1(a->width[i]), vset1(a->height[i])};
}

/* One axis of a box. */
typedef struct span {
  vec low, high, extent;
} span;

/* From what a format has for an axis; an inverted one is its centre. */
ALWAYS_INLINE span span_of(vec first, vec second, vloss_box_format format, int any_corners) {
  vec zero = vset1(0), half = vset1((real)0.5), halved = vmul(half, second), centre;
  span s = {first, second, vadd(second, zero)}; /* -0 is 0, by which only 0 or less is divided */
  if (format == VLOSS_XYXY) {
    mask turned = vlt(second, first); /* a NaN stays */
    s.low = any_corners ? vselect(turned, second, first) : first;
    s.high = any_corners ? vselect(turned, first, second) : second;
    s.extent = vsub(s.high, s.low);
    centre = vadd(vmul(half, first), halved);
  } else if (format == VLOSS_XYWH) {
    s.high = vadd(first, second);
    centre = vadd(first, halved);
  } else {
    s.low = vsub(first, halved);
    s.high = vadd(first, halved);
    centre = first;
  }
  mask inverted = vlt(s.extent, zero);
  return (span){vselect(inverted, centre, s.low), vselect(inverted, centre, s.high),
                vselect(inverted, zero, s.extent)};
}

static inline mask is_number(vec a) { return veq(a, a); }

/* Whether the corners of an axis are as far apart as its extent says, within 2^-10. */
ALWAYS_INLINE mask span_agrees(span s) {
  vec off = vabs(vsub(vsub(s.high, s.low), s.extent));
  return vle(off, vmul(s.extent, vset1((real)0.0009765625)));
}

/* Whether an area is a normal number, and four of them have a sum; or 0 as an extent is. */
ALWAYS_INLINE mask area_is_normal(vec area, span x, span y) {
  mask normal = vand(vle(vset1(real_min_normal), area), vlt(area, vset1(real_max / 4)));
  return vor(vor(veq(x.extent, vset1(0)), veq(y.extent, vset1(0))), normal);
}

/* A box, and whether it is an ordinary one: of a union of such boxes that overlap, and of the hull
 * of such that have an area, rounding leaves something. */
typedef struct made_box {
  box box;
  mask ordinary;
} made_box;

ALWAYS_INLINE made_box box_of(vec4 raw, vloss_box_format format, int any_corners) {
  span x = span_of(raw.x, raw.z, format, any_corners);
  span y = span_of(raw.y, raw.w, format, any_corners);
  vec nan = vset1((real)NAN);
  vec longer = vmax(vmax(x.extent, y.extent), vset1(real_min_normal));
  mask whole =
      vand(vand(is_number(x.low), is_number(x.high)), vand(is_number(y.low), is_number(y.high)));
  vec area = vselect(whole, vmul(x.extent, y.extent), nan);
  return (made_box){
      {vselect(whole, x.low, nan), vselect(whole, y.low, nan), vselect(whole, x.high, nan),
       vselect(whole, y.high, nan), area, vdiv(x.extent, longer), vdiv(y.extent, longer)},
      vand(vand(span_agrees(x), span_agrees(y)), area_is_normal(area, x, y))};
}

/* count <= LANES boxes in their order, zeros behind them */
ALWAYS_INLINE vec4 load_raw(const box_source *s, size_t begin, size_t count) {
  real block[4 * LANES] = {0};
  const real *from = block;
  if (s->integers) {
    const int32_t *data = (const int32_t *)s->data + 4 * begin;
    for (size_t k = 0; k < 4 * count; k++) block[k] = (real)data[k];
  } else if (count == LANES) {
    from = reals(s->data, 4 * begin);
  } else {
    memcpy(block, reals(s->data, 4 * begin), 4 * count * sizeof(real));
  }
  vec4 raw = vload4(from);
  return (vec4){vorder4(raw.x), vorder4(raw.y), vorder4(raw.z), vorder4(raw.w)};
}

ALWAYS_INLINE void box_store(const box_arrays *a, size_t i, box b) {
  vstore(a->x1 + i, b.x1);
  vstore(a->y1 + i, b.y1);
  vstore(a->x2 + i, b.x2);
  vstore(a->y2 + i, b.y2);
  vstore(a->area + i, b.area);
  vstore(a->width + i, b.width);
  vstore(a->height + i, b.height);
}

#endif
