/* SPDX-License-Identifier: Apache-2.0 */
/* Calls whose loss is chosen at run time: what each family makes of one. */
#ifndef VLOSS_EVALUATE_H
#define VLOSS_EVALUATE_H

#include <vloss/vloss.h>

#include "table.h"

typedef vloss_status evaluator(enum loss_id id, const vloss_call *call);

evaluator vloss_evaluate_elements, vloss_evaluate_boxes, vloss_evaluate_overlap;
evaluator vloss_evaluate_labels, vloss_evaluate_soft, vloss_evaluate_teacher, vloss_evaluate_input;

/* The fields of an options struct from the values of a call. */
void vloss_evaluate_fields(enum loss_id id, const vloss_call *call, void *options);

/* The values of the parameters as doubles. */
void vloss_evaluate_numbers(enum loss_id id, const vloss_call *call, double *numbers);

#endif
