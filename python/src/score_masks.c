/* SPDX-License-Identifier: Apache-2.0 */
/* A mask in Python is (counts, height, width), with the runs as uint32. */
#include <vloss/mask.h>

#include "score.h"

static int read_runs(scoring *s, const char *name, PyObject *tuple, vloss_mask *mask) {
  PyObject *counts, *height, *width;
  s->at.argument = name;
  if (!PyTuple_Check(tuple) || PyTuple_Size(tuple) != 3)
    return place_fail(&s->at, PyExc_TypeError, "must be a Mask, not %R",
                      (PyObject *)Py_TYPE(tuple));
  if (!PyArg_ParseTuple(tuple, "OOO", &counts, &height, &width) ||
      read_size(s, name, height, &mask->height) != 0 ||
      read_size(s, name, width, &mask->width) != 0)
    return -1;
  array *a = read_array(s, name, counts);
  if (!a) return -1;
  if (a->kind != KIND_UNSIGNED || a->width != 4)
    return place_fail(&s->at, PyExc_TypeError, "counts must be uint32, not %s", array_type_name(a));
  mask->count = a->count;
  mask->counts = mask->count ? a->data : NULL;
  return 0;
}

/* Masks of a list or tuple, copied, as there may be more of them than a call has arrays. */
static int read_masks(scoring *s, const char *name, PyObject *object, vloss_mask **masks,
                      size_t *count) {
  PyObject *tuple = PySequence_Tuple(object);
  if (!tuple) return -1;
  *count = (size_t)PyTuple_Size(tuple);
  size_t total = 0;
  *masks = take_memory(s, *count * sizeof **masks);
  for (size_t i = 0; *masks && i < *count; i++) {
    vloss_mask *mask = &(*masks)[i];
    if (read_runs(s, name, PyTuple_GetItem(tuple, (Py_ssize_t)i), mask) != 0) *masks = NULL;
    if (!*masks) break;
    total += mask->count;
    array_release(&s->arrays[--s->array_count]); /* the tuple keeps it */
  }
  uint32_t *runs = *masks ? take_memory(s, total * sizeof *runs) : NULL;
  for (size_t i = 0; runs && i < *count; i++) {
    vloss_mask *mask = &(*masks)[i];
    int failed = read_runs(s, name, PyTuple_GetItem(tuple, (Py_ssize_t)i), mask) != 0;
    if (!failed && mask->count > total) /* whose code gave fewer of them before */
      failed = place_fail(&s->at, PyExc_ValueError, "changed meanwhile");
    if (failed) runs = NULL;
    if (!runs) break;
    total -= mask->count;
    for (size_t k = 0; k < mask->count; k++) runs[k] = mask->counts[k];
    mask->counts = mask->count ? runs : NULL;
    runs += mask->count;
    array_release(&s->arrays[--s->array_count]);
  }
  Py_DECREF(tuple);
  return runs ? 0 : -1;
}

static const char *const mask_names[] = {"a", "masks1", "b", "masks2", NULL};

/* (pixels) in row-major order -> (counts, height, width) */
PyObject *score_mask_encode(scoring *s, PyObject *arguments) {
  PyObject *object;
  vloss_mask_options o = VLOSS_MASK_OPTIONS_INIT;
  o.layout = VLOSS_ROW_MAJOR;
  o.report = &s->report;
  array *a;
  if (!PyArg_ParseTuple(arguments, "O", &object) || !(a = read_array(s, "pixels", object)))
    return NULL;
  if (a->kind != KIND_BOOL && !(a->kind == KIND_UNSIGNED && a->width == 1))
    return place_fail(&s->at, PyExc_TypeError, "must be bool or uint8, not %s", array_type_name(a)),
           NULL;
  if (a->shape.dimensions != 2)
    return place_fail(&s->at, PyExc_ValueError, "must have two axes"), NULL;
  uint32_t *counts = NULL;
  size_t capacity = 0, count = 0;
  for (;;) {
    vloss_status status;
    Py_BEGIN_ALLOW_THREADS;
    status = vloss_mask_encode(a->data, a->shape.sizes[0], a->shape.sizes[1], &o, capacity, counts,
                               &count);
    Py_END_ALLOW_THREADS;
    if (status == VLOSS_OK) break;
    if (status != VLOSS_ERROR_CAPACITY) return raise_score(s, status, NULL), NULL;
    capacity = count;
    if (!(counts = take_memory(s, count * sizeof *counts))) return NULL;
  }
  PyObject *runs = copy_result(s, 'I', count, counts);
  const Py_ssize_t height = (Py_ssize_t)a->shape.sizes[0], width = (Py_ssize_t)a->shape.sizes[1];
  return runs ? Py_BuildValue("(Nnn)", runs, height, width) : NULL;
}

/* (mask) -> pixels in row-major order */
PyObject *score_mask_decode(scoring *s, PyObject *arguments) {
  PyObject *object;
  vloss_mask mask;
  vloss_mask_options o = VLOSS_MASK_OPTIONS_INIT;
  void *pixels;
  o.layout = VLOSS_ROW_MAJOR;
  o.report = &s->report;
  if (!PyArg_ParseTuple(arguments, "O", &object) || read_runs(s, "mask", object, &mask) != 0)
    return NULL;
  if (mask.width && mask.height > UINT32_MAX / mask.width)
    return place_fail(&s->at, PyExc_ValueError, "has too many pixels"), NULL;
  PyObject *result = new_result(s, 'B', 2, (size_t[]){mask.height, mask.width}, &pixels);
  if (!result) return NULL;
  vloss_status status;
  Py_BEGIN_ALLOW_THREADS;
  status = vloss_mask_decode(&mask, &o, pixels);
  Py_END_ALLOW_THREADS;
  if (raise_score(s, status, NULL) != 0) Py_CLEAR(result);
  return result;
}

