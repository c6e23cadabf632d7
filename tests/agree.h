/* SPDX-License-Identifier: Apache-2.0 */
/* One problem on the scalar kernels, and again on every instruction set, between guard
 * pages: the bits of loss, gradient and report must be the same. */
#ifndef VLOSS_TESTS_AGREE_H
#define VLOSS_TESTS_AGREE_H

#include "cases.h"
#include "guard.h"

/* Which outputs a call asks for. */
typedef enum want { WANT_BOTH, WANT_LOSS, WANT_GRAD, WANT_IN_PLACE, WANTS } want;

/* How a repetition differs from the reference. */
typedef struct repetition {
  placement place;
  want want;
  const vloss_executor *executor;
} repetition;

/* Set up and tear down of a cmocka group that uses the functions below. */
int agree_start(void **state);
int agree_stop(void **state);

/* Every instruction set of the library that this machine can run: 0 ... count - 1. */
size_t agree_isas(void);
int agree_is_scalar(size_t isa);

/* Fill p's outputs and report by the scalar kernels; the call must succeed. */
void agree_reference(problem *p);

/* Repeat it; a difference fails the running cmocka test. */
void agree_repeat(problem *p, size_t isa, repetition how);

/* The reference, then every instruction set with every placement and want, a quarter of them on the
 * scalar ones, which are one text; of those repetitions one in `thin`, in turn. */
void agree_all(problem *p, size_t thin);

/* A problem of seeded data and extras, checked by agree_all(). */
void agree_case(rng *r, const call *c, const size_t shape[3], data_kind kind,
                vloss_reduction reduction, size_t thin);

/* Run f for each loss and dtype of the registry. */
void agree_for_each(void (*f)(rng *r, const vloss_loss *loss, dtype type));

#endif
