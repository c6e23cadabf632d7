/* SPDX-License-Identifier: Apache-2.0 */
#include "call.h"

#include <string.h>

const vloss_loss *call_find(const char *name) {
  size_t count;
  const vloss_loss *losses = vloss_losses(&count);
  for (size_t i = 0; i < count; i++)
    if (strcmp(losses[i].name, name) == 0) return &losses[i];
  return NULL;
}

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
  static const char *const names[] = {"pairwise", "boxes", "rows", "overlap"};
  return names[family];
}

size_t call_elements(const call *c) {
  switch (c->loss->family) {
    case VLOSS_PAIRWISE: return c->shape[0];
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

/* The fields of an options struct from the parameters. */
static void set_fields(const call *c, void *options) {
  for (size_t k = 0; k < c->loss->parameter_count; k++) {
    const vloss_parameter *p = &c->loss->parameters[k];
    char *field = (char *)options + p->offset;
    if (p->choices)
      *(int *)(void *)field = (int)c->parameters[k];
    else if (p->whole)
      *(int64_t *)(void *)field = (int64_t)c->parameters[k] + c->rests[k];
    else
      *(double *)(void *)field = c->parameters[k];
  }
}

typedef vloss_status runner(const call *c);

/* One small function per loss and dtype, from the registry. */
#define PASS_NONE
#define PASS_ONE(parameter, value) c->parameters[0],

#define RUN_pairwise(name, dtype, arrays, parameters)                                             \
  static vloss_status run_##name##_##dtype(const call *c) {                                       \
    return vloss_##name##_##dtype(c->input, c->target, c->shape[0], PASS_##parameters c->options, \
                                  c->loss_out, c->grad);                                          \
  }
#define PASS_SWITCH(flag) (int)c->parameters[0],
#define PASS_FIELDS(list) &own,
#define OWN_NONE
#define OWN_SWITCH(flag)
#define OWN_FIELDS(list)                                    \
  vloss_##list##_options own = {.struct_size = sizeof own}; \
  set_fields(c, &own);
#define RUN_flagged(name, dtype, arrays, parameters)                                           \
  static vloss_status run_##name##_##dtype(const call *c) {                                    \
    OWN_##parameters return vloss_##name##_##dtype(                                            \
        c->input, c->target, c->shape[0], PASS_##parameters c->options, c->loss_out, c->grad); \
  }
#define RUN_divergence(name, dtype, arrays, parameters) RUN_flagged(name, dtype, arrays, parameters)
#define RUN_variance(name, dtype, arrays, parameters)                                             \
  static vloss_status run_##name##_##dtype(const call *c) {                                       \
    OWN_##parameters return vloss_##name##_##dtype(c->input, c->target, c->variance, c->shape[0], \
                                                   PASS_##parameters c->options, c->loss_out,     \
                                                   c->grad, c->grad_variance);                    \
  }
#define RUN_boxes(name, dtype, arrays, parameters)                                                 \
  static vloss_status run_##name##_##dtype(const call *c) {                                        \
    vloss_box_options box = VLOSS_BOX_OPTIONS_INIT;                                                \
    set_fields(c, &box);                                                                           \
    return vloss_##name##_##dtype(c->input, c->target, c->shape[0], &box, c->options, c->loss_out, \
                                  c->grad);                                                        \
  }
#define RUN_LABELS(name, dtype)                                                               \
  static vloss_status run_##name##_##dtype(const call *c) {                                   \
    vloss_cross_entropy_options own = VLOSS_CROSS_ENTROPY_OPTIONS_INIT;                       \
    own.class_weight = c->class_weight;                                                       \
    set_fields(c, &own);                                                                      \
    return vloss_##name##_##dtype(c->input, c->labels, c->shape[0], c->shape[1], c->shape[2], \
                                  &own, c->options, c->loss_out, c->grad);                    \
  }
#define RUN_TARGET_ROWS(name, dtype, own)                                                         \
  set_fields(c, &own);                                                                            \
  return vloss_##name##_##dtype(c->input, c->target, c->shape[0], c->shape[1], c->shape[2], &own, \
                                c->options, c->loss_out, c->grad)
#define RUN_WEIGHTED(name, dtype)                           \
  static vloss_status run_##name##_##dtype(const call *c) { \
    vloss_soft_options own = VLOSS_SOFT_OPTIONS_INIT;       \
    own.class_weight = c->class_weight;                     \
    RUN_TARGET_ROWS(name, dtype, own);                      \
  }
#define RUN_TARGET(name, dtype)                             \
  static vloss_status run_##name##_##dtype(const call *c) { \
    vloss_teacher_options own = VLOSS_TEACHER_OPTIONS_INIT; \
    RUN_TARGET_ROWS(name, dtype, own);                      \
  }
#define RUN_INPUT(name, dtype)                                                                 \
  static vloss_status run_##name##_##dtype(const call *c) {                                    \
    return vloss_##name##_##dtype(c->input, c->shape[0], c->shape[1], c->shape[2], c->options, \
                                  c->loss_out, c->grad);                                       \
  }
#define RUN_rows(name, dtype, arrays, parameters) RUN_##arrays(name, dtype)
#define RUN_overlap(name, dtype, arrays, parameters)                                               \
  static vloss_status run_##name##_##dtype(const call *c) {                                        \
    vloss_overlap_options own = VLOSS_OVERLAP_OPTIONS_INIT;                                        \
    own.channels = c->shape[2];                                                                    \
    set_fields(c, &own);                                                                           \
    return vloss_##name##_##dtype(c->input, c->target, c->shape[0], c->shape[1], &own, c->options, \
                                  c->loss_out, c->grad);                                           \
  }
#define RUN_binary(name, dtype, arrays, parameters)                                                \
  static vloss_status run_##name##_##dtype(const call *c) {                                        \
    vloss_binary_options own = VLOSS_BINARY_OPTIONS_INIT;                                          \
    own.positive_weight = c->class_weight;                                                         \
    own.classes = c->shape[1];                                                                     \
    own.inner = c->shape[2];                                                                       \
    return vloss_##name##_##dtype(c->input, c->target, c->shape[0], &own, c->options, c->loss_out, \
                                  c->grad);                                                        \
  }
#define RUN_focals(name, dtype, arrays, parameters)                                                \
  static vloss_status run_##name##_##dtype(const call *c) {                                        \
    vloss_focal_options own = VLOSS_FOCAL_OPTIONS_INIT;                                            \
    set_fields(c, &own);                                                                           \
    return vloss_##name##_##dtype(c->input, c->target, c->shape[0], &own, c->options, c->loss_out, \
                                  c->grad);                                                        \
  }
#define RUN_single(name, dtype, arrays, parameters)                                         \
  static vloss_status run_##name##_##dtype(const call *c) {                                 \
    return vloss_##name##_##dtype(c->input, c->shape[0], c->options, c->loss_out, c->grad); \
  }
#define LOSS(name, family, arrays, parameters) \
  RUN_##family(name, f32, arrays, parameters) RUN_##family(name, f64, arrays, parameters)
#include "losses.def"
#undef LOSS

static runner *const runners[][DTYPE_COUNT] = {
#define LOSS(name, family, arrays, parameters) {run_##name##_f32, run_##name##_f64},
#include "losses.def"
#undef LOSS
};

vloss_status call_run(const call *c) { return runners[c->loss - vloss_losses(NULL)][c->dtype](c); }
