/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "score.h"

array *read_array(scoring *s, const char *name, PyObject *object) {
  s->at.argument = name;
  if (s->array_count == SCORING_ARRAYS) return PyErr_NoMemory(), NULL;
  array *a = &s->arrays[s->array_count++];
  array_start(a);
  if (array_read(a, object, &s->at) != 0) return NULL;
  if (a->count == 0) a->data = &s->nothing;
  return a;
}

array *read_reals(scoring *s, const char *name, PyObject *object) {
  array *a = read_array(s, name, object);
  if (!a) return NULL;
  int known = a->kind == KIND_FLOAT && (a->width == 4 || a->width == 8);
  if (!known)
    place_fail(&s->at, PyExc_TypeError, "must be float32 or float64, not %s", array_type_name(a));
  else if (s->first && s->first->width != a->width)
    place_fail(&s->at, PyExc_TypeError, "must be %s like %s, not %s", array_type_name(s->first),
               s->likeness, array_type_name(a));
  if (PyErr_Occurred()) return NULL;
  if (!s->first) {
    s->first = a;
    s->likeness = name;
  }
  return a;
}

int require_shape(scoring *s, const array *a, int dimensions, const size_t *sizes) {
  shape wanted = {.dimensions = dimensions};
  for (int i = 0; i < dimensions; i++) wanted.sizes[i] = sizes[i];
  if (shape_equal(&a->shape, &wanted)) return 0;
  PyObject *is = shape_tuple(&a->shape), *should = shape_tuple(&wanted);
  if (is && should)
    place_fail(&s->at, PyExc_ValueError, "must have the shape %R, not %R", should, is);
  Py_XDECREF(is);
  Py_XDECREF(should);
  return -1;
}

int require_boxes(scoring *s, const array *a) {
  if (a->shape.dimensions == 2 && a->shape.sizes[1] == 4) return 0;
  PyObject *is = shape_tuple(&a->shape);
  if (is) place_fail(&s->at, PyExc_ValueError, "must have the shape (n, 4), not %R", is);
  Py_XDECREF(is);
  return -1;
}

array *read_boxes(scoring *s, const char *name, PyObject *object) {
  array *a = read_reals(s, name, object);
  return a && require_boxes(s, a) == 0 ? a : NULL;
}

array *read_vector(scoring *s, const char *name, PyObject *object, size_t count) {
  array *a = read_reals(s, name, object);
  return a && require_shape(s, a, 1, &count) == 0 ? a : NULL;
}

int read_labels(scoring *s, const char *name, PyObject *object, size_t count,
                vloss_labels *labels) {
  if (object == Py_None) return 0;
  array *a = read_array(s, name, object);
  if (!a || array_to_labels(a, labels, &s->at) != 0) return -1;
  return require_shape(s, a, 1, &count);
}

int read_flags(scoring *s, const char *name, PyObject *object, size_t count,
               const uint8_t **flags) {
  if (object == Py_None) return 0;
  const array *a = read_array(s, name, object);
  if (!a) return -1;
  if (a->kind != KIND_BOOL && !(a->kind == KIND_UNSIGNED && a->width == 1))
    return place_fail(&s->at, PyExc_TypeError, "must be bool or uint8, not %s", array_type_name(a));
  *flags = a->data;
  return require_shape(s, a, 1, &count);
}

int read_doubles(scoring *s, const char *name, PyObject *object, int dimensions,
                 const size_t *sizes, const double **values) {
  if (object == Py_None) return 0;
  array *a = read_array(s, name, object);
  if (!a || require_shape(s, a, dimensions, sizes) != 0 || array_to_doubles(a, &s->at) != 0)
    return -1;
  *values = a->data;
  return 0;
}

int read_list(scoring *s, const char *name, PyObject *object, const double **values,
              size_t *count) {
  if (object == Py_None) return 0;
  array *a = read_array(s, name, object);
  if (!a || array_to_doubles(a, &s->at) != 0) return -1;
  *values = a->data;
  *count = a->count;
  return 0;
}

int read_whole_list(scoring *s, const char *name, PyObject *object, const int64_t **values,
                    size_t *count) {
  if (object == Py_None) return 0;
  array *a = read_array(s, name, object);
  if (!a || array_to_int64(a, &s->at) != 0) return -1;
  *values = a->data;
  *count = a->count;
  return 0;
}

int read_number(scoring *s, const char *name, PyObject *object, double *value) {
  s->at.argument = name;
  *value = PyFloat_AsDouble(object);
  if (*value != -1.0 || !PyErr_Occurred()) return 0;
  PyErr_Clear();
  return place_fail(&s->at, PyExc_TypeError, "must be a number, not %R", object);
}

int read_size(scoring *s, const char *name, PyObject *object, size_t *value) {
  s->at.argument = name;
  PyObject *index = PyNumber_Index(object);
  if (!index) {
    PyErr_Clear();
    return place_fail(&s->at, PyExc_TypeError, "must be a whole number, not %R", object);
  }
  *value = PyLong_AsSize_t(index);
  Py_DECREF(index);
  if (*value != (size_t)-1 || !PyErr_Occurred()) return 0;
  PyErr_Clear();
  return place_fail(&s->at, PyExc_ValueError, "must be from 0 to 2^64 - 1, not %R", object);
}
