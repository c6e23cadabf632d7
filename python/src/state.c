/* SPDX-License-Identifier: Apache-2.0 */
/* Exact sums and denominators. */
#include "state.h"

array *read_states(scoring *s, const char *name, PyObject *object, size_t words) {
  array *a = read_array(s, name, object);
  if (!a) return NULL;
  size_t rows = a->shape.dimensions ? a->shape.sizes[0] : 0;
  if (require_shape(s, a, 2, (size_t[]){rows, words}) != 0) return NULL;
  if (a->kind == KIND_SIGNED && a->width == sizeof(int64_t) && !a->copy) return a;
  return place_fail(&s->at, PyExc_TypeError, "must be int64 in C order"), NULL;
}

static int read_field(const vloss_parameter *p, PyObject *value, void *field) {
  if (p->choices) *(int *)field = (int)PyLong_AsLong(value);
  if (p->whole) *(int64_t *)field = PyLong_AsLongLong(value);
  if (!p->choices && !p->whole) *(double *)field = PyFloat_AsDouble(value);
  return PyErr_Occurred() ? -1 : 0;
}

int read_fields(scoring *s, const vloss_loss *loss, PyObject *values, void *options) {
  s->at.argument = "options";
  if (!PyTuple_Check(values) || (size_t)PyTuple_Size(values) != loss->parameter_count)
    return place_fail(&s->at, PyExc_TypeError, "must be as many as %s has", loss->name);
  for (size_t k = 0; k < loss->parameter_count; k++) {
    const vloss_parameter *p = &loss->parameters[k];
    s->at.argument = p->name;
    if (read_field(p, PyTuple_GetItem(values, (Py_ssize_t)k), (char *)options + p->offset) == 0)
      continue;
    PyErr_Clear();
    return place_fail(&s->at, PyExc_TypeError, "must be a number");
  }
  return 0;
}

const vloss_loss *read_loss(scoring *s, const char *name) {
  const vloss_loss *loss = vloss_find_loss(name);
  s->at.argument = "loss";
  if (!loss) place_fail(&s->at, PyExc_ValueError, "there is no '%s'", name);
  return loss;
}

static PyObject *new_sum(scoring *s, vloss_exact_sum **sum) {
  void *data;
  PyObject *result = new_result(s, 'q', 1, (size_t[]){EXACT_WORDS}, &data);
  *sum = data;
  if (result) *(vloss_exact_sum *)data = (vloss_exact_sum)VLOSS_EXACT_SUM_INIT;
  return result;
}

/* (values) -> words of their exact sum */
PyObject *state_exact_sum(scoring *s, PyObject *arguments) {
  PyObject *values;
  vloss_exact_sum *sum;
  if (!PyArg_ParseTuple(arguments, "O", &values)) return NULL;
  const array *a = read_reals(s, "losses", values);
  PyObject *result = a ? new_sum(s, &sum) : NULL;
  if (!result) return NULL;
  vloss_status status;
  Py_BEGIN_ALLOW_THREADS;
  status = a->width == sizeof(double) ? vloss_exact_sum_add_f64(a->data, a->count, &s->report, sum)
                                      : vloss_exact_sum_add_f32(a->data, a->count, &s->report, sum);
  Py_END_ALLOW_THREADS;
  if (raise_score(s, status, NULL) != 0) Py_CLEAR(result);
  return result;
}

/* (words of sums, a row each) -> their values */
PyObject *state_exact_value(scoring *s, PyObject *arguments) {
  PyObject *words;
  void *values;
  if (!PyArg_ParseTuple(arguments, "O", &words)) return NULL;
  const array *a = read_states(s, "sums", words, EXACT_WORDS);
  PyObject *result = a ? new_result(s, 'd', 1, &a->shape.sizes[0], &values) : NULL;
  if (!result) return NULL;
  vloss_status status = vloss_exact_sum_round(a->data, a->shape.sizes[0], &s->report, values);
  if (raise_score(s, status, NULL) != 0) Py_CLEAR(result);
  return result;
}

/* (loss, labels, classes, class weights or None, its options) -> words of their exact sum */
PyObject *state_denominator(scoring *s, PyObject *arguments) {
  static const char *const renamed[] = {"labels", "target", NULL};
  const char *name;
  PyObject *target, *weights, *values, *number;
  const vloss_loss *loss;
  vloss_labels labels;
  vloss_exact_sum *sum;
  size_t classes;
  vloss_cross_entropy_options o = VLOSS_CROSS_ENTROPY_OPTIONS_INIT;
  if (!PyArg_ParseTuple(arguments, "sOOOO", &name, &target, &number, &weights, &values) ||
      !(loss = read_loss(s, name)) || read_size(s, "classes", number, &classes) != 0 ||
      read_fields(s, loss, values, &o) != 0)
    return NULL;
  array *a = read_array(s, "target", target);
  if (!a || array_to_labels(a, &labels, &s->at) != 0) return NULL;
  array *w = weights == Py_None ? NULL : read_vector(s, "class_weight", weights, classes);
  if (PyErr_Occurred()) return NULL;
  if (w) o.class_weight = w->data;
  PyObject *result = new_sum(s, &sum);
  if (!result) return NULL;
  vloss_status status =
      vloss_denominator(loss, w && w->width == sizeof(double) ? VLOSS_F64 : VLOSS_F32, labels,
                        a->count, classes, &o, &s->report, sum, NULL);
  if (raise_score(s, status, renamed) != 0) Py_CLEAR(result);
  return result;
}
