/* SPDX-License-Identifier: Apache-2.0 */
#include "array.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

int place_fail(const place *at, PyObject *type, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  PyObject *message = PyUnicode_FromFormatV(format, arguments);
  va_end(arguments);
  if (message) PyErr_Format(type, "%s: %s: %U", at->loss, at->argument, message);
  Py_XDECREF(message);
  return -1;
}

int place_fail_by(const place *at, const char *protocol) {
  PyObject *type, *cause, *trace;
  if (!PyErr_ExceptionMatches(PyExc_BufferError) && !PyErr_ExceptionMatches(PyExc_TypeError) &&
      !PyErr_ExceptionMatches(PyExc_ValueError) && !PyErr_ExceptionMatches(PyExc_RuntimeError))
    return -1;
  PyErr_Fetch(&type, &cause, &trace);
  PyErr_NormalizeException(&type, &cause, &trace);
  Py_XDECREF(type);
  Py_XDECREF(trace);
  place_fail(at, PyExc_TypeError, "cannot be read by %s", protocol);
  PyObject *error;
  PyErr_Fetch(&type, &error, &trace);
  PyErr_NormalizeException(&type, &error, &trace);
  PyException_SetCause(error, cause); /* which it takes */
  PyErr_Restore(type, error, trace);
  return -1;
}

void array_start(array *a) {
  a->data = a->copy = NULL;
  a->swapped = 0;
  a->owner = NULL;
  a->has_buffer = 0;
}

void array_release(array *a) {
  if (a->has_buffer) PyBuffer_Release(&a->buffer);
  Py_XDECREF(a->owner);
  PyMem_Free(a->copy);
  array_start(a);
}

int shape_equal(const shape *a, const shape *b) {
  if (a->dimensions != b->dimensions) return 0;
  for (int i = 0; i < a->dimensions; i++)
    if (a->sizes[i] != b->sizes[i]) return 0;
  return 1;
}

PyObject *shape_tuple(const shape *s) {
  PyObject *tuple = PyTuple_New(s->dimensions);
  for (int i = 0; tuple && i < s->dimensions; i++) {
    PyObject *size = PyLong_FromSize_t(s->sizes[i]);
    if (!size) Py_CLEAR(tuple);
    if (size) PyTuple_SetItem(tuple, i, size);
  }
  return tuple;
}

const char *array_type_name(const array *a) {
  static const char *const names[][4] = {{"float8", "float16", "float32", "float64"},
                                         {"int8", "int16", "int32", "int64"},
                                         {"uint8", "uint16", "uint32", "uint64"}};
  if (a->kind == KIND_BOOL) return "bool";
  if (a->kind == KIND_OTHER) return "another type";
  int row = a->width == 1 ? 0 : a->width == 2 ? 1 : a->width == 4 ? 2 : 3;
  return names[a->kind][row];
}

static int is_c_order(const array *a, const ptrdiff_t *strides) {
  size_t expected = a->width;
  for (int i = a->shape.dimensions; i-- > 0;) {
    if (a->shape.sizes[i] != 1 && strides[i] != (ptrdiff_t)expected) return 0;
    expected *= a->shape.sizes[i];
  }
  return 1;
}

/* Gathers elements in C order. */
static void gather(const array *a, const ptrdiff_t *strides, char *to) {
  const shape *s = &a->shape;
  size_t index[MAX_DIMENSIONS] = {0};
  const char *from = a->data;
  for (size_t i = 0; i < a->count; i++, to += a->width) {
    memcpy(to, from, a->width);
    for (int axis = s->dimensions; axis-- > 0;) {
      from += strides[axis];
      if (++index[axis] < s->sizes[axis]) break;
      from -= strides[axis] * (ptrdiff_t)s->sizes[axis];
      index[axis] = 0;
    }
  }
}

static void swap_bytes(char *elements, size_t count, size_t width) {
  for (char *end = elements + count * width; elements < end; elements += width) {
    for (size_t i = 0; i < width / 2; i++) {
      char byte = elements[i];
      elements[i] = elements[width - 1 - i];
      elements[width - 1 - i] = byte;
    }
  }
}

