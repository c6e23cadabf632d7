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

/* Runs a request that is ready: `j` holds what the loss reads beside its input. */
void vloss_rows_run(request *r, enum loss_id id, const rows_shape *s, double denominator,
                    const void *input, rows_job *j);

#endif
