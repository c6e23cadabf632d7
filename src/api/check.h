/* SPDX-License-Identifier: Apache-2.0 */
/* Checking the call of a loss (score.h: of anything else). The first fault wins and is remembered
 * with the name of its argument; nothing but the report is written before a request is ready.
 * Inline, but for the rare: a loss of 4096 elements takes 150 ns, and as functions these checks
 * took 40. */
#ifndef VLOSS_CHECK_H
#define VLOSS_CHECK_H

#include <string.h>

#include "api/digits.h"
#include "api/numbers.h"
#include "api/region.h"
#include "api/structs.h"
#include "cpu.h"
#include "job.h"

typedef struct request {
  vloss_status status;
  const char *argument; /* that status complains of */
  vloss_dtype dtype;
  const vloss_options *options;
  vloss_options own; /* of a caller who knows fewer of them */
  void *loss, *grad;
  size_t samples, elements;
  region loss_bytes, grad_bytes, report_bytes;
  void *further; /* a second gradient, or NULL, */
  const char *further_name;
  region further_bytes;
  double denominator;   /* of the mean */
  int no_loss, no_grad; /* a factor of 0 empties the losses of the samples, the gradients */
  double sum;           /* in units of 2^40 */
  size_t ignored, degenerate, bad_label;
  uint64_t control; /* the caller's floating point control word */
} request;

static const vloss_options default_options = VLOSS_OPTIONS_INIT;

/* The numbers and callbacks among the options; on a fault, `argument` names it. */
vloss_status vloss_options_fault(const vloss_options *options, const char **argument);

/* Whether a value is what the registry asks for. */
vloss_status vloss_parameter_fault(const vloss_parameter *parameter, double value);

/* Remembers the first fault. */
static inline void request_fail(request *r, vloss_status status, const char *argument) {
  if (r->status != VLOSS_OK) return;
  r->status = status;
  r->argument = argument;
}

/* Bytes of a number. */
static inline size_t request_width(const request *r) { return number_width(r->dtype); }

/* An options struct; NULL if there is none or it cannot be read. */
static inline const void *request_struct(request *r, const char *name, const void *options,
                                         struct_sizes known) {
  if (!options || struct_is_known(options, known)) return options;
  request_fail(r, VLOSS_ERROR_STRUCT_SIZE, name);
  return NULL;
}

/* Options with all fields, of a caller who knows fewer. */
static inline const vloss_options *request_complete(request *r, const vloss_options *options) {
  r->own = default_options;
  return memcpy(&r->own, options, options->struct_size);
}

/* Starts with the options that all losses share. */
static inline void request_open(request *r, vloss_dtype dtype, const vloss_options *options,
                                void *loss, void *grad) {
  *r = (request){.status = VLOSS_OK,
                 .dtype = dtype,
                 .options = &default_options,
                 .loss = loss,
                 .grad = grad,
                 .bad_label = SIZE_MAX,
                 .control = vloss_cpu_pin()};
  if (request_struct(r, "options", options, OPTIONS_SIZES)) {
    const char *argument = NULL;
    if (options->struct_size < sizeof *options) options = request_complete(r, options);
    vloss_status status = vloss_options_fault(options, &argument);
    request_fail(r, status, argument);
    r->options = options;
  }
}

/* A parameter that the registry describes. */
static inline void request_parameter(request *r, const vloss_parameter *parameter, double value) {
  vloss_status fault = vloss_parameter_fault(parameter, value);
  if (fault != VLOSS_OK) request_fail(r, fault, parameter->name);
}

/* The default of a field. */
static inline void set_default(const vloss_parameter *p, char *field) {
  if (p->choices)
    *(int *)(void *)field = (int)p->value;
  else if (p->whole)
    *(int64_t *)(void *)field = (int64_t)p->value;
  else
    *(double *)(void *)field = p->value;
}

/* Copies the fields that a loss has from the caller's struct (NULL: their defaults, which
 * also stand for fields that it does not have) to one that holds something valid in all fields, and
 * checks them. Those that only other losses have are not looked at. */