int array_lay_out(array *a, const ptrdiff_t *strides, int may_copy, const place *at) {
  a->count = 1;
  for (int i = 0; i < a->shape.dimensions; i++) a->count *= a->shape.sizes[i];
  int aligned = (uintptr_t)a->data % a->width == 0;
  int in_order = aligned && (!strides || is_c_order(a, strides));
  if (a->count == 0 || (in_order && !a->swapped)) return 0;
  if (at->tensors) return PyErr_SetNone(PyExc_NotImplementedError), -1;
  if (!may_copy)
    return place_fail(at, PyExc_ValueError, "must lie in C order%s",
                      a->swapped ? ", and this machine's byte order" : "");
  a->copy = PyMem_Malloc(a->count * a->width);
  if (!a->copy) return PyErr_NoMemory(), -1;
  if (strides) gather(a, strides, a->copy);
  if (!strides) memcpy(a->copy, a->data, a->count * a->width);
  if (a->swapped) swap_bytes(a->copy, a->count, a->width);
  a->swapped = 0;
  a->data = a->copy;
  return 0;
}

/* The kind of a struct module's format of one number. */
static number_kind format_kind(const char *format, int *swapped) {
  if (!format) return KIND_UNSIGNED;
  const uint16_t one = 1;
  int little = *(const char *)&one;
  if (!*format) return KIND_OTHER;
  *swapped = strchr(little ? ">!" : "<", *format) != NULL;
  if (strchr("@=<>!", *format)) format++;
  if (!*format || format[1]) return KIND_OTHER;
  if (strchr("efd", *format)) return KIND_FLOAT;
  if (strchr("bhilqn", *format)) return KIND_SIGNED;
  if (*format == '?') return KIND_BOOL;
  return strchr("BHILQN", *format) ? KIND_UNSIGNED : KIND_OTHER;
}

static int read_buffer(array *a, PyObject *object, int writable, const place *at) {
  int flags = PyBUF_STRIDES | PyBUF_FORMAT | (writable ? PyBUF_WRITABLE : 0);
  if (PyObject_GetBuffer(object, &a->buffer, flags) != 0) {
    int refused = PyErr_ExceptionMatches(PyExc_BufferError) ||
                  PyErr_ExceptionMatches(PyExc_ValueError); /* NumPy's */
    if (!writable) return place_fail_by(at, "the buffer protocol");
    if (!refused) return -1;
    PyErr_Clear();
    return place_fail(at, PyExc_ValueError, "cannot be written to");
  }
  a->has_buffer = 1;
  const Py_buffer *b = &a->buffer;
  if (b->ndim > MAX_DIMENSIONS)
    return place_fail(at, PyExc_ValueError, "has more than %d axes", MAX_DIMENSIONS);
  a->data = b->buf;
  a->kind = format_kind(b->format, &a->swapped);
  a->width = (size_t)b->itemsize;
  a->shape.dimensions = b->ndim;
  for (int i = 0; i < b->ndim; i++) a->shape.sizes[i] = (size_t)b->shape[i];
  if (a->kind == KIND_OTHER) return 0; /* whatever it is, nobody reads it */
  return array_lay_out(a, b->strides, !writable, at);
}

/* 1 if the object had an __array__ that gave something else, which is the owner now. */
static int call_array(array *a, PyObject *object) {
  PyObject *method = PyObject_GetAttrString(object, "__array__");
  if (!method) {
    if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return -1;
    PyErr_Clear();
    return 0;
  }
  PyObject *result = PyObject_CallNoArgs(method);
  Py_DECREF(method);
  if (!result) return -1;
  set_object(&a->owner, result);
  return 1;
}

static int read_any(array *a, PyObject *object, int writable, const place *at) {
  a->object = object;
  if (!at->tensors && PyObject_CheckBuffer(object)) return read_buffer(a, object, writable, at);
  int found = array_read_dlpack(a, object, writable, at);
  if (found != 0) return found < 0 ? -1 : 0;
  if (!writable) {
    found = call_array(a, object);
    if (found < 0) return -1;
    if (found && PyObject_CheckBuffer(a->owner)) return read_buffer(a, a->owner, 0, at);
  }
  return place_fail(at, PyExc_TypeError, "must be an array (buffer protocol, DLPack%s), not %R",
                    writable ? "" : " or __array__", (PyObject *)Py_TYPE(object));
}

int array_read(array *a, PyObject *object, const place *at) { return read_any(a, object, 0, at); }

int array_read_output(array *a, PyObject *object, const place *at) {
  return read_any(a, object, 1, at);
}
