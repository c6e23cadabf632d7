/* SPDX-License-Identifier: Apache-2.0 */
#include "boxes.h"

#include <math.h>

/* Corners first, so that all formats hold the same boxes but for the trouble. */
void boxes_fill(rng *r, dtype type, vloss_box_format format, int wild, size_t n, void *boxes) {
  for (size_t i = 0; i < n; i++) {
    double b[4];
    size_t trouble = wild ? rng_below(r, 12) : 12;
    for (int k = 0; k < 2; k++) {
      b[k] = (double)rng_below(r, 12);
      double extent = (double)(1 + rng_below(r, 8)) + (rng_below(r, 4) ? 0 : .3);
      if (trouble == (size_t)k) extent = 0;
      if (trouble == (size_t)k + 2) extent = -extent;
      if (format == VLOSS_CXCYWH) b[k] += extent / 2;
      b[k + 2] = format == VLOSS_XYXY ? b[k] + extent : extent;
    }
    if (trouble == 4) b[rng_below(r, 4)] = NAN;
    for (size_t k = 0; k < 4; k++) data_set(type, boxes, 4 * i + k, b[k]);
  }
}

/* Rounded to the dtype. */
static double rounded(dtype type, double a) { return type == F32 ? (double)(float)a : a; }

/* One axis; sums, differences and products of two numbers of 24 bits and their halves are rounded
 * once by way of double. */
static double read_axis(dtype type, vloss_box_format format, double *first, double *second,
                        double ends[2], int *degenerate) {
  double extent = format == VLOSS_XYXY ? *second - *first : *second;
  if (extent < 0) {
    *degenerate = 1;
    if (format == VLOSS_XYXY)
      *first = *second = rounded(type, (*first + *second) / 2);
    else {
      *first = format == VLOSS_XYWH ? rounded(type, *first + *second / 2) : *first;
      *second = 0;
    }
  }
  ends[0] = *first;
  ends[1] = *second;
  if (format == VLOSS_XYWH) ends[1] = rounded(type, *first + *second);
  if (format == VLOSS_CXCYWH) {
    ends[0] = rounded(type, *first - *second / 2);
    ends[1] = rounded(type, *first + *second / 2);
  }
  return format == VLOSS_XYXY ? rounded(type, *second - *first) : *second;
}

plain_box box_read(dtype type, vloss_box_format format, int any_corners, const void *boxes,
                   size_t i) {
  plain_box b = {.nan = 0};
  for (size_t k = 0; k < 4; k++) {
    b.place[k] = data_get(type, boxes, 4 * i + k);
    if (isnan(b.place[k])) b.nan = b.degenerate = 1;
  }
  if (b.nan) return b;
  for (int k = 0; any_corners && k < 2; k++) {
    double low = fmin(b.place[k], b.place[k + 2]), high = fmax(b.place[k], b.place[k + 2]);
    b.place[k] = low;
    b.place[k + 2] = high;
  }
  double width = read_axis(type, format, &b.place[0], &b.place[2], b.x, &b.degenerate);
  double height = read_axis(type, format, &b.place[1], &b.place[3], b.y, &b.degenerate);
  b.area = rounded(type, width * height);
  return b;
}

double box_overlap(dtype type, const plain_box *a, const plain_box *b) {
  if (a->nan || b->nan) return NAN;
  double width = rounded(type, fmin(a->x[1], b->x[1]) - fmax(a->x[0], b->x[0]));
  double height = rounded(type, fmin(a->y[1], b->y[1]) - fmax(a->y[0], b->y[0]));
  if (width <= 0 || height <= 0) return 0;
  double both = rounded(type, width * height);
  double either = rounded(type, rounded(type, a->area + b->area) - both);
  return rounded(type, both / either);
}
