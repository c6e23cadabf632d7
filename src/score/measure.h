/* SPDX-License-Identifier: Apache-2.0 */
/* The similarities of two boxes: one rounding per operation, in the order written. */
#ifndef VLOSS_SCORE_MEASURE_H
#define VLOSS_SCORE_MEASURE_H

#include "score/box.h"

/* I = iw ih where both are > 0, else 0; for finite boxes max(iw, 0) max(ih, 0) is that */
ALWAYS_INLINE vec intersection_of(const box *a, const box *b) {
  vec zero = vset1(0);
  vec width = vsub(vmin(a->x2, b->x2), vmax(a->x1, b->x1));
  vec height = vsub(vmin(a->y2, b->y2), vmax(a->y1, b->y1));
  return vmul(vmax(width, zero), vmax(height, zero));
}

/* a where I > 0, else 0: also for the 0 times infinity of boxes without end */
ALWAYS_INLINE vec where_overlap(vec intersection, vec a) {
  return vselect(vlt(vset1(0), intersection), a, vset1(0));
}

/* U = (A + B) - I */
ALWAYS_INLINE vec union_of(const box *a, const box *b, vec intersection) {
  return vsub(vadd(a->area, b->area), intersection);
}

/* I / whole, 0 where I = 0 */
ALWAYS_INLINE vec part_of(vec intersection, vec whole) {
  return where_overlap(intersection, vdiv(intersection, whole));
}

ALWAYS_INLINE vec quotient_or_zero(vec a, vec b) {
  return vselect(veq(b, vset1(0)), vset1(0), vdiv(a, b));
}

/* The extents of the enclosing box. */
typedef struct hull {
  vec width, height;
} hull;

ALWAYS_INLINE hull hull_of(const box *a, const box *b) {
  return (hull){vsub(vmax(a->x2, b->x2), vmin(a->x1, b->x1)),
                vsub(vmax(a->y2, b->y2), vmin(a->y1, b->y1))};
}

/* (C - U) / C, x / 0 = 0 */
ALWAYS_INLINE vec hull_share(const box *a, const box *b, vec united) {
  hull h = hull_of(a, b);
  vec area = vmul(h.width, h.height);
  return quotient_or_zero(vsub(area, united), area);
}

/* (Dx^2 + Dy^2) / (cw^2 + ch^2), x / 0 = 0 */
ALWAYS_INLINE vec centre_share(const box *a, const box *b) {
  hull h = hull_of(a, b);
  vec half = vset1((real)0.5);
  vec dx = vmul(vadd(vsub(a->x1, b->x1), vsub(a->x2, b->x2)), half);
  vec dy = vmul(vadd(vsub(a->y1, b->y1), vsub(a->y2, b->y2)), half);
  vec diagonal = vadd(vmul(h.width, h.width), vmul(h.height, h.height));
  return quotient_or_zero(vadd(vmul(dx, dx), vmul(dy, dy)), diagonal);
}

/* alpha v, v = (4 / pi^2) (atan(W / H) - atan(w / h))^2, alpha = v / ((1 - IoU) + v) */
ALWAYS_INLINE vec aspect_share(const box *a, const box *b, vec iou) {
  vec across = vsub(vmul(b->width, a->height), vmul(a->width, b->height));
  vec along = vadd(vmul(b->height, a->height), vmul(b->width, a->width));
  vec angle = vangle(across, along);
  vec v = vmul(vset1((real)0.40528473456935108578), vmul(angle, angle));
  vec alpha = quotient_or_zero(v, vadd(vsub(vset1(1), iou), v));
  return vmul(alpha, v);
}

/* What a loop is made for. */
typedef struct measure_form {
  vloss_similarity_kind kind;
  int careful; /* boxes may be any, second boxes may be crowds */
  int raw;     /* what is <= 0 or NaN stands for 0, where f.careful is not set; of kinds >= 0 */
} measure_form;

ALWAYS_INLINE vec measure_any(const box *a, const box *b, vloss_similarity_kind kind, vec crowd) {
  vec intersection = intersection_of(a, b), united = union_of(a, b, intersection);
  if (kind == VLOSS_SIMILARITY_INTERSECTION) return where_overlap(intersection, intersection);
  if (kind == VLOSS_SIMILARITY_IOF) return part_of(intersection, a->area);
  if (kind == VLOSS_SIMILARITY_IOU) united = vselect(veq(crowd, vset1(0)), united, a->area);
  vec iou = part_of(intersection, united);
  if (kind == VLOSS_SIMILARITY_IOU) return iou;
  if (kind == VLOSS_SIMILARITY_GIOU) return vsub(iou, hull_share(a, b, united));
  vec diou = vsub(iou, centre_share(a, b));
  if (kind == VLOSS_SIMILARITY_DIOU) return diou;
  return vsub(diou, aspect_share(a, b, iou));
}

/* The same of ordinary boxes, with fewer operations: a division by 0 happens to 0 or less alone,
 * and that NaN counts as 0; one factor <= 0 of an intersection may stay what it is. */
ALWAYS_INLINE vec measure_ordinary(const box *a, const box *b, measure_form f) {
  vec width = vsub(vmin(a->x2, b->x2), vmax(a->x1, b->x1));
  vec height = vsub(vmin(a->y2, b->y2), vmax(a->y1, b->y1));
  vec intersection = vmul(width, vpositive(height)), united = union_of(a, b, intersection);
  vec part = f.kind == VLOSS_SIMILARITY_INTERSECTION ? intersection
             : f.kind == VLOSS_SIMILARITY_IOF        ? vdiv(intersection, a->area)
                                                     : vdiv(intersection, united);
  return f.raw ? part : vpositive(part);
}

ALWAYS_INLINE vec measure_ordinary_giou(const box *a, const box *b) {
  vec width = vsub(vmin(a->x2, b->x2), vmax(a->x1, b->x1));
  vec height = vsub(vmin(a->y2, b->y2), vmax(a->y1, b->y1));
  vec intersection = vmul(vpositive(width), vpositive(height));
  vec united = union_of(a, b, intersection), iou = vpositive(vdiv(intersection, united));
  hull h = hull_of(a, b);
  vec area = vmul(h.width, h.height);
  return vsub(iou, vdiv(vsub(area, united), vmax(area, vset1(real_least))));
}

/* The similarity of a first and a second box; `crowd`: not 0 where the second is one. */
ALWAYS_INLINE vec measure(const box *a, const box *b, measure_form f, vec crowd) {
  if (f.careful) {
    mask numbers = vand(is_number(a->x1), is_number(b->x1));
    return vselect(numbers, measure_any(a, b, f.kind, crowd), vset1((real)NAN));
  }
  if (f.kind <= VLOSS_SIMILARITY_IOF) return measure_ordinary(a, b, f);
  if (f.kind == VLOSS_SIMILARITY_GIOU) return measure_ordinary_giou(a, b);
  return measure_any(a, b, f.kind, vset1(0));
}

#endif
