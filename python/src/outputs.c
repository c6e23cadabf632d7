/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

#include <string.h>

static const shape scalar = {.dimensions = 0};

/* NumPy is found when the first array is made; 0 if there is none. */
static int find_numpy(core_state *state) {
  if (state->empty || state->without_numpy) return state->empty != NULL;
  PyObject *numpy = PyImport_ImportModule("numpy");
  if (!numpy) {
    if (!PyErr_ExceptionMatches(PyExc_ImportError)) return 0;
    PyErr_Clear();
    state->without_numpy = 1;
    return 0;
  }
  PyObject *dtype = PyObject_GetAttrString(numpy, "dtype");
  if (dtype) {
    set_object(&state->types[VLOSS_F32], PyObject_CallFunction(dtype, "s", "float32"));
    set_object(&state->types[VLOSS_F64], PyObject_CallFunction(dtype, "s", "float64"));
  }
  if (dtype && state->types[0] && state->types[1])
    state->empty = PyObject_GetAttrString(numpy, "empty");
  Py_XDECREF(dtype);
  Py_DECREF(numpy);
  return state->empty != NULL;
}

size_t format_width(char format) {
  if (format == 'B') return 1;
  return format == 'f' || format == 'I' ? 4 : 8;
}

static PyObject *new_memoryview(const char *format, const shape *s) {
  size_t count = 1;
  for (int i = 0; i < s->dimensions; i++) count *= s->sizes[i];
  PyObject *bytes =
      PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)(count * format_width(*format)));
  PyObject *view = bytes ? PyMemoryView_FromObject(bytes) : NULL;
  PyObject *sizes = shape_tuple(s), *result = NULL;
  /* a memoryview cannot be cast to a shape with a 0 */
  if (view && sizes && count > 0)
    result = PyObject_CallMethod(view, "cast", "sO", format, sizes);
  else if (view && sizes)
    result = PyObject_CallMethod(view, "cast", "s", format);
  Py_XDECREF(bytes);
  Py_XDECREF(view);
  Py_XDECREF(sizes);
  return result;
}

PyObject *new_array(core_state *state, vloss_dtype dtype, const shape *s) {
  if (!find_numpy(state))
    return PyErr_Occurred() ? NULL : new_memoryview(dtype == VLOSS_F64 ? "d" : "f", s);
  PyObject *sizes = shape_tuple(s);
  PyObject *result =
      sizes ? PyObject_CallFunctionObjArgs(state->empty, sizes, state->types[dtype], NULL) : NULL;
  Py_XDECREF(sizes);
  return result;
}

PyObject *new_array_of(core_state *state, char format, const shape *s) {
  const char text[] = {format, '\0'};
  if (!find_numpy(state)) return PyErr_Occurred() ? NULL : new_memoryview(text, s);
  PyObject *sizes = shape_tuple(s);
  return sizes ? PyObject_CallFunction(state->empty, "Ns", sizes, text) : NULL;
}

/* The library makes a value of a reduced loss, which is a number in Python. */
static int is_number(const evaluation *e, const shape *s) {
  return s == &scalar && !e->self->tensors;
}

static int make_new(evaluation *e, array *a, const shape *s, PyObject **object) {
  vloss_dtype dtype = e->call.dtype;
  if (e->self->tensors) {
    *object = new_tensor(e->at.tensors, dtype == VLOSS_F64 ? 'd' : 'f', s, &a->data);
    return *object ? 0 : -1;
  }
  *object = new_array(e->self->state, dtype, s);
  return *object ? array_read_output(a, *object, &e->at) : -1;
}

static int take_given(evaluation *e, slot which, array *a, const shape *s, PyObject **object) {
  *object = e->given[which];
  Py_INCREF(*object);
  if (array_read_output(a, *object, &e->at) != 0) return -1;
  if (a->kind != KIND_FLOAT || a->width != e->input.width)
    return place_fail(&e->at, PyExc_TypeError, "must be %s like the input, not %s",
                      array_type_name(&e->input), array_type_name(a));
  return a->count == 0 && e->input.count == 0 ? 0 : check_shape(e, a, s);
}

/* One output: True makes an array, False and None leave it out, anything else is written to. */
static int make_output(evaluation *e, slot which, array *a, const shape *s, PyObject **object,
                       void **data) {
  int given = look_at(e, which);
  PyObject *value = given ? e->given[which] : Py_True;
  if (value == Py_None || value == Py_False) return 0;
  if (value == Py_True && is_number(e, s)) {
    *data = &e->number;
    return 0;
  }
  int failed = value == Py_True ? make_new(e, a, s, object) : take_given(e, which, a, s, object);
  if (!failed) *data = a->data;
  return failed;
}

int make_outputs(evaluation *e) {
  const shape *s = &e->input.shape;
  const shape *losses = e->options.reduction == VLOSS_NONE ? &e->samples : &scalar;
  vloss_call *c = &e->call;
  if (make_output(e, SLOT_LOSS, &e->loss, losses, &e->results[0], &c->loss) != 0 ||
      make_output(e, SLOT_GRAD, &e->grad, s, &e->results[1], &c->grad) != 0)
    return -1;
  if (!(e->self->loss->arrays & VLOSS_ARRAY_VARIANCE)) return 0;
  return make_output(e, SLOT_GRAD_VARIANCE, &e->grad_variance, s, &e->results[2],
                     &c->grad_variance);
}

static PyObject *take_result(evaluation *e, int i) {
  PyObject *result = e->results[i];
  e->results[i] = NULL;
  if (!result) {
    result = Py_None;
    Py_INCREF(result);
  }
  return result;
}

PyObject *make_result(evaluation *e) {
  const core_state *state = e->self->state;
  int count = e->self->loss->arrays & VLOSS_ARRAY_VARIANCE ? 3 : 2;
  if (e->call.loss == &e->number) {
    int is_double = e->call.dtype == VLOSS_F64;
    e->results[0] = PyFloat_FromDouble(is_double ? e->number.f64 : (double)e->number.f32);
    if (!e->results[0]) return NULL;
  }
  if (e->self->tensors) {
    PyObject *tuple = PyTuple_New(count);
    for (int i = 0; tuple && i < count; i++) PyTuple_SetItem(tuple, i, take_result(e, i));
    return tuple;
  }
  PyObject *type = count == 3 ? state->variance_result_type : state->result_type;
  PyObject *result = PyStructSequence_New((PyTypeObject *)type);
  for (int i = 0; result && i < count; i++) PyStructSequence_SetItem(result, i, take_result(e, i));
  return result;
}
