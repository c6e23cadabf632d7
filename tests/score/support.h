/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of scoring share: types, seeded boxes, instruction sets, slow oracles. */
#ifndef VLOSS_TESTS_SCORE_SUPPORT_H
#define VLOSS_TESTS_SCORE_SUPPORT_H

#include <vloss/score.h>

#include "data.h"
#include "guard.h"
#include "testing.h"

typedef enum box_type { BOX_F32, BOX_F64, BOX_I32, BOX_TYPES } box_type;

size_t box_number_size(box_type type);   /* of a coordinate */
size_t value_number_size(box_type type); /* of a similarity */
double number_at(const void *array, box_type type, size_t i);
void number_put(void *array, box_type type, size_t i, double value);
/* Of a similarity: double for i32. */
double value_at(const void *array, box_type type, size_t i);

typedef enum box_data {
  BOXES_PLAIN,   /* overlapping and apart */
  BOXES_LATTICE, /* small integers: ties, touching, identical, without area (-0 too), inverted */
  BOXES_ODD,     /* the same with NaN, infinities, huge and tiny ones among them */
  BOXES_FAINT,   /* the lattice so small that areas are the least numbers or round to 0 */
  BOX_DATA
} box_data;

/* n boxes; corners for xyxy, extents for the other formats. */
void boxes_fill(rng *r, box_data kind, box_type type, vloss_box_format format, void *boxes,
                size_t n);

/* Instruction sets, and builds of them, that this machine can run: 0 ... count - 1. */
size_t isas_usable(void);
const char *isa_use(size_t index);

/* Oracles: every operation in double and then rounded to the type, which for sums, products and
 * quotients of floats is the rounding of the exact result. */
typedef struct oracle_form {
  box_type type;
  vloss_similarity_kind kind;
  vloss_box_format format;
  int any_corners;
} oracle_form;

double oracle_similarity(const oracle_form *f, const double a[4], const double b[4], int crowd);

/* Equal, or both NaN; of CIoU close. */
int oracle_agrees(const oracle_form *f, double value, double truth);

/* Orders indices by descending score, then ascending index; returns how many are > threshold. */
size_t oracle_order(const double *scores, size_t n, double threshold, size_t *order);

#endif
