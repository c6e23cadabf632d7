/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes by their corners, and the IoU of two of them: one rounding per operation, in `real`. */
#ifndef VLOSS_CORNERS_H
#define VLOSS_CORNERS_H

#include <vloss/types.h>

typedef struct corners {
  real left, top, right, bottom, area; /* left: NaN if the box has one and overlaps nothing */
} corners;

static inline real smaller_of(real a, real b) { return a < b ? a : b; }
static inline real larger_of(real a, real b) { return a > b ? a : b; }

/* One axis of a box in its format, first and second being its two numbers: its ends and extent.
 * Returns whether it is inverted, and then makes it its centre. */
static inline int axis_ends(real *first, real *second, vloss_box_format format, real *low,
                            real *high, real *extent) {
  const real half = (real)0.5;
  int inverted = format == VLOSS_XYXY ? *second < *first : *second < 0;
  if (inverted) {
    if (format == VLOSS_XYXY)
      *first = *second = half * *first + half * *second;
    else if (format == VLOSS_XYWH)
      *first += half * *second;
    if (format != VLOSS_XYXY) *second = 0;
  }
  *low = format == VLOSS_CXCYWH ? *first - half * *second : *first;
  *high = format == VLOSS_XYXY   ? *second
          : format == VLOSS_XYWH ? *first + *second
                                 : *first + half * *second;
  *extent = format == VLOSS_XYXY ? *second - *first : *second;
  return inverted;
}

/* The corners of a box, of which inverted axes become their centres. Returns whether it is
 * degenerate: an inverted axis or a NaN. */
static inline int box_corners(real box[4], vloss_box_format format, int any_corners, corners *c) {
  if (box[0] != box[0] || box[1] != box[1] || box[2] != box[2] || box[3] != box[3]) {
    *c = (corners){box[0] + box[1] + box[2] + box[3], 0, 0, 0, 0};
    return 1;
  }
  for (int k = 0; any_corners && k < 2; k++) {
    real low = smaller_of(box[k], box[k + 2]), high = larger_of(box[k], box[k + 2]);
    box[k] = low;
    box[k + 2] = high;
  }
  real width, height;
  int inverted = axis_ends(&box[0], &box[2], format, &c->left, &c->right, &width);
  inverted |= axis_ends(&box[1], &box[3], format, &c->top, &c->bottom, &height);
  c->area = width * height;
  return inverted;
}

/* Of boxes without NaN. */
static inline real corners_iou(const corners *a, const corners *b) {
  real width = smaller_of(a->right, b->right) - larger_of(a->left, b->left);
  real height = smaller_of(a->bottom, b->bottom) - larger_of(a->top, b->top);
  if (!(width > 0 && height > 0)) return 0;
  real both = width * height;
  return both != 0 ? both / ((a->area + b->area) - both) : 0;
}

#endif
