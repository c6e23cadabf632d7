/* SPDX-License-Identifier: Apache-2.0 */
/* Two boxes in long double, and arithmetic that carries slopes along. */
#ifndef VLOSS_TESTS_ORACLE_BOXES_H
#define VLOSS_TESTS_ORACLE_BOXES_H

#include "oracle.h"

enum { X, Y, AXES, CORNERS = 4 };

/* A corner, as the sum of numbers of the call: rounded, it would lose a box far from the origin. */
enum { PLACE_TERMS = 4 };
typedef struct place {
  wide terms[PLACE_TERMS];
} place;

/* One axis of the pair: corners, how far they are from the target's, extents, and who wins. */
typedef struct axis {
  place low, high, target_low, target_high;
  wide from_low, from_high; /* of the target */
  wide extent, target_extent, overlap, enclosing;
  wide spread;              /* of the numbers given: what their differences are rounded at */
  wide low_wins, high_wins; /* 1 if the prediction's corner bounds the intersection, 1/2 in a tie */
  int inverted, target_inverted;
} axis;

/* A number, its slopes by the corners of the prediction (x low, x high, y low, y high), and the
 * size of the terms that made them. */
typedef struct dual {
  wide value, grad[CORNERS], size[CORNERS];
} dual;

dual constant(wide value);
dual add(dual a, dual b);
dual subtract(dual a, dual b);
dual multiply(dual a, dual b);
dual scale(dual a, wide factor);
/* A function of a, by its value and slope there. */
dual apply(dual a, wide value, wide slope);
dual absolute(dual a);         /* slope 0 at 0 */
dual distance(dual a, dual b); /* the root of the sum of squares, slope 0 at 0 */

typedef struct boxes {
  axis axes[AXES];
  wide smallest; /* normal number: smaller denominators are guarded */
  dual eps;
  dual extent[AXES], target_extent[AXES], overlap[AXES], enclosing[AXES];
  dual low[AXES], high[AXES], centre[AXES]; /* from those of the target */
  dual intersection, all, hull, iou;
  int close; /* rounding decides which corner wins */
} boxes;

boxes measure_boxes(const sample *s);
/* What is relatively so small is noise of the dtype. */
wide box_noise(const sample *s);
/* a / b, 0 with slope 0 where b is guarded */
dual fraction(const boxes *b, dual over, dual under);
/* Writes a loss whose terms are of that size. */
void finish_boxes(const sample *s, const boxes *b, dual loss, wide size, truth *t);

#endif
