/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes with every kind of trouble, and their IoU the slow way, in the dtype of the call. */
#ifndef VLOSS_TESTS_SCORE_BOXES_H
#define VLOSS_TESTS_SCORE_BOXES_H

#include "data.h"

/* Boxes on a coarse grid, so that many overlaps are equal; with `wild`, some are inverted, without
 * area or with a NaN. In either dtype. */
void boxes_fill(rng *r, dtype type, vloss_box_format format, int wild, size_t n, void *boxes);

/* A box as the library understands it. */
typedef struct plain_box {
  double place[4]; /* in its format, inverted axes replaced */
  double x[2], y[2], area;
  int nan, degenerate;
} plain_box;

plain_box box_read(dtype type, vloss_box_format format, int any_corners, const void *boxes,
                   size_t i);

/* NaN where either has one. */
double box_overlap(dtype type, const plain_box *a, const plain_box *b);

#endif
