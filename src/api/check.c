/* SPDX-License-Identifier: Apache-2.0 */
#include "api/check.h"

#include <float.h>

#include "cpu.h"

/* Larger gradients do not come back from a cache in time to be worth keeping there. */
#define STREAM_BYTES ((size_t)16 << 20)

void request_fail(request *r, vloss_status status, const char *argument) {
  if (r->status != VLOSS_OK) return;
  r->status = status;
  r->argument = argument;
}

int request_struct(request *r, const char *name, size_t size, size_t expected) {
  if (size == expected) return 1;
  request_fail(r, VLOSS_ERROR_STRUCT_SIZE, name);
  return 0;
}

static const vloss_options default_options = VLOSS_OPTIONS_INIT;

/* The numbers and callbacks among the options. */
static void check_options(request *r) {
  const vloss_options *o = r->options;
  if ((int)o->reduction < VLOSS_MEAN || (int)o->reduction > VLOSS_NONE)
    request_fail(r, VLOSS_ERROR_ENUM, "reduction");
  if (!(o->divisor >= 0 && o->divisor <= DBL_MAX))
    request_fail(r, VLOSS_ERROR_PARAMETER, "divisor");
  if (!(o->scale >= -DBL_MAX && o->scale <= DBL_MAX))
    request_fail(r, VLOSS_ERROR_PARAMETER, "scale");
  if (o->executor && !o->executor->run) request_fail(r, VLOSS_ERROR_NULL, "executor");
  if (o->report) request_struct(r, "report", o->report->struct_size, sizeof *o->report);
}

void request_open(request *r, int dtype, const vloss_options *options, void *loss, void *grad) {
  r->control = vloss_cpu_pin();
  r->status = VLOSS_OK;
  r->argument = NULL;
  r->dtype = dtype;
  r->width = dtype == DTYPE_F64 ? sizeof(double) : sizeof(float);
  r->options = &default_options;
  r->loss = loss;
  r->grad = grad;
  r->samples = r->elements = r->input_count = 0;
  r->denominator = r->sum = 0;
  r->ignored = r->degenerate = 0;
  r->bad_label = SIZE_MAX;
  if (options && request_struct(r, "options", options->struct_size, sizeof *options)) {
    r->options = options;
    check_options(r);
  }
  if (!loss && !grad) request_fail(r, VLOSS_ERROR_NULL, "loss");
}

size_t request_product(request *r, const char *argument, size_t a, size_t b) {
  size_t most = PTRDIFF_MAX / r->width;
  if (b == 0 || a <= most / b) return a * b;
  request_fail(r, VLOSS_ERROR_SIZE, argument);
  return 0;
}

void request_input(request *r, const char *name, const void *data, size_t count, size_t width) {
  if (count == 0) return;
  if (!data) request_fail(r, VLOSS_ERROR_NULL, name);
  r->inputs[r->input_count++] = (region){name, data, count * width};
}

void request_parameter(request *r, const vloss_parameter *parameter, double value) {
  vloss_status fault = parameter->choices ? VLOSS_ERROR_ENUM : VLOSS_ERROR_PARAMETER;
  if (!(value >= parameter->low && value <= parameter->high))
    request_fail(r, fault, parameter->name);
}

static int overlaps(region a, region b) {
  uintptr_t first = (uintptr_t)a.data, second = (uintptr_t)b.data;
  if (a.bytes == 0 || b.bytes == 0) return 0;
  return first < second ? second - first < a.bytes : first - second < b.bytes;
}

/* Every output against every other array; only grad may be the first input itself. */
static void check_overlap(request *r, const region *outputs, size_t count) {
  for (size_t i = 0; i < count; i++) {
    for (size_t k = 0; k < r->input_count; k++) {
      int in_place = outputs[i].data == r->grad && k == 0 && r->inputs[0].data == r->grad;
      if (!in_place && overlaps(outputs[i], r->inputs[k]))
        request_fail(r, VLOSS_ERROR_OVERLAP, outputs[i].name);
    }
    for (size_t k = 0; k < i; k++)
      if (overlaps(outputs[i], outputs[k])) request_fail(r, VLOSS_ERROR_OVERLAP, outputs[i].name);
  }
}

int request_ready(request *r, size_t samples, size_t elements) {
  const vloss_options *o = r->options;
  int none = o->reduction == VLOSS_NONE;
  r->samples = samples;
  r->elements = elements;
  if (samples > PTRDIFF_MAX / r->width) request_fail(r, VLOSS_ERROR_SIZE, "n");
  if (r->status != VLOSS_OK) return 0;
  if (o->weight) request_input(r, "weight", o->weight, samples, r->width);
  if (o->grad_output) request_input(r, "grad_output", o->grad_output, none ? samples : 1, r->width);
  region outputs[] = {
      {"grad", r->grad, r->grad ? elements * r->width : 0},
      {"loss", r->loss, r->loss ? (none ? samples : 1) * r->width : 0},
      {"report", o->report, sizeof *o->report},
  };
  check_overlap(r, outputs, o->report ? 3 : 2);
  return r->status == VLOSS_OK;
}

double request_number(const request *r, const void *p, size_t i, double otherwise) {
  if (!p) return otherwise;
  return r->dtype == DTYPE_F64 ? ((const double *)p)[i] : (double)((const float *)p)[i];
}

void request_store(const request *r, void *p, size_t i, double value) {
  if (r->dtype == DTYPE_F64)
    ((double *)p)[i] = value;
  else
    ((float *)p)[i] = (float)value;
}

job request_job(request *r, double denominator) {
  const vloss_options *o = r->options;
  int none = o->reduction == VLOSS_NONE;
  r->denominator = o->divisor > 0 ? o->divisor : denominator;
  double factor = o->scale * (none ? 1 : request_number(r, o->grad_output, 0, 1));
  if (o->reduction == VLOSS_MEAN) factor = r->denominator > 0 ? factor / r->denominator : 0;
  return (job){r->input_count ? r->inputs[0].data : NULL,
               o->weight,
               none ? o->grad_output : NULL,
               none ? r->loss : NULL,
               r->grad,
               o->scale,
               factor,
               r->loss != NULL,
               r->elements * r->width >= STREAM_BYTES};
}

void request_result(request *r, compensated total) {
  const vloss_options *o = r->options;
  if (!r->loss) return;
  double value = r->sum = total.value + total.error;
  if (o->reduction == VLOSS_NONE) return;
  if (o->reduction == VLOSS_MEAN) value = r->denominator > 0 ? value / r->denominator : 0;
  request_store(r, r->loss, 0, value * o->scale / SUM_UNIT);
}

vloss_status request_close(request *r) {
  vloss_report *report = r->options->report;
  if (report && report->struct_size == sizeof *report)
    *report =
        (vloss_report){sizeof *report, r->sum / SUM_UNIT, r->denominator, r->samples - r->ignored,
                       r->ignored,     r->degenerate,     r->bad_label,   r->argument};
  vloss_cpu_unpin(r->control);
  return r->status;
}
