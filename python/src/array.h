/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays of other libraries, read where they lie. */
#ifndef VLOSS_PYTHON_ARRAY_H
#define VLOSS_PYTHON_ARRAY_H

#define PY_SSIZE_T_CLEAN /* lengths of "s#" */
#include <Python.h>
#include <vloss/vloss.h>

#include "dlpack.h"

enum { MAX_DIMENSIONS = 32 };

typedef enum number_kind {
  KIND_FLOAT,
  KIND_SIGNED,
  KIND_UNSIGNED,
  KIND_BOOL,
  KIND_OTHER
} number_kind;

/* Sizes of axes. */
typedef struct shape {
  int dimensions;
  size_t sizes[MAX_DIMENSIONS];
} shape;

typedef struct array {
  void *data; /* in C order */
  number_kind kind;
  size_t width; /* bytes of an element */
  int swapped;  /* 1 while they lie in the other byte order */
  size_t count;
  shape shape;
  PyObject *object; /* where it came from; borrowed */
  PyObject *owner;  /* what keeps the data, or NULL */
  void *copy;       /* of data in another order or type, or NULL */
  int has_buffer;
  Py_buffer buffer;
} array;

/* For messages: which loss and which of its arguments. */
typedef struct place {
  const char *loss, *argument;
  /* What all tensors of a call have, whose caller has looked at their negative bits; or NULL.
   * They are not copied: one that should be ends the call. */
  const dlpack_exchange *tensors;
} place;

/* Raises `type` with "loss: argument: message"; returns -1. */
int place_fail(const place *at, PyObject *type, const char *format, ...);

/* Raises a TypeError from an exception of the protocol by which an object was to be read. An
 * exception of another kind, such as an interrupt, stays. Returns -1. */
int place_fail_by(const place *at, const char *protocol);

/* An array that holds nothing yet. Every array that was started must be released. */
void array_start(array *a);
void array_release(array *a);

/* Reads an object by the buffer protocol, DLPack or __array__: in C order, copied where it is not.
 * Returns -1 with an exception if it cannot. */
int array_read(array *a, PyObject *object, const place *at);

/* An array to write to: in C order already. */
int array_read_output(array *a, PyObject *object, const place *at);

/* Turns integers into a type that the library has. */
int array_to_labels(array *a, vloss_labels *labels, const place *at);
int array_to_int64(array *a, const place *at);

/* Turns floats and integers into double. */
int array_to_doubles(array *a, const place *at);

/* The exchange API of a type, or NULL without an exception. */
const dlpack_exchange *exchange_of_type(PyObject *type);

/* Views an array as described by strides in bytes (NULL: C order), and copies it if it must. */
int array_lay_out(array *a, const ptrdiff_t *strides, int may_copy, const place *at);

/* Reads the object through DLPack. */
int array_read_dlpack(array *a, PyObject *object, int writable, const place *at);

/* Replaces a reference by a new one. */
static inline void set_object(PyObject **at, PyObject *object) {
  PyObject *old = *at;
  *at = object;
  Py_XDECREF(old);
}

int shape_equal(const shape *a, const shape *b);
PyObject *shape_tuple(const shape *s);
const char *array_type_name(const array *a);

#endif
