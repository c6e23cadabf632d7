/* SPDX-License-Identifier: Apache-2.0 */
/* Test cases from the registry: settings of each loss's parameters, shapes, calls with arrays. */
#ifndef VLOSS_TESTS_CASES_H
#define VLOSS_TESTS_CASES_H

#include "call.h"
#include "data.h"

/* The losses to test: all, or the one that VLOSS_TEST_LOSS in the environment names. */
const vloss_loss *chosen_losses(size_t *count);

/* Settings of a loss's parameters made from its schema: 0 is the default, then one parameter
 * changed at a time, then mixtures. All are valid. */
size_t case_settings(const vloss_loss *loss);

/* A call of `loss` with that setting; shape and arrays are empty. */
call case_call(const vloss_loss *loss, dtype type, size_t setting);

/* "smooth_l1 f32 beta=0.25": what differs from the default. Returns `buffer`. */
char *case_name(const call *c, char *buffer, size_t size);
enum { CASE_NAME = 256 };

/* Shapes in which n runs along each axis in turn: variant 0, 1, ... until it returns 0. */
int case_shape(vloss_family family, size_t n, size_t variant, size_t shape[3]);

/* What a problem has beyond input and target. */
enum {
  EXTRA_WEIGHT = 1,
  EXTRA_GRAD_OUTPUT = 2,
  EXTRA_DIVISOR = 4,       /* 3.5 */
  EXTRA_SCALE = 8,         /* 1.75 */
  EXTRA_CLASS_WEIGHT = 16, /* of losses that have them */
  EXTRA_IGNORED = 32,      /* with labels: some labels are ignore_index */
  EXTRA_ALL = 63
};

/* A call with its arrays on the heap: input, target, labels (of a type that the seed chooses),
 * outputs. The outputs hold a pattern before the call. */
typedef struct problem {
  call call;
  vloss_options options; /* call.options points here */
  vloss_report report;   /* options.report points here */
  size_t elements, samples;
  size_t loss_count; /* values that the reduction writes */
  void *input, *target, *variance, *labels, *weight, *class_weight, *grad_output;
  void *loss, *grad, *grad_variance;
} problem;

/* Aborts the test program when memory is short. */
problem *problem_new(rng *r, const call *from, const size_t shape[3], data_kind kind,
                     vloss_reduction reduction, unsigned extras);
void problem_free(problem *p);

/* Calls check(context) with every ISA of this machine in turn. */
void for_each_isa(void (*check)(const void *context), const void *context);

#endif
