/* SPDX-License-Identifier: Apache-2.0 */
/* What the row losses share. */
#ifndef VLOSS_API_ROWS_H
#define VLOSS_API_ROWS_H

#include "api/check.h"
#include "table.h"

/* Sizes of a call: rows, and all of its numbers. */
typedef struct rows_shape {
  size_t rows, elements, classes, inner;
} rows_shape;

/* n x classes x inner; without classes there are no rows. */
rows_shape vloss_rows_shape_of(request *r, size_t n, size_t classes, size_t inner);

/* Finite weights that are not negative, one for each class; NULL will do. */
void vloss_rows_check_class_weights(request *r, const void *weights, size_t classes);

/* Looks at every label before anything is written; returns the sum of the rows' class weights, by
 * which a mean divides. */
double vloss_rows_check_labels(request *r, vloss_labels labels, size_t rows, size_t classes,
                               const vloss_cross_entropy_options *o, const void *class_weight);

/* Of the class weights those that are in the mean: the alphas of a focal loss are not. */
static inline const void *mean_weights(enum loss_id id, const void *class_weight) {
  return id == LOSS_focal_softmax ? NULL : class_weight;
}

/* Runs a request that is ready: `j` holds what the loss reads beside its input. */
void vloss_rows_run(request *r, enum loss_id id, const rows_shape *s, double denominator,
                    const void *input, rows_job *j);

#endif
