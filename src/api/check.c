/* SPDX-License-Identifier: Apache-2.0 */
#include "api/check.h"

#include <float.h>

static vloss_status fault(vloss_status status, const char *name, const char **argument) {
  *argument = name;
  return status;
}

vloss_status vloss_options_fault(const vloss_options *o, const char **argument) {
  if ((int)o->reduction < VLOSS_MEAN || (int)o->reduction > VLOSS_NONE)
    return fault(VLOSS_ERROR_ENUM, "reduction", argument);
  if (!(o->divisor >= 0 && o->divisor <= DBL_MAX))
    return fault(VLOSS_ERROR_PARAMETER, "divisor", argument);
  if (!(o->scale >= -DBL_MAX && o->scale <= DBL_MAX))
    return fault(VLOSS_ERROR_PARAMETER, "scale", argument);
  if (o->executor && !o->executor->run) return fault(VLOSS_ERROR_NULL, "executor", argument);
  if (o->report && !struct_is_known(o->report, REPORT_SIZES))
    return fault(VLOSS_ERROR_STRUCT_SIZE, "report", argument);
  return VLOSS_OK;
}

vloss_status vloss_parameter_fault(const vloss_parameter *parameter, double value) {
  if (value >= parameter->low && value <= parameter->high) return VLOSS_OK;
  return parameter->choices ? VLOSS_ERROR_ENUM : VLOSS_ERROR_PARAMETER;
}
