/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

#include <string.h>

static int raise_range(const evaluation *e, const vloss_parameter *p, PyObject *given) {
  PyObject *range = parameter_range(p);
  if (range) place_fail(&e->at, PyExc_ValueError, "must be %U, not %R", range, given);
  Py_XDECREF(range);
  return -1;
}

/* The label that the library complains of. */
static int raise_label(const evaluation *e) {
  const vloss_labels *l = &e->call.labels;
  size_t i = e->report.bad_label;
  int64_t label = l->type == VLOSS_LABEL_INT64   ? ((const int64_t *)l->data)[i]
                  : l->type == VLOSS_LABEL_INT32 ? ((const int32_t *)l->data)[i]
                                                 : ((const uint8_t *)l->data)[i];
  return place_fail(&e->at, PyExc_IndexError, "label %lld at index %zu is outside [0, %zu)",
                    (long long)label, i, e->call.shape[1]);
}

int raise_status(evaluation *e, vloss_status status) {
  const vloss_loss *loss = e->self->loss;
  const char *name = e->report.argument ? e->report.argument : "input";
  if (strcmp(name, "logits") == 0) name = "input";
  if (strcmp(name, "labels") == 0) name = "target";
  e->at.argument = name;
  if (status == VLOSS_ERROR_LABEL) return raise_label(e);
  for (size_t k = 0; k < loss->parameter_count; k++) {
    const vloss_parameter *p = &loss->parameters[k];
    if (strcmp(p->name, name) != 0) continue;
    int known = look_at(e, (slot)(SLOT_PARAMETER + k));
    double value = p->choices || p->whole ? p->value : e->values[k].real;
    if (known && !(value >= p->low && value <= p->high))
      return raise_range(e, p, e->given[SLOT_PARAMETER + k]);
  }
  return place_fail(&e->at, PyExc_ValueError, "%s", vloss_status_string(status));
}
