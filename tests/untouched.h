/* SPDX-License-Identifier: Apache-2.0 */
/* A small problem of each loss, and calls that must fail without touching any output. */
#ifndef VLOSS_TESTS_UNTOUCHED_H
#define VLOSS_TESTS_UNTOUCHED_H

#include "cases.h"

/* Default parameters, every extra, a dozen samples; the shape has no axis of 1. */
problem *small_problem(const vloss_loss *loss, dtype type, vloss_reduction reduction);

/* The name of an array as the loss's prototype spells it; NULL: it has no target. */
const char *input_name(const vloss_loss *loss);
const char *target_name(const vloss_loss *loss);

/* Run `c` as a variation of p.call: it must return `status`, name `argument` in the report (any
 * name if NULL), and leave every byte of p's arrays alone. Fails the running cmocka test. */
void expect_error(const problem *p, const call *c, vloss_status status, const char *argument);

/* Run f on a small problem of each loss, dtype and reduction. */
void for_each_problem(void (*f)(problem *p));

#endif
