/* SPDX-License-Identifier: Apache-2.0 */
#include "api/evaluate.h"

#include <string.h>

#include "api/check.h"
#include "registry.h"

const vloss_loss *vloss_find_loss(const char *name) {
  for (size_t i = 0; name && i < LOSSES; i++)
    if (strcmp(vloss_registry[i].name, name) == 0) return &vloss_registry[i];
  return NULL;
}

/* The value of a parameter, or its default. */
static vloss_value value_of(const vloss_parameter *p, const vloss_call *call, size_t k) {
  if (call->values) return call->values[k];
  return p->choices || p->whole ? (vloss_value){.whole = (int64_t)p->value}
                                : (vloss_value){.real = p->value};
}

void vloss_evaluate_fields(enum loss_id id, const vloss_call *call, void *options) {
  const vloss_loss *loss = &vloss_registry[id];
  for (size_t k = 0; k < loss->parameter_count; k++) {
    const vloss_parameter *p = &loss->parameters[k];
    void *field = (char *)options + p->offset;
    vloss_value value = value_of(p, call, k);
    if (p->choices)
      *(int *)field = (int)value.whole;
    else if (p->whole)
      *(int64_t *)field = value.whole;
    else
      *(double *)field = value.real;
  }
}

void vloss_evaluate_numbers(enum loss_id id, const vloss_call *call, double *numbers) {
  const vloss_loss *loss = &vloss_registry[id];
  for (size_t k = 0; k < loss->parameter_count; k++) {
    vloss_value value = value_of(&loss->parameters[k], call, k);
    numbers[k] = loss->parameters[k].choices ? (double)value.whole : value.real;
  }
}

/* How a row of the registry is evaluated. */
#define EVALUATE_elements(arrays) vloss_evaluate_elements
#define EVALUATE_boxes(arrays) vloss_evaluate_boxes
#define EVALUATE_overlap(arrays) vloss_evaluate_overlap
#define EVALUATE_rows(arrays) EVALUATE_##arrays
#define EVALUATE_LABELS vloss_evaluate_labels
#define EVALUATE_WEIGHTED vloss_evaluate_soft
#define EVALUATE_TARGET vloss_evaluate_teacher
#define EVALUATE_INPUT vloss_evaluate_input

static evaluator *const evaluators[LOSSES] = {
#define LOSS(name, family, arrays, parameters) EVALUATE_##family(arrays),
#include "losses.def"
#undef LOSS
};

static vloss_status refuse(const vloss_call *call, vloss_status status, const char *argument) {
  request r;
  request_open(&r, VLOSS_F32, call->options, NULL, NULL);
  request_fail(&r, status, argument);
  return request_close(&r);
}

vloss_status vloss_evaluate(const vloss_loss *loss, const vloss_call *call) {
  if (!loss || !call) return VLOSS_ERROR_NULL;
  if (!struct_is_known(call, STRUCT_SIZES(vloss_call, grad_variance)))
    return VLOSS_ERROR_STRUCT_SIZE;
  if ((int)call->dtype != VLOSS_F32 && (int)call->dtype != VLOSS_F64)
    return refuse(call, VLOSS_ERROR_ENUM, "dtype");
  for (size_t k = 0; call->values && k < loss->parameter_count; k++) {
    const vloss_parameter *p = &loss->parameters[k];
    int64_t value = call->values[k].whole;
    if (p->choices && !(value >= 0 && (double)value <= p->high)) /* some may be no int */
      return refuse(call, VLOSS_ERROR_ENUM, p->name);
  }
  size_t id = (size_t)(loss - vloss_registry);
  return evaluators[id]((enum loss_id)id, call);
}