/* (masks) -> pixels of each */
PyObject *score_mask_area(scoring *s, PyObject *arguments) {
  PyObject *object;
  vloss_mask *masks;
  size_t n;
  void *area;
  vloss_mask_options o = VLOSS_MASK_OPTIONS_INIT;
  o.report = &s->report;
  if (!PyArg_ParseTuple(arguments, "O", &object) || read_masks(s, "masks", object, &masks, &n) != 0)
    return NULL;
  PyObject *result = new_result(s, 'q', 1, &n, &area);
  if (result && raise_score(s, vloss_mask_area(masks, n, &o, area), NULL) != 0) Py_CLEAR(result);
  return result;
}

/* (masks) -> x, y, w, h of each */
PyObject *score_mask_box(scoring *s, PyObject *arguments) {
  PyObject *object;
  vloss_mask *masks;
  size_t n;
  void *boxes;
  vloss_mask_options o = VLOSS_MASK_OPTIONS_INIT;
  o.report = &s->report;
  if (!PyArg_ParseTuple(arguments, "O", &object) || read_masks(s, "masks", object, &masks, &n) != 0)
    return NULL;
  PyObject *result = new_result(s, 'd', 2, (size_t[]){n, 4}, &boxes);
  if (result && raise_score(s, vloss_mask_box(masks, n, &o, boxes), NULL) != 0) Py_CLEAR(result);
  return result;
}

/* (masks1, masks2, crowd) -> matrix */
PyObject *score_mask_iou(scoring *s, PyObject *arguments) {
  PyObject *one, *two, *crowd;
  vloss_mask *a, *b;
  size_t n, m;
  void *out;
  vloss_mask_options o = VLOSS_MASK_OPTIONS_INIT;
  o.executor = s->executor;
  o.report = &s->report;
  if (!PyArg_ParseTuple(arguments, "OOO", &one, &two, &crowd) ||
      read_masks(s, "masks1", one, &a, &n) != 0 || read_masks(s, "masks2", two, &b, &m) != 0 ||
      read_flags(s, "crowd", crowd, m, &o.crowd) != 0)
    return NULL;
  size_t size = vloss_mask_iou_workspace(a, n, b, m);
  void *workspace = take_memory(s, size);
  PyObject *result = workspace ? new_result(s, 'd', 2, (size_t[]){n, m}, &out) : NULL;
  if (!result) return NULL;
  vloss_status status;
  Py_BEGIN_ALLOW_THREADS;
  status = vloss_mask_iou(a, n, b, m, &o, workspace, size, out);
  Py_END_ALLOW_THREADS;
  if (raise_score(s, status, mask_names) != 0) Py_CLEAR(result);
  return result;
}

/* (masks, operation) -> counts */
PyObject *score_mask_merge(scoring *s, PyObject *arguments) {
  PyObject *object;
  int how;
  vloss_mask *masks;
  size_t n, total = 1, count = 0;
  vloss_mask_options o = VLOSS_MASK_OPTIONS_INIT;
  o.report = &s->report;
  if (!PyArg_ParseTuple(arguments, "Oi", &object, &how) ||
      read_masks(s, "masks", object, &masks, &n) != 0)
    return NULL;
  for (size_t i = 0; i < n; i++) total += masks[i].count;
  size_t size = vloss_mask_merge_workspace(masks, n);
  void *workspace = take_memory(s, size);
  uint32_t *counts = take_memory(s, total * sizeof *counts);
  if (!workspace || !counts) return NULL;
  vloss_status status;
  Py_BEGIN_ALLOW_THREADS;
  status = vloss_mask_merge(masks, n, (vloss_mask_operation)how, &o, workspace, size, total, counts,
                            &count);
  Py_END_ALLOW_THREADS;
  return raise_score(s, status, NULL) == 0 ? copy_result(s, 'I', count, counts) : NULL;
}

/* (mask) -> bytes */
PyObject *score_mask_to_text(scoring *s, PyObject *arguments) {
  PyObject *object;
  vloss_mask mask;
  vloss_mask_options o = VLOSS_MASK_OPTIONS_INIT;
  o.report = &s->report;
  if (!PyArg_ParseTuple(arguments, "O", &object) || read_runs(s, "mask", object, &mask) != 0)
    return NULL;
  size_t capacity = 7 * mask.count, length; /* 33 bits with the sign, in groups of 5 */
  char *text = take_memory(s, capacity);
  if (!text || raise_score(s, vloss_mask_to_text(&mask, &o, capacity, text, &length), NULL) != 0)
    return NULL;
  return PyBytes_FromStringAndSize(text, (Py_ssize_t)length);
}

/* (text, height, width) -> counts */
PyObject *score_mask_from_text(scoring *s, PyObject *arguments) {
  const char *text;
  Py_ssize_t length;
  PyObject *high, *wide;
  size_t height, width, count;
  vloss_mask_options o = VLOSS_MASK_OPTIONS_INIT;
  o.report = &s->report;
  if (!PyArg_ParseTuple(arguments, "s#OO", &text, &length, &high, &wide) ||
      read_size(s, "height", high, &height) != 0 || read_size(s, "width", wide, &width) != 0)
    return NULL;
  size_t capacity = (size_t)length; /* a run has a character at least */
  uint32_t *counts = take_memory(s, capacity * sizeof *counts);
  if (!counts) return NULL;
  vloss_status status =
      vloss_mask_from_text(text, capacity, height, width, &o, capacity, counts, &count);
  return raise_score(s, status, NULL) == 0 ? copy_result(s, 'I', count, counts) : NULL;
}
