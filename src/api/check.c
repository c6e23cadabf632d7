/* SPDX-License-Identifier: Apache-2.0 */
#include "api/check.h"

#include <float.h>

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

const vloss_options vloss_default_options = VLOSS_OPTIONS_INIT;

/* The numbers and callbacks among the options. */
void request_options(request *r, const vloss_options *o) {
  if (!request_struct(r, "options", o->struct_size, sizeof *o)) return;
  r->options = o;
  if ((int)o->reduction < VLOSS_MEAN || (int)o->reduction > VLOSS_NONE)
    request_fail(r, VLOSS_ERROR_ENUM, "reduction");
  if (!(o->divisor >= 0 && o->divisor <= DBL_MAX))
    request_fail(r, VLOSS_ERROR_PARAMETER, "divisor");
  if (!(o->scale >= -DBL_MAX && o->scale <= DBL_MAX))
    request_fail(r, VLOSS_ERROR_PARAMETER, "scale");
  if (o->executor && !o->executor->run) request_fail(r, VLOSS_ERROR_NULL, "executor");
  if (o->report) request_struct(r, "report", o->report->struct_size, sizeof *o->report);
}

void request_parameter(request *r, const vloss_parameter *parameter, double value) {
  vloss_status fault = parameter->choices ? VLOSS_ERROR_ENUM : VLOSS_ERROR_PARAMETER;
  if (!(value >= parameter->low && value <= parameter->high))
    request_fail(r, fault, parameter->name);
}
