/* SPDX-License-Identifier: Apache-2.0 */
#include "call.h"

#include <string.h>

call call_init(const vloss_loss *loss, dtype type) {
  call c;
  memset(&c, 0, sizeof c);
  c.loss = loss;
  c.dtype = type;
  c.shape[1] = c.shape[2] = 1;
  for (size_t k = 0; k < loss->parameter_count; k++) c.parameters[k] = loss->parameters[k].value;
  return c;
}

int call_set(call *c, const char *name, double value) {
  for (size_t k = 0; k < c->loss->parameter_count; k++)
    if (strcmp(c->loss->parameters[k].name, name) == 0) {
      c->parameters[k] = value;
      return 1;
    }
  return 0;
}

double call_get(const call *c, const char *name) {
  for (size_t k = 0; k < c->loss->parameter_count; k++)
    if (strcmp(c->loss->parameters[k].name, name) == 0) return c->parameters[k];
  return 0;
}

void call_set_whole(call *c, size_t parameter, int64_t value) {
  double rounded = (double)value;
  if (rounded == 0x1p63) rounded = 0x1.fffffffffffffp62; /* the last that is an int64_t */
  c->parameters[parameter] = rounded;
  c->rests[parameter] = value - (int64_t)rounded;
}

size_t dtype_size(dtype type) { return type == F64 ? sizeof(double) : sizeof(float); }
const char *dtype_name(dtype type) { return type == F64 ? "f64" : "f32"; }

const char *family_name(vloss_family family) {
  static const char *const names[] = {"elements", "boxes", "rows", "overlap"};
  return names[family];
}

size_t call_elements(const call *c) {
  switch (c->loss->family) {
    case VLOSS_ELEMENTS: return c->shape[0];
    case VLOSS_BOXES: return 4 * c->shape[0];
    case VLOSS_ROWS: return c->shape[0] * c->shape[1] * c->shape[2];
    case VLOSS_OVERLAP: return c->shape[0] * c->shape[1];
  }
  return 0;
}

/* An overlap loss says what its groups are. */
static vloss_grouping grouping(const call *c) {
  return (vloss_grouping)(int)call_get(c, "grouping");
}

static size_t overlap_samples(const call *c) {
  switch (grouping(c)) {
    case VLOSS_GROUP_IMAGE_CHANNEL: return c->shape[0] * c->shape[2];
    case VLOSS_GROUP_CHANNEL: return c->shape[2];
    case VLOSS_GROUP_BATCH: return 1;
    default: return c->shape[0];
  }
}

size_t call_samples(const call *c) {
  if (call_elements(c) == 0) return 0;
  if (c->loss->family == VLOSS_OVERLAP) return overlap_samples(c);
  return c->loss->family == VLOSS_ROWS ? c->shape[0] * c->shape[2] : c->shape[0];
}

static size_t overlap_sample_of(const call *c, size_t element) {
  size_t image = element / c->shape[1], channels = c->shape[2] > 0 ? c->shape[2] : 1;
  size_t channel = element % c->shape[1] / (c->shape[1] / channels);
  switch (grouping(c)) {
    case VLOSS_GROUP_IMAGE_CHANNEL: return image * channels + channel;
    case VLOSS_GROUP_CHANNEL: return channel;
    case VLOSS_GROUP_BATCH: return 0;
    default: return image;
  }
}

size_t call_sample_of(const call *c, size_t element) {
  size_t inner = c->shape[2];
  switch (c->loss->family) {
    case VLOSS_BOXES: return element / 4;
    case VLOSS_ROWS: return element / (c->shape[1] * inner) * inner + element % inner;
    case VLOSS_OVERLAP: return overlap_sample_of(c, element);
    default: return element;
  }
}

vloss_status call_run(const call *c) {
  vloss_value values[CALL_MAX_PARAMETERS];
  for (size_t k = 0; k < c->loss->parameter_count; k++) {
    const vloss_parameter *p = &c->loss->parameters[k];
    if (p->choices || p->whole)
      values[k].whole = (int64_t)c->parameters[k] + c->rests[k];
    else
      values[k].real = c->parameters[k];
  }
  vloss_call run = {.struct_size = sizeof run,
                    .dtype = (vloss_dtype)c->dtype,
                    .input = c->input,
                    .target = c->target,
                    .variance = c->variance,
                    .labels = c->labels,
                    .class_weight = c->class_weight,
                    .values = values,
                    .options = c->options,
                    .loss = c->loss_out,
                    .grad = c->grad,
                    .grad_variance = c->grad_variance};
  memcpy(run.shape, c->shape, sizeof run.shape);
  return vloss_evaluate(c->loss, &run);
}