static inline void request_fields(request *r, const vloss_loss *about, const void *from, void *to) {
  for (size_t k = 0; k < about->parameter_count; k++) {
    const vloss_parameter *p = &about->parameters[k];
    char *field = (char *)to + p->offset;
    if (!struct_has(from, p->offset)) {
      set_default(p, field);
      continue;
    }
    const char *source = (const char *)from + p->offset;
    if (p->choices) {
      memcpy(field, source, sizeof(int));
      request_parameter(r, p, (double)*(const int *)(const void *)source);
    } else {
      memcpy(field, source, sizeof(double)); /* or an int64_t, of which every one is good */
      if (!p->whole) request_parameter(r, p, *(const double *)(const void *)source);
    }
  }
}

/* a b, or a fault where that many numbers cannot exist */
static inline size_t request_product(request *r, const char *argument, size_t a, size_t b) {
  size_t most = PTRDIFF_MAX / request_width(r);
  size_t product;
  if (!__builtin_mul_overflow(a, b, &product) && product <= most) return product;
  request_fail(r, VLOSS_ERROR_SIZE, argument);
  return 0;
}

/* What the call will write, from sizes that request_product() has seen; before its inputs. Of
 * nothing, no output need be wanted. */
static inline void request_outputs(request *r, size_t samples, size_t elements) {
  const vloss_options *o = r->options;
  size_t width = request_width(r);
  r->samples = samples;
  r->elements = elements;
  r->loss_bytes = region_of(r->loss, (o->reduction == VLOSS_NONE ? samples : 1) * width);
  r->grad_bytes = region_of(r->grad, elements * width);
  r->further_bytes = region_of(r->further, elements * width);
  r->report_bytes = region_of(o->report, o->report ? o->report->struct_size : 0);
  if (elements && !r->loss && !r->grad && !r->further) request_fail(r, VLOSS_ERROR_NULL, "loss");
}

/* An input of `count` items of `width` bytes; NULL is a fault unless count is 0, and so is an
 * overlap with an output. */
static inline void request_input(request *r, const char *name, const void *data, size_t count,
                                 size_t width) {
  region bytes = region_of(data, count * width);
  if (count && !data) request_fail(r, VLOSS_ERROR_NULL, name);
  if (regions_overlap(bytes, r->grad_bytes)) request_fail(r, VLOSS_ERROR_OVERLAP, "grad");
  if (regions_overlap(bytes, r->loss_bytes)) request_fail(r, VLOSS_ERROR_OVERLAP, "loss");
  if (regions_overlap(bytes, r->report_bytes)) request_fail(r, VLOSS_ERROR_OVERLAP, "report");
  if (regions_overlap(bytes, r->further_bytes))
    request_fail(r, VLOSS_ERROR_OVERLAP, r->further_name);
}

/* The input of `elements` that grad may be. */
static inline void request_main_input(request *r, const char *name, const void *data) {
  region grad = r->grad_bytes;
  if (data == r->grad) r->grad_bytes = (region){0, 0};
  request_input(r, name, data, r->elements, request_width(r));
  r->grad_bytes = grad;
}

/* The input of `elements` that the second gradient may be. */
static inline void request_further_input(request *r, const char *name, const void *data) {
  region further = r->further_bytes;
  if (data == r->further) r->further_bytes = (region){0, 0};
  request_input(r, name, data, r->elements, request_width(r));
  r->further_bytes = further;
}

/* The inputs among the options, and the outputs among themselves. Returns whether the call has work
 * to do; if not, request_close() says what to return. */
static inline int request_ready(request *r) {
  const vloss_options *o = r->options;
  size_t width = request_width(r);
  if (o->weight) request_input(r, "weight", o->weight, r->samples, width);
  if (o->grad_output)
    request_input(r, "grad_output", o->grad_output, o->reduction == VLOSS_NONE ? r->samples : 1,
                  width);
  if (regions_overlap(r->loss_bytes, r->grad_bytes)) request_fail(r, VLOSS_ERROR_OVERLAP, "loss");
  if (regions_overlap(r->report_bytes, r->grad_bytes) ||
      regions_overlap(r->report_bytes, r->loss_bytes))
    request_fail(r, VLOSS_ERROR_OVERLAP, "report");
  if (regions_overlap(r->further_bytes, r->loss_bytes) ||
      regions_overlap(r->further_bytes, r->grad_bytes) ||
      regions_overlap(r->further_bytes, r->report_bytes))
    request_fail(r, VLOSS_ERROR_OVERLAP, r->further_name);
  return r->status == VLOSS_OK;
}

