/* SPDX-License-Identifier: Apache-2.0 */
#include "array.h"

#include <stddef.h>

const dlpack_exchange *exchange_of_type(PyObject *type) {
  static const char name[] = "__dlpack_c_exchange_api__";
  PyObject *capsule = PyObject_GetAttrString(type, name);
  const dlpack_exchange *api =
      capsule ? PyCapsule_GetPointer(capsule, "dlpack_exchange_api") : NULL;
  Py_XDECREF(capsule); /* the type keeps it */
  if (!api) PyErr_Clear();
  while (api && api->version.major != DLPACK_MAJOR) api = api->previous;
  return api;
}

static number_kind kind_of(const dlpack_tensor *t) {
  if (t->type.lanes != 1 || t->type.bits % 8) return KIND_OTHER;
  switch (t->type.code) {
    case DLPACK_FLOAT: return KIND_FLOAT;
    case DLPACK_INT: return KIND_SIGNED;
    case DLPACK_UINT: return KIND_UNSIGNED;
    case DLPACK_BOOL: return KIND_BOOL;
    default: return KIND_OTHER;
  }
}

static int take_tensor(array *a, const dlpack_tensor *t, int writable, const place *at) {
  if (t->device.type != DLPACK_CPU) return place_fail(at, PyExc_TypeError, "must be on the CPU");
  if (t->dimensions > MAX_DIMENSIONS)
    return place_fail(at, PyExc_ValueError, "has more than %d axes", MAX_DIMENSIONS);
  a->data = t->data ? (char *)t->data + t->byte_offset : NULL;
  a->kind = kind_of(t);
  a->width = t->type.bits / 8u;
  a->shape.dimensions = t->dimensions;
  ptrdiff_t strides[MAX_DIMENSIONS];
  size_t count = 1;
  for (int i = 0; i < t->dimensions; i++) {
    a->shape.sizes[i] = (size_t)t->shape[i];
    count *= a->shape.sizes[i];
    if (t->strides) strides[i] = (ptrdiff_t)t->strides[i] * (ptrdiff_t)a->width;
  }
  if (!t->data && count > 0) return place_fail(at, PyExc_TypeError, "has no data");
  if (a->kind == KIND_OTHER) return 0;
  return array_lay_out(a, t->strides ? strides : NULL, !writable, at);
}

/* A PyTorch tensor may be negated only when it is read, which its view does not say. */
static PyObject *resolve(PyObject *object) {
  PyObject *resolved = PyObject_CallMethod(object, "resolve_neg", NULL);
  if (resolved) return resolved;
  PyErr_Clear();
  Py_INCREF(object);
  return object;
}

static int read_by_exchange(array *a, PyObject *object, const dlpack_exchange *api, int writable,
                            const place *at) {
  dlpack_tensor t;
  if (!at->tensors) {
    set_object(&a->owner, resolve(object));
    if (writable && a->owner != object)
      return place_fail(at, PyExc_ValueError, "cannot be written to");
    object = a->owner;
  }
  if (api->view(object, &t) != 0) {
    if (!at->tensors) return place_fail_by(at, "DLPack");
    PyErr_Clear();
    return place_fail(at, PyExc_TypeError, "must be a dense tensor on the CPU; its type is %R",
                      (PyObject *)Py_TYPE(object));
  }
  return take_tensor(a, &t, writable, at);
}

static PyObject *call_dlpack(PyObject *method) {
  PyObject *none = PyTuple_New(0);
  PyObject *keywords = Py_BuildValue("{s:(ii)}", "max_version", DLPACK_MAJOR, 3);
  PyObject *capsule = none && keywords ? PyObject_Call(method, none, keywords) : NULL;
  if (!capsule && PyErr_ExceptionMatches(PyExc_TypeError)) { /* DLPack before 1.0 */
    PyErr_Clear();
    capsule = PyObject_CallNoArgs(method);
  }
  Py_XDECREF(none);
  Py_XDECREF(keywords);
  return capsule;
}

static int read_by_capsule(array *a, PyObject *object, int writable, const place *at) {
  PyObject *method = PyObject_GetAttrString(object, "__dlpack__");
  if (!method) {
    if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return -1;
    PyErr_Clear();
    return 0;
  }
  PyObject *capsule = call_dlpack(method);
  Py_DECREF(method);
  if (!capsule) return place_fail_by(at, "DLPack");
  a->owner = capsule; /* its destructor gives the tensor back */
  if (PyCapsule_IsValid(capsule, "dltensor_versioned")) {
    const dlpack_versioned *v = PyCapsule_GetPointer(capsule, "dltensor_versioned");
    if (v->version.major != DLPACK_MAJOR)
      return place_fail(at, PyExc_TypeError, "has DLPack %u", v->version.major);
    if (writable && v->flags & 1) return place_fail(at, PyExc_ValueError, "cannot be written to");
    return take_tensor(a, &v->tensor, writable, at) == 0 ? 1 : -1;
  }
  const dlpack_managed *m = PyCapsule_GetPointer(capsule, "dltensor");
  return m && take_tensor(a, &m->tensor, writable, at) == 0 ? 1 : -1;
}

int array_read_dlpack(array *a, PyObject *object, int writable, const place *at) {
  const dlpack_exchange *api =
      at->tensors ? at->tensors : exchange_of_type((PyObject *)Py_TYPE(object));
  if (api) return read_by_exchange(a, object, api, writable, at) == 0 ? 1 : -1;
  return read_by_capsule(a, object, writable, at);
}
