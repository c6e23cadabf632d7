/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

#include <string.h>

const char *slot_name(const vloss_loss *loss, slot which) {
  static const char *const names[] = {"input",       "target", "variance", "class_weight",
                                      "reduction",   "weight", "divisor",  "scale",
                                      "grad_output", "loss",   "grad",     "grad_variance"};
  if (which == SLOT_CLASS_WEIGHT && loss->arrays & VLOSS_ARRAY_POSITIVE_WEIGHT)
    return "positive_weight";
  if (which < SLOT_PARAMETER) return names[which];
  const char *name = loss->parameters[which - SLOT_PARAMETER].name;
  return strcmp(name, "lambda") == 0 ? "lambda_" : name; /* Python has its own lambda */
}

int look_at(evaluation *e, slot which) {
  e->at.argument = slot_name(e->self->loss, which);
  return e->given[which] != NULL;
}

static const argument *find(const loss_object *self, PyObject *name) {
  for (size_t i = 0; i < self->count; i++)
    if (self->arguments[i].name == name) return &self->arguments[i];
  for (size_t i = 0; i < self->count; i++)
    if (PyUnicode_Compare(self->arguments[i].name, name) == 0) return &self->arguments[i];
  return NULL;
}

static int read_keywords(evaluation *e, PyObject *const *values, PyObject *names) {
  Py_ssize_t count = PyTuple_Size(names);
  for (Py_ssize_t i = 0; i < count; i++) {
    PyObject *name = PyTuple_GetItem(names, i);
    const argument *a = find(e->self, name);
    if (!a || e->given[a->slot]) {
      PyErr_Format(PyExc_TypeError,
                   a ? "%s() got multiple values for argument %R"
                     : "%s() got an unexpected keyword argument %R",
                   e->self->loss->name, name);
      return -1;
    }
    e->given[a->slot] = values[i];
  }
  return 0;
}

int read_arguments(evaluation *e, PyObject *const *values, Py_ssize_t count, PyObject *names) {
  const loss_object *self = e->self;
  if ((size_t)count > self->positional) {
    PyErr_Format(PyExc_TypeError, "%s() takes %zu positional arguments but %zd were given",
                 self->loss->name, self->positional, count);
    return -1;
  }
  for (Py_ssize_t i = 0; i < count; i++) e->given[self->arguments[i].slot] = values[i];
  if (names && read_keywords(e, values + count, names) != 0) return -1;
  for (size_t i = 0; i < self->positional; i++) {
    if (e->given[self->arguments[i].slot]) continue;
    PyErr_Format(PyExc_TypeError, "%s() missing required argument: %R", self->loss->name,
                 self->arguments[i].name);
    return -1;
  }
  return 0;
}

static int is_flag(const vloss_parameter *p) { return strcmp(p->choices, "no|yes") == 0; }

static int read_flag(evaluation *e, PyObject *object, int64_t *value) {
  if (!PyBool_Check(object))
    return place_fail(&e->at, PyExc_TypeError, "must be True or False, not %R", object);
  *value = object == Py_True;
  return 0;
}

/* The index of a string among choices. */
static int read_choice(evaluation *e, const char *choices, PyObject *object, int64_t *value) {
  Py_ssize_t length;
  const char *given = PyUnicode_Check(object) ? PyUnicode_AsUTF8AndSize(object, &length) : NULL;
  if (!given) return place_fail(&e->at, PyExc_TypeError, "must be a string, not %R", object);
  const char *choice = choices;
  for (*value = 0;; ++*value) {
    size_t size = strcspn(choice, "|");
    if (size == (size_t)length && memcmp(choice, given, size) == 0) return 0;
    if (!choice[size]) break;
    choice += size + 1;
  }
  return place_fail(&e->at, PyExc_ValueError, "must be one of %s, not %R", choices, object);
}

int read_real_number(evaluation *e, PyObject *object, double *value) {
  *value = PyFloat_AsDouble(object);
  if (*value != -1.0 || !PyErr_Occurred()) return 0;
  int overflow = PyErr_ExceptionMatches(PyExc_OverflowError);
  PyErr_Clear();
  if (overflow) return place_fail(&e->at, PyExc_ValueError, "does not fit in a double");
  return place_fail(&e->at, PyExc_TypeError, "must be a number, not %R", object);
}

static int read_whole_number(evaluation *e, PyObject *object, int64_t *value) {
  PyObject *index = PyNumber_Index(object);
  if (!index) {
    PyErr_Clear();
    return place_fail(&e->at, PyExc_TypeError, "must be a whole number, not %R", object);
  }
  *value = PyLong_AsLongLong(index);
  Py_DECREF(index);
  if (*value != -1 || !PyErr_Occurred()) return 0;
  PyErr_Clear();
  return place_fail(&e->at, PyExc_ValueError, "does not fit in 64 bits: %R", object);
}

int read_parameters(evaluation *e) {
  const vloss_loss *loss = e->self->loss;
  for (size_t k = 0; k < loss->parameter_count; k++) {
    const vloss_parameter *p = &loss->parameters[k];
    vloss_value *v = &e->values[k];
    PyObject *given = e->given[SLOT_PARAMETER + k];
    int failed = 0;
    if (!given && (p->choices || p->whole)) v->whole = (int64_t)p->value;
    if (!given && !(p->choices || p->whole)) v->real = p->value;
    if (!given) continue;
    look_at(e, (slot)(SLOT_PARAMETER + k));
    if (p->whole)
      failed = read_whole_number(e, given, &v->whole);
    else if (!p->choices)
      failed = read_real_number(e, given, &v->real);
    else if (is_flag(p))
      failed = read_flag(e, given, &v->whole);
    else
      failed = read_choice(e, p->choices, given, &v->whole);
    if (failed) return -1;
  }
  e->call.values = e->values;
  return 0;
}

int read_options(evaluation *e) {
  PyObject *const *given = e->given;
  int64_t reduction = VLOSS_MEAN;
  if (look_at(e, SLOT_REDUCTION) &&
      read_choice(e, "mean|sum|none", given[SLOT_REDUCTION], &reduction) != 0)
    return -1;
  e->options.reduction = (vloss_reduction)reduction;
  if (look_at(e, SLOT_DIVISOR) &&
      read_real_number(e, given[SLOT_DIVISOR], &e->options.divisor) != 0)
    return -1;
  if (look_at(e, SLOT_SCALE) && read_real_number(e, given[SLOT_SCALE], &e->options.scale) != 0)
    return -1;
  return 0;
}
