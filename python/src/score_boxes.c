/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <vloss/score.h>

#include "score.h"

/* Two arrays of boxes of one type and how to compare them. */
typedef struct comparison {
  const array *a, *b;
  size_t n, m;
  char type;   /* of boxes: f, d or i */
  char format; /* of similarities: f or d */
  vloss_similarity_options options;
} comparison;

static const array *read_any_boxes(scoring *s, const char *name, PyObject *object) {
  array *a = read_array(s, name, object);
  if (!a) return NULL;
  int whole = a->kind == KIND_SIGNED && a->width == 4;
  if (!whole && !(a->kind == KIND_FLOAT && a->width >= 4))
    place_fail(&s->at, PyExc_TypeError, "must be float32, float64 or int32, not %s",
               array_type_name(a));
  else if (s->first && (s->first->kind != a->kind || s->first->width != a->width))
    place_fail(&s->at, PyExc_TypeError, "must be %s like %s, not %s", array_type_name(s->first),
               s->likeness, array_type_name(a));
  else
    require_boxes(s, a);
  s->first = a;
  s->likeness = name;
  return PyErr_Occurred() ? NULL : a;
}

/* boxes1, boxes2, kind, format, any_corners, crowd and, behind them, the operation's own. */
static int read_comparison(scoring *s, comparison *c, PyObject *arguments, PyObject **own) {
  PyObject *boxes1, *boxes2, *crowd;
  int kind, format;
  c->options = (vloss_similarity_options)VLOSS_SIMILARITY_OPTIONS_INIT;
  if (!PyArg_ParseTuple(arguments, "OOiipO|O", &boxes1, &boxes2, &kind, &format,
                        &c->options.any_corners, &crowd, own) ||
      !(c->a = read_any_boxes(s, "boxes1", boxes1)) ||
      !(c->b = read_any_boxes(s, "boxes2", boxes2)))
    return -1;
  c->n = c->a->shape.sizes[0];
  c->m = c->b->shape.sizes[0];
  c->type = c->a->kind == KIND_SIGNED ? 'i' : c->a->width == 4 ? 'f' : 'd';
  c->format = c->type == 'f' ? 'f' : 'd';
  c->options.kind = (vloss_similarity_kind)kind;
  c->options.format = (vloss_box_format)format;
  c->options.executor = s->executor;
  c->options.report = &s->report;
  return read_flags(s, "crowd", crowd, c->m, &c->options.crowd);
}

PyObject *score_similarity_matrix(scoring *s, PyObject *arguments) {
  comparison c;
  void *out;
  if (read_comparison(s, &c, arguments, NULL) != 0) return NULL;
  PyObject *result = new_result(s, c.format, 2, (size_t[]){c.n, c.m}, &out);
  if (!result) return NULL;
  const void *a = c.a->data, *b = c.b->data;
  vloss_status status;
  Py_BEGIN_ALLOW_THREADS;
  if (c.type == 'f')
    status = vloss_similarity_matrix_f32(a, c.n, b, c.m, &c.options, out);
  else if (c.type == 'd')
    status = vloss_similarity_matrix_f64(a, c.n, b, c.m, &c.options, out);
  else
    status = vloss_similarity_matrix_i32(a, c.n, b, c.m, &c.options, out);
  Py_END_ALLOW_THREADS;
  if (raise_score(s, status, NULL) != 0) Py_CLEAR(result);
  return result;
}

PyObject *score_similarity_paired(scoring *s, PyObject *arguments) {
  comparison c;
  void *out;
  if (read_comparison(s, &c, arguments, NULL) != 0) return NULL;
  s->at.argument = "boxes2";
  if (require_shape(s, c.b, 2, c.a->shape.sizes) != 0) return NULL;
  PyObject *result = new_result(s, c.format, 1, &c.n, &out);
  if (!result) return NULL;
  const void *a = c.a->data, *b = c.b->data;
  vloss_status status;
  Py_BEGIN_ALLOW_THREADS;
  if (c.type == 'f')
    status = vloss_similarity_paired_f32(a, b, c.n, &c.options, out);
  else if (c.type == 'd')
    status = vloss_similarity_paired_f64(a, b, c.n, &c.options, out);
  else
    status = vloss_similarity_paired_i32(a, b, c.n, &c.options, out);
  Py_END_ALLOW_THREADS;
  if (raise_score(s, status, NULL) != 0) Py_CLEAR(result);
  return result;
}

/* (value, index) of a result that is two arrays of one shape. */
static PyObject *two_results(PyObject *value, PyObject *index, int failed) {
  if (value && index && !failed) return Py_BuildValue("(NN)", value, index);
  Py_XDECREF(value);
  Py_XDECREF(index);
  return NULL;
}