/* A number of the call's dtype, `otherwise` if there is no such array. */
static inline double request_number(const request *r, const void *p, size_t i, double otherwise) {
  return number_at(r->dtype, p, i, otherwise);
}

static inline void request_store(const request *r, void *p, size_t i, double value) {
  number_put(r->dtype, p, i, value);
}

/* What multiplies every gradient. */
static inline double request_grad_factor(const request *r) {
  const vloss_options *o = r->options;
  int up = 0, down = 0, none = o->reduction == VLOSS_NONE;
  double upstream = request_number(r, none || !r->samples ? NULL : o->grad_output, 0, 1);
  double denominator = o->reduction == VLOSS_MEAN ? r->denominator : 1;
  if (denominator <= 0) return 0;
  if (o->scale == 1) return upstream / denominator; /* and no other way to leave the type */
  double digits = digits_of(o->scale, &up) * digits_of(upstream, &up);
  digits /= digits_of(denominator, &down);
  return from_digits(digits, up - down);
}

static inline int request_is_zero(const request *r, double factor) {
  return r->dtype == VLOSS_F64 ? factor == 0 : (float)factor == 0;
}

/* Fills in what every job starts with; `denominator` is the mean's own. What a factor of 0 empties
 * is none of a kernel's outputs: 0 times what it finds may be NaN. */
static inline void request_job(request *r, double denominator, const void *input, job *j) {
  const vloss_options *o = r->options;
  int none = o->reduction == VLOSS_NONE;
  r->denominator = o->divisor > 0 ? o->divisor : denominator;
  j->loss_factor = o->scale;
  j->grad_factor = request_grad_factor(r);
  r->no_loss = request_is_zero(r, j->loss_factor);
  r->no_grad = request_is_zero(r, j->grad_factor);
  j->input = input;
  j->weight = o->weight;
  j->grad_output = none ? o->grad_output : NULL;
  j->loss = none && !r->no_loss ? r->loss : NULL;
  j->grad = r->no_grad ? NULL : r->grad;
  j->want_loss = r->loss != NULL;
  j->stream = r->elements * request_width(r) >= STREAM_BYTES;
}

/* The reduced loss; that of nothing is 0. */
static inline double request_reduced(const request *r, double sum) {
  const vloss_options *o = r->options;
  int up = 0, down = 0;
  double denominator = o->reduction == VLOSS_MEAN ? r->denominator : 1;
  if (r->no_loss || denominator <= 0) return 0;
  if (o->scale == 1) return sum / denominator / SUM_UNIT;
  double digits = digits_of(sum, &up) / digits_of(denominator, &down);
  digits *= digits_of(o->scale, &up);
  return from_digits(digits / SUM_UNIT, up - down);
}

static inline void request_clear(const request *r, void *output, size_t count) {
  if (output) memset(output, 0, count * request_width(r));
}

/* Writes the outputs that a factor of 0 empties, and the reduced loss, unless there is one per
 * sample. */
static inline void request_result(request *r, compensated total) {
  if (r->no_grad) {
    request_clear(r, r->grad, r->elements);
    request_clear(r, r->further, r->elements);
  }
  if (!r->loss) return;
  r->sum = total.value + total.error;
  if (r->options->reduction != VLOSS_NONE)
    request_store(r, r->loss, 0, request_reduced(r, r->sum));
  else if (r->no_loss)
    request_clear(r, r->loss, r->samples);
}

/* Writes the report and returns the status. */
static inline vloss_status request_close(request *r) {
  vloss_report *report = r->options->report;
  if (report && struct_is_known(report, REPORT_SIZES))
    struct_put(report,
               &(vloss_report){0, r->sum / SUM_UNIT, r->denominator, r->samples - r->ignored,
                               r->ignored, r->degenerate, r->bad_label, r->argument});
  vloss_cpu_unpin(r->control);
  return r->status;
}

#endif
