/* SPDX-License-Identifier: Apache-2.0 */
/* Checking a call. The first fault wins and is remembered with the name of its argument; nothing
 * but the report is written before a request is ready. Inline, but for the rare: a loss of 4096
 * elements takes 150 ns, and as functions these checks took 40. */
#ifndef VLOSS_CHECK_H
#define VLOSS_CHECK_H

#include "cpu.h"
#include "kernel.h"

/* Larger gradients do not come back from a cache in time to be worth keeping there. */
#define STREAM_BYTES ((size_t)16 << 20)

/* The bytes of an array, [0, 0) if there are none. */
typedef struct region {
  const char *name;
  uintptr_t begin, end;
} region;

enum { REGIONS = 8 };

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

extern const vloss_options vloss_default_options;

/* Remembers the first fault. */
void request_fail(request *r, vloss_status status, const char *argument);

/* Takes the caller's options and checks the numbers and callbacks among them. */
void request_options(request *r, const vloss_options *options);

/* A parameter that the registry describes. */
void request_parameter(request *r, const vloss_parameter *parameter, double value);

/* One of an options struct's own: checks its size. Returns 0 if it cannot be read. */
int request_struct(request *r, const char *name, size_t size, size_t expected);

/* Starts with the options that all losses share. */
static inline void request_open(request *r, int dtype, const vloss_options *options, void *loss,
                                void *grad) {
  r->control = vloss_cpu_pin();
  r->status = VLOSS_OK;
  r->argument = NULL;
  r->dtype = dtype;
  r->width = dtype == DTYPE_F64 ? sizeof(double) : sizeof(float);
  r->options = &vloss_default_options;
  r->loss = loss;
  r->grad = grad;
  r->samples = r->elements = r->input_count = 0;
  r->denominator = r->sum = 0;
  r->ignored = r->degenerate = 0;
  r->bad_label = SIZE_MAX;
  if (options) request_options(r, options);
  if (!loss && !grad) request_fail(r, VLOSS_ERROR_NULL, "loss");
}

/* a b, or a fault where that many numbers cannot exist */
static inline size_t request_product(request *r, const char *argument, size_t a, size_t b) {
  size_t most = PTRDIFF_MAX / r->width, product;
  if (!__builtin_mul_overflow(a, b, &product) && product <= most) return product;
  request_fail(r, VLOSS_ERROR_SIZE, argument);
  return 0;
}

static inline region region_of(const char *name, const void *data, size_t bytes) {
  uintptr_t begin = bytes ? (uintptr_t)data : 0;
  return (region){name, begin, begin + bytes};
}

static inline int regions_overlap(region a, region b) { return a.begin < b.end && b.begin < a.end; }

/* An input of `count` items of `width` bytes; NULL is a fault unless count is 0. */
static inline void request_input(request *r, const char *name, const void *data, size_t count,
                                 size_t width) {
  if (count && !data) request_fail(r, VLOSS_ERROR_NULL, name);
  r->inputs[r->input_count++] = region_of(name, data, count * width);
}

/* An output against every input; only grad may be the first input itself. */
static inline void request_output(request *r, region output) {
  int first = output.begin == (uintptr_t)r->grad && output.begin == r->inputs[0].begin;
  for (size_t k = (size_t)first; k < r->input_count; k++)
    if (regions_overlap(output, r->inputs[k])) request_fail(r, VLOSS_ERROR_OVERLAP, output.name);
}

/* The last checks: sizes, outputs, overlap. The first input is what grad may be. Returns whether
 * the call has work to do; if not, request_close() says what to return. */
static inline int request_ready(request *r, size_t samples, size_t elements) {
  const vloss_options *o = r->options;
  int none = o->reduction == VLOSS_NONE;
  r->samples = samples;
  r->elements = elements;
  if (samples > PTRDIFF_MAX / r->width) request_fail(r, VLOSS_ERROR_SIZE, "n");
  if (r->status != VLOSS_OK) return 0;
  if (o->weight) request_input(r, "weight", o->weight, samples, r->width);
  if (o->grad_output) request_input(r, "grad_output", o->grad_output, none ? samples : 1, r->width);
  region grad = region_of("grad", r->grad, r->grad ? elements * r->width : 0);
  region loss = region_of("loss", r->loss, r->loss ? (none ? samples : 1) * r->width : 0);
  request_output(r, grad);
  request_output(r, loss);
  if (regions_overlap(loss, grad)) request_fail(r, VLOSS_ERROR_OVERLAP, "loss");
  if (o->report) {
    region report = region_of("report", o->report, sizeof *o->report);
    request_output(r, report);
    if (regions_overlap(report, grad) || regions_overlap(report, loss))
      request_fail(r, VLOSS_ERROR_OVERLAP, "report");
  }
  return r->status == VLOSS_OK;
}

/* A number of the call's dtype, `otherwise` if there is no such array. */
static inline double request_number(const request *r, const void *p, size_t i, double otherwise) {
  if (!p) return otherwise;
  return r->dtype == DTYPE_F64 ? ((const double *)p)[i] : (double)((const float *)p)[i];
}

static inline void request_store(const request *r, void *p, size_t i, double value) {
  if (r->dtype == DTYPE_F64)
    ((double *)p)[i] = value;
  else
    ((float *)p)[i] = (float)value;
}

/* Fills in what every job starts with; `denominator` is the mean's own. */
static inline void request_job(request *r, double denominator, const void *input, job *j) {
  const vloss_options *o = r->options;
  int none = o->reduction == VLOSS_NONE;
  r->denominator = o->divisor > 0 ? o->divisor : denominator;
  double factor = o->scale * (none ? 1 : request_number(r, o->grad_output, 0, 1));
  if (o->reduction == VLOSS_MEAN) factor = r->denominator > 0 ? factor / r->denominator : 0;
  j->input = input;
  j->weight = o->weight;
  j->grad_output = none ? o->grad_output : NULL;
  j->loss = none ? r->loss : NULL;
  j->grad = r->grad;
  j->loss_factor = o->scale;
  j->grad_factor = factor;
  j->want_loss = r->loss != NULL;
  j->stream = r->elements * r->width >= STREAM_BYTES;
}

/* Writes the reduced loss, unless there is one per sample. */
static inline void request_result(request *r, compensated total) {
  const vloss_options *o = r->options;
  if (!r->loss) return;
  double value = r->sum = total.value + total.error;
  if (o->reduction == VLOSS_NONE) return;
  if (o->reduction == VLOSS_MEAN) value = r->denominator > 0 ? value / r->denominator : 0;
  request_store(r, r->loss, 0, value * o->scale / SUM_UNIT);
}

/* Writes the report and returns the status. */
static inline vloss_status request_close(request *r) {
  vloss_report *report = r->options->report;
  if (report && report->struct_size == sizeof *report)
    *report =
        (vloss_report){sizeof *report, r->sum / SUM_UNIT, r->denominator, r->samples - r->ignored,
                       r->ignored,     r->degenerate,     r->bad_label,   r->argument};
  vloss_cpu_unpin(r->control);
  return r->status;
}

#endif