PyObject *score_similarity_best(scoring *s, PyObject *arguments) {
  comparison c;
  void *value, *index;
  if (read_comparison(s, &c, arguments, NULL) != 0) return NULL;
  PyObject *values = new_result(s, c.format, 1, &c.n, &value);
  PyObject *indices = values ? new_result(s, 'q', 1, &c.n, &index) : NULL;
  if (!indices) return two_results(values, indices, 1);
  const void *a = c.a->data, *b = c.b->data;
  vloss_status status;
  Py_BEGIN_ALLOW_THREADS;
  if (c.type == 'f')
    status = vloss_similarity_best_f32(a, c.n, b, c.m, &c.options, value, index);
  else if (c.type == 'd')
    status = vloss_similarity_best_f64(a, c.n, b, c.m, &c.options, value, index);
  else
    status = vloss_similarity_best_i32(a, c.n, b, c.m, &c.options, value, index);
  Py_END_ALLOW_THREADS;
  return two_results(values, indices, raise_score(s, status, NULL));
}

PyObject *score_similarity_top_k(scoring *s, PyObject *arguments) {
  comparison c;
  PyObject *own;
  size_t k;
  void *value, *index;
  if (read_comparison(s, &c, arguments, &own) != 0 || read_size(s, "k", own, &k) != 0) return NULL;
  const size_t sizes[] = {c.m, k};
  PyObject *values = new_result(s, c.format, 2, sizes, &value);
  PyObject *indices = values ? new_result(s, 'q', 2, sizes, &index) : NULL;
  if (!indices) return two_results(values, indices, 1);
  const void *a = c.a->data, *b = c.b->data;
  vloss_status status;
  Py_BEGIN_ALLOW_THREADS;
  if (c.type == 'f')
    status = vloss_similarity_top_k_f32(a, c.n, b, c.m, k, &c.options, value, index);
  else if (c.type == 'd')
    status = vloss_similarity_top_k_f64(a, c.n, b, c.m, k, &c.options, value, index);
  else
    status = vloss_similarity_top_k_i32(a, c.n, b, c.m, k, &c.options, value, index);
  Py_END_ALLOW_THREADS;
  return two_results(values, indices, raise_score(s, status, NULL));
}

static vloss_status find_pairs(const comparison *c, double threshold, size_t capacity,
                               vloss_similarity_pair *pairs, size_t *count) {
  const void *a = c->a->data, *b = c->b->data;
  if (c->type == 'f')
    return vloss_similarity_pairs_f32(a, c->n, b, c->m, threshold, &c->options, capacity, pairs,
                                      count);
  if (c->type == 'd')
    return vloss_similarity_pairs_f64(a, c->n, b, c->m, threshold, &c->options, capacity, pairs,
                                      count);
  return vloss_similarity_pairs_i32(a, c->n, b, c->m, threshold, &c->options, capacity, pairs,
                                    count);
}

/* (first, second, value) */
static PyObject *split_pairs(scoring *s, char format, const vloss_similarity_pair *pairs,
                             size_t count) {
  void *first, *second, *value;
  PyObject *one = new_result(s, 'q', 1, &count, &first);
  PyObject *two = one ? new_result(s, 'q', 1, &count, &second) : NULL;
  PyObject *three = two ? new_result(s, format, 1, &count, &value) : NULL;
  if (!three) {
    Py_XDECREF(one);
    Py_XDECREF(two);
    return NULL;
  }
  for (size_t i = 0; i < count; i++) {
    ((int64_t *)first)[i] = pairs[i].first;
    ((int64_t *)second)[i] = pairs[i].second;
    if (format == 'f')
      ((float *)value)[i] = (float)pairs[i].value;
    else
      ((double *)value)[i] = pairs[i].value;
  }
  return Py_BuildValue("(NNN)", one, two, three);
}

PyObject *score_similarity_pairs(scoring *s, PyObject *arguments) {
  comparison c;
  PyObject *own;
  double threshold;
  if (read_comparison(s, &c, arguments, &own) != 0 ||
      read_number(s, "threshold", own, &threshold) != 0)
    return NULL;
  vloss_similarity_pair *pairs = NULL;
  size_t capacity = 0, count = 0;
  for (;;) {
    vloss_status status;
    Py_BEGIN_ALLOW_THREADS;
    status = find_pairs(&c, threshold, capacity, pairs, &count);
    Py_END_ALLOW_THREADS;
    if (status == VLOSS_OK) return split_pairs(s, c.format, pairs, count);
    if (status != VLOSS_ERROR_CAPACITY) return raise_score(s, status, NULL), NULL;
    capacity = count;
    if (count > SIZE_MAX / sizeof *pairs) return PyErr_NoMemory();
    if (!(pairs = take_memory(s, count * sizeof *pairs))) return NULL;
  }
}
