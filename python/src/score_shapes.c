/* SPDX-License-Identifier: Apache-2.0 */
/* Polygons and keypoints. */
#include <vloss/mask.h>

#include "score.h"

static int read_polygons(scoring *s, PyObject *tuple, vloss_polygon *polygons, size_t n) {
  for (size_t i = 0; i < n; i++) {
    const double *vertices = NULL;
    size_t numbers = 0;
    if (read_list(s, "polygons", PyTuple_GetItem(tuple, (Py_ssize_t)i), &vertices, &numbers) != 0)
      return -1;
    if (numbers % 2) return place_fail(&s->at, PyExc_ValueError, "must be pairs x, y");
    double *own = PyMem_Malloc((numbers ? numbers : 1) * sizeof *own);
    if (!own) return PyErr_NoMemory(), -1;
    for (size_t k = 0; k < numbers; k++) own[k] = vertices[k];
    polygons[i] = (vloss_polygon){own, numbers / 2};
    array_release(&s->arrays[--s->array_count]);
  }
  return 0;
}

static PyObject *draw(scoring *s, const vloss_polygon *polygons, size_t n, size_t height,
                      size_t width) {
  vloss_mask_options o = VLOSS_MASK_OPTIONS_INIT;
  o.report = &s->report;
  size_t size = vloss_mask_polygons_workspace(polygons, n, height, width), capacity = 0, count = 0;
  void *workspace = take_memory(s, size);
  uint32_t *counts = NULL;
  while (workspace) {
    vloss_status status;
    Py_BEGIN_ALLOW_THREADS;
    status = vloss_mask_from_polygons(polygons, n, height, width, &o, workspace, size, capacity,
                                      counts, &count);
    Py_END_ALLOW_THREADS;
    if (status == VLOSS_OK) return copy_result(s, 'I', count, counts);
    if (status != VLOSS_ERROR_CAPACITY) return raise_score(s, status, NULL), NULL;
    capacity = count;
    if (!(counts = take_memory(s, count * sizeof *counts))) return NULL;
  }
  return NULL;
}

/* (tuple of arrays, height, width) -> counts */
PyObject *score_mask_from_polygons(scoring *s, PyObject *arguments) {
  PyObject *tuple, *high, *wide, *result = NULL;
  size_t height, width;
  if (!PyArg_ParseTuple(arguments, "O!OO", &PyTuple_Type, &tuple, &high, &wide) ||
      read_size(s, "height", high, &height) != 0 || read_size(s, "width", wide, &width) != 0)
    return NULL;
  size_t n = (size_t)PyTuple_Size(tuple);
  vloss_polygon *polygons = take_memory(s, n * sizeof *polygons);
  if (!polygons) return NULL;
  for (size_t i = 0; i < n; i++) polygons[i] = (vloss_polygon){NULL, 0};
  if (read_polygons(s, tuple, polygons, n) == 0) result = draw(s, polygons, n, height, width);
  for (size_t i = 0; i < n; i++) PyMem_Free((void *)(uintptr_t)polygons[i].vertices);
  return result;
}

/* (detections, targets, areas, boxes, sigmas) -> matrix */
PyObject *score_oks(scoring *s, PyObject *arguments) {
  PyObject *found, *wanted, *sizes, *corners, *sigmas;
  vloss_oks_options o = VLOSS_OKS_OPTIONS_INIT;
  const double *areas = NULL, *boxes = NULL;
  size_t points = 17;
  void *out;
  o.executor = s->executor;
  o.report = &s->report;
  if (!PyArg_ParseTuple(arguments, "OOOOO", &found, &wanted, &sizes, &corners, &sigmas) ||
      read_list(s, "sigmas", sigmas, &o.sigmas, &points) != 0)
    return NULL;
  array *a = read_array(s, "detections", found);
  size_t n = a && a->shape.dimensions ? a->shape.sizes[0] : 0;
  if (!a || require_shape(s, a, 3, (size_t[]){n, points, 3}) != 0 ||
      array_to_doubles(a, &s->at) != 0)
    return NULL;
  array *b = read_array(s, "targets", wanted);
  size_t m = b && b->shape.dimensions ? b->shape.sizes[0] : 0;
  if (!b || require_shape(s, b, 3, (size_t[]){m, points, 3}) != 0 ||
      array_to_doubles(b, &s->at) != 0 || read_doubles(s, "areas", sizes, 1, &m, &areas) != 0 ||
      read_doubles(s, "boxes", corners, 2, (size_t[]){m, 4}, &boxes) != 0)
    return NULL;
  PyObject *result = new_result(s, 'd', 2, (size_t[]){n, m}, &out);
  if (!result) return NULL;
  vloss_status status;
  Py_BEGIN_ALLOW_THREADS;
  status = vloss_oks(a->data, n, b->data, areas, boxes, m, points, &o, out);
  Py_END_ALLOW_THREADS;
  if (raise_score(s, status, NULL) != 0) Py_CLEAR(result);
  return result;
}
