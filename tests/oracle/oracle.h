/* SPDX-License-Identifier: Apache-2.0 */
/* The truth about each loss, from its formula in long double: slow, sharing nothing with src/. */
#ifndef VLOSS_TESTS_ORACLE_H
#define VLOSS_TESTS_ORACLE_H

#include <stddef.h>
#include <stdint.h>

#include "call.h"

typedef long double wide;

/* What one sample reads. */
typedef struct sample {
  const call *call;
  /* values of input, target and gradient: 1 (2 with a variance, the second), 4, classes, those of a
   * group */
  size_t count;
  const wide *input, *target; /* no target where the loss has none */
  int64_t label;              /* rows with labels */
  const wide *class_weight;   /* rows; ones where the call has none */
  wide positive_weight;       /* of the sample's class, 1 where the call has none */
  /* overlap with a softmax: images of channels of inner values, of which the group has one */
  size_t channels, inner, channel; /* SIZE_MAX: all */
  const wide *held; /* NULL, or a value for what the loss calls constant in its gradient */
} sample;

/* How far a sample's result is promised. */
typedef enum trust {
  TRUST_ACCURATE, /* within the bound */
  TRUST_NOT_NAN,  /* outside the domain of the bound: anything but NaN */
  TRUST_NOTHING   /* outside the domain of the loss */
} trust;

/* What one sample gives, before weight, reduction, scale. Sizes are what the bound is relative to,
 * beside the value itself. */
typedef struct truth {
  wide loss, loss_size;
  wide *grad, *grad_size; /* sample.count each */
  int grad_ulps;          /* > 0: the gradient's bound where nothing scales it */
  int degenerate;
  trust trust;
  wide held;              /* what the loss calls constant in its gradient */
  wide share, share_size; /* of the mean's denominator; times what its error may be */
} truth;

typedef void oracle_function(const sample *s, truth *t);

typedef struct oracle_row {
  const char *name;
  oracle_function *function;
} oracle_row;

/* One table per family file, ended by a NULL name. */
extern const oracle_row oracle_distances[], oracle_binary[], oracle_elements[], oracle_boxes[],
    oracle_rows[], oracle_overlap[];

/* The truth of that loss, or NULL if nobody wrote it. */
oracle_function *oracle_find(const char *name);

/* Whether a loss takes its target, or its input, for probabilities. */
int oracle_probable_target(const call *c);
int oracle_probable_input(const call *c);
/* Whether value k belongs to the group, not only to the pixels of a softmax that it needs. */
int oracle_owns(const sample *s, size_t k);
wide oracle_parameter(const sample *s, const char *name);
/* One that the library has in the dtype of the call. */
wide oracle_narrow(const sample *s, const char *name);
/* Smallest normal and largest number of the call's dtype, and the promised errors. */
wide oracle_smallest(dtype type);
wide oracle_largest(dtype type);
wide oracle_loss_bound(dtype type);
wide oracle_grad_bound(dtype type);
/* Distance of neighbours in the dtype at a value. */
wide oracle_ulp(dtype type, wide value);

/* Walks over the samples of a call. */
typedef struct walk {
  sample sample;
  truth truth;
  size_t index;         /* of the sample */
  size_t first, stride; /* its elements: runs, the first values of which are stride apart, */
  size_t run;           /* of so many neighbours; from first on */
  int ignored;
  wide weight; /* options.weight, 1 without */
  wide *memory;
  const void *input;
  oracle_function *function;
} walk;

/* `input` stands for call->input, which may have been overwritten in place. */
walk walk_begin(const call *c, const void *input);
/* Whether samples share elements: then a gradient is the sum of what each sample gives. */
int oracle_is_coupled(const call *c);
/* The place of value k of the sample in the call's arrays. */
size_t walk_element(const walk *w, size_t k);
/* What the call wrote as the gradient of value k. */
wide walk_written(const walk *w, size_t k);
/* Set everything but the truth. */
void walk_sample(walk *w, size_t index);
/* The truth too. NaN in a sample becomes NaN all over it; an ignored or weightless one is 0. */
void walk_truth(walk *w, size_t index);
void walk_end(walk *w);

/* The worst errors of checked calls, in units of the bound. */
typedef struct verdict {
  double loss, reduced, grad;
  size_t failures;
  char first[512]; /* the first failure, in words */
} verdict;

/* Hold what a call wrote (and its report, if any) against the truth. */
void oracle_check(const call *c, const void *input, verdict *v);

#endif
