/* SPDX-License-Identifier: Apache-2.0 */
/* Checking a call. The first fault wins and is remembered with the name of its argument; nothing
 * but the report is written before a request is ready. */
#ifndef VLOSS_CHECK_H
#define VLOSS_CHECK_H

#include "kernel.h"

typedef struct region {
  const char *name;
  const void *data;
  size_t bytes;
} region;

enum { REGIONS = 8 };

/* Filled in place: a small call costs less than a copy of this. */
typedef struct request {
  vloss_status status;
  const char *argument;
  int dtype;
  size_t width; /* bytes of a number */
  const vloss_options *options;
  void *loss, *grad;
  size_t samples, elements;
  size_t input_count;
  double denominator; /* of the mean */
  double sum;         /* in units of 2^40 */
  size_t ignored, degenerate, bad_label;
  uint64_t control;       /* the caller's floating point control word */
  region inputs[REGIONS]; /* the first input_count */
} request;

/* Starts with the options that all losses share. */
void request_open(request *r, int dtype, const vloss_options *options, void *loss, void *grad);

/* Remembers the first fault. */
void request_fail(request *r, vloss_status status, const char *argument);

/* a b, or a fault where that many numbers cannot exist */
size_t request_product(request *r, const char *argument, size_t a, size_t b);

/* An input of `count` items of `width` bytes; NULL is a fault unless count is 0. */
void request_input(request *r, const char *name, const void *data, size_t count, size_t width);

/* A parameter that the registry describes. */
void request_parameter(request *r, const vloss_parameter *parameter, double value);

/* One of an options struct's own: checks its size. Returns 0 if it cannot be read. */
int request_struct(request *r, const char *name, size_t size, size_t expected);

/* The last checks: sizes, outputs, overlap. The first input is what grad may be. Returns whether
 * the call has work to do; if not, request_close() says what to return. */
int request_ready(request *r, size_t samples, size_t elements);

/* What every job starts with; `denominator` is the mean's own. */
job request_job(request *r, double denominator);

/* A number of the call's dtype, `otherwise` if there is no such array. */
double request_number(const request *r, const void *p, size_t i, double otherwise);
void request_store(const request *r, void *p, size_t i, double value);

/* Writes the reduced loss, unless there is one per sample. */
void request_result(request *r, compensated total);

/* Writes the report and returns the status. */
vloss_status request_close(request *r);

#endif
