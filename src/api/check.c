/* SPDX-License-Identifier: Apache-2.0 */
#include "api/check.h"

#include <float.h>

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

/* The numbers and callbacks among the options. */
static void check_options(request *r) {
  const vloss_options *o = &r->options;
  if ((int)o->reduction < VLOSS_MEAN || (int)o->reduction > VLOSS_NONE)
    request_fail(r, VLOSS_ERROR_ENUM, "reduction");
  if (!(o->divisor >= 0 && o->divisor <= DBL_MAX))
    request_fail(r, VLOSS_ERROR_PARAMETER, "divisor");
  if (!(o->scale >= -DBL_MAX && o->scale <= DBL_MAX))
    request_fail(r, VLOSS_ERROR_PARAMETER, "scale");
  if (o->executor && !o->executor->run) request_fail(r, VLOSS_ERROR_NULL, "executor");
}

request request_open(int dtype, const vloss_options *options, void *loss, void *grad) {
  const vloss_options defaults = VLOSS_OPTIONS_INIT;
  const vloss_report report = VLOSS_REPORT_INIT;
  request r = {VLOSS_OK, NULL, dtype, dtype == DTYPE_F64 ? sizeof(double) : sizeof(float),
               defaults, report, {{NULL, NULL, 0}}, 0, loss, grad, 0, 0};
  if (options && request_struct(&r, "options", options->struct_size, sizeof *options)) {
    r.options = *options;
    if (r.options.report &&
        !request_struct(&r, "report", r.options.report->struct_size, sizeof report))
      r.options.report = NULL;
    check_options(&r);
  }
  if (!loss && !grad) request_fail(&r, VLOSS_ERROR_NULL, "loss");
  return r;
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
      if (overlaps(outputs[i], outputs[k]))
        request_fail(r, VLOSS_ERROR_OVERLAP, outputs[i].name);
  }
}

int request_ready(request *r, size_t samples, size_t elements) {
  int none = r->options.reduction == VLOSS_NONE;
  r->samples = samples;
  r->elements = elements;
  if (samples > PTRDIFF_MAX / r->width) request_fail(r, VLOSS_ERROR_SIZE, "n");
  if (r->status != VLOSS_OK) return 0;
  if (r->options.weight)
    request_input(r, "weight", r->options.weight, samples, r->width);
  if (r->options.grad_output)
    request_input(r, "grad_output", r->options.grad_output, none ? samples : 1, r->width);
  region outputs[] = {
      {"loss", r->loss, r->loss ? (none ? samples : 1) * r->width : 0},
      {"grad", r->grad, r->grad ? elements * r->width : 0},
      {"report", r->options.report, r->options.report ? sizeof(vloss_report) : 0},
  };
  check_overlap(r, outputs, sizeof outputs / sizeof outputs[0]);
  return r->status == VLOSS_OK;
}

double request_upstream(const request *r) {
  const void *p = r->options.grad_output;
  if (!p || r->options.reduction == VLOSS_NONE) return 1;
  return r->dtype == DTYPE_F64 ? *(const double *)p : (double)*(const float *)p;
}

job request_job(request *r, double denominator) {
  const vloss_options *o = &r->options;
  int none = o->reduction == VLOSS_NONE;
  if (o->divisor > 0) denominator = o->divisor;
  r->report.weight = denominator;
  r->report.counted = r->samples - r->report.ignored;
  double factor = o->scale * request_upstream(r);
  if (o->reduction == VLOSS_MEAN) factor = denominator > 0 ? factor / denominator : 0;
  return (job){r->inputs[0].data, o->weight, none ? o->grad_output : NULL,
               none ? r->loss : NULL, r->grad, o->scale, factor, r->loss != NULL,
               r->elements * r->width >= STREAM_BYTES};
}

static void store(int dtype, void *p, double value) {
  if (dtype == DTYPE_F64)
    *(double *)p = value;
  else
    *(float *)p = (float)value;
}

void request_result(request *r, compensated total) {
  const vloss_options *o = &r->options;
  double value = total.value + total.error;
  if (!r->loss) return;
  r->report.sum = value / SUM_UNIT;
  if (o->reduction == VLOSS_NONE) return;
  if (o->reduction == VLOSS_MEAN) value = r->report.weight > 0 ? value / r->report.weight : 0;
  store(r->dtype, r->loss, value * o->scale / SUM_UNIT);
}

vloss_status request_close(request *r) {
  r->report.argument = r->argument;
  if (r->options.report) *r->options.report = r->report;
  return r->status;
}
