/* SPDX-License-Identifier: Apache-2.0 */
/* States of rows whose classes are in shards. */
#include "state.h"

/* What all of them have: (loss, its options, logits, their n, classes and inner, labels or None,
 * first class, all classes, class weights or None, states). */
typedef struct shard_call {
  const vloss_loss *loss;
  vloss_cross_entropy_options cross_entropy;
  vloss_options options;
  vloss_shard shard;
  vloss_labels labels;
  vloss_dtype dtype;
  const void *logits;
  vloss_softmax_state *states;
  size_t elements;
} shard_call;

static int read_sizes(scoring *s, PyObject *sizes, shard_call *c) {
  Py_ssize_t n, classes, inner;
  s->at.argument = "logits";
  if (!PyArg_ParseTuple(sizes, "nnn", &n, &classes, &inner)) return -1;
  c->shard = (vloss_shard)VLOSS_SHARD_INIT;
  c->shard.n = (size_t)n;
  c->shard.classes = (size_t)classes;
  c->shard.inner = (size_t)inner;
  c->elements = c->shard.n * c->shard.classes * c->shard.inner;
  return 0;
}

static int read_logits(scoring *s, PyObject *logits, shard_call *c) {
  const array *a = read_reals(s, "logits", logits);
  if (!a) return -1;
  if (a->count != c->elements)
    return place_fail(&s->at, PyExc_ValueError, "must have %zu elements", c->elements);
  c->logits = a->data;
  c->dtype = a->width == sizeof(double) ? VLOSS_F64 : VLOSS_F32;
  return 0;
}

static int read_labels_of_rows(scoring *s, PyObject *labels, shard_call *c) {
  c->labels = (vloss_labels){NULL, VLOSS_LABEL_INT64};
  if (labels == Py_None) return 0;
  array *a = read_array(s, "labels", labels);
  if (!a || array_to_labels(a, &c->labels, &s->at) != 0) return -1;
  size_t rows = c->shard.n * c->shard.inner;
  if (a->count == rows) return 0;
  return place_fail(&s->at, PyExc_ValueError, "must be %zu, one for each row, not %zu", rows,
                    a->count);
}

static int read_call(scoring *s, PyObject *tuple, shard_call *c) {
  const char *name;
  PyObject *values, *logits, *sizes, *labels, *first, *all, *weights, *states;
  c->cross_entropy = (vloss_cross_entropy_options)VLOSS_CROSS_ENTROPY_OPTIONS_INIT;
  c->options = (vloss_options)VLOSS_OPTIONS_INIT;
  c->options.executor = s->executor;
  c->options.report = &s->report;
  if (!PyArg_ParseTuple(tuple, "sOOOOOOOO", &name, &values, &logits, &sizes, &labels, &first, &all,
                        &weights, &states) ||
      !(c->loss = read_loss(s, name)) || read_fields(s, c->loss, values, &c->cross_entropy) != 0 ||
      read_sizes(s, sizes, c) != 0 || read_logits(s, logits, c) != 0 ||
      read_labels_of_rows(s, labels, c) != 0 ||
      read_size(s, "first_class", first, &c->shard.first_class) != 0 ||
      read_size(s, "all_classes", all, &c->shard.all_classes) != 0)
    return -1;
  const array *w = NULL, *a = read_states(s, "states", states, SOFTMAX_WORDS);
  if (!a) return -1;
  size_t rows = c->shard.n * c->shard.inner;
  if (a->shape.sizes[0] != rows)
    return place_fail(&s->at, PyExc_ValueError, "must be %zu, one for each row", rows);
  c->states = a->data;
  if (weights != Py_None) {
    if (!(w = read_vector(s, "class_weight", weights, c->shard.all_classes))) return -1;
    c->cross_entropy.class_weight = w->data;
  }
  return 0;
}

/* A label out of range is shown as it is. */
static int raise_shard(scoring *s, const shard_call *c, vloss_status status) {
  size_t i = s->report.bad_label;
  if (status != VLOSS_ERROR_LABEL) return raise_score(s, status, NULL);
  long long label = c->labels.type == VLOSS_LABEL_INT64   ? ((const int64_t *)c->labels.data)[i]
                    : c->labels.type == VLOSS_LABEL_INT32 ? ((const int32_t *)c->labels.data)[i]
                                                          : ((const uint8_t *)c->labels.data)[i];
  s->at.argument = "labels";
  return place_fail(&s->at, PyExc_IndexError, "label %lld at index %zu is outside [0, %zu)", label,
                    i, c->shard.all_classes);
}

/* (rows) -> states of which nothing is known */
PyObject *state_softmax_init(scoring *s, PyObject *arguments) {
  PyObject *number;
  size_t rows;
  void *states;
  if (!PyArg_ParseTuple(arguments, "O", &number) || read_size(s, "rows", number, &rows) != 0)
    return NULL;
  PyObject *result = new_result(s, 'q', 2, (size_t[]){rows, SOFTMAX_WORDS}, &states);
  if (result && raise_score(s, vloss_softmax_init(rows, states), NULL) != 0) Py_CLEAR(result);
  return result;
}

/* (call): raises the states' doubles */
PyObject *state_softmax_maximum(scoring *s, PyObject *arguments) {
  shard_call c;
  if (read_call(s, arguments, &c) != 0) return NULL;
  const vloss_cross_entropy_options *o = &c.cross_entropy;
  vloss_status status;
  Py_BEGIN_ALLOW_THREADS;
  status = c.dtype == VLOSS_F64
               ? vloss_softmax_maximum_f64(c.logits, &c.shard, o, &c.options, c.states)
               : vloss_softmax_maximum_f32(c.logits, &c.shard, o, &c.options, c.states);
  Py_END_ALLOW_THREADS;
  if (raise_shard(s, &c, status) != 0) return NULL;
  Py_RETURN_NONE;
}

/* (call): adds the shard to the states; with the sum of the entropy if that is the loss */
PyObject *state_softmax_update(scoring *s, PyObject *arguments) {
  shard_call c;
  if (read_call(s, arguments, &c) != 0) return NULL;
  const vloss_cross_entropy_options *o = &c.cross_entropy;
  int entropy = !(c.loss->arrays & VLOSS_ARRAY_LABELS);
  vloss_status status;
  Py_BEGIN_ALLOW_THREADS;
  status = c.dtype == VLOSS_F64 ? vloss_softmax_update_f64(c.logits, c.labels, &c.shard, o, entropy,
                                                           &c.options, c.states)
                                : vloss_softmax_update_f32(c.logits, c.labels, &c.shard, o, entropy,
                                                           &c.options, c.states);
  Py_END_ALLOW_THREADS;
  if (raise_shard(s, &c, status) != 0) return NULL;
  Py_RETURN_NONE;
}

static vloss_status finish_f32(const shard_call *c, float *loss, float *grad) {
  if (!(c->loss->arrays & VLOSS_ARRAY_LABELS))
    return vloss_entropy_with_logits_from_states_f32(c->states, c->logits, &c->shard, &c->options,
                                                     loss, grad);
  return (c->loss == vloss_find_loss("focal_softmax") ? vloss_focal_softmax_from_states_f32
                                                      : vloss_cross_entropy_from_states_f32)(
      c->states, c->logits, c->labels, &c->shard, &c->cross_entropy, &c->options, loss, grad);
}

static vloss_status finish_f64(const shard_call *c, double *loss, double *grad) {
  if (!(c->loss->arrays & VLOSS_ARRAY_LABELS))
    return vloss_entropy_with_logits_from_states_f64(c->states, c->logits, &c->shard, &c->options,
                                                     loss, grad);
  return (c->loss == vloss_find_loss("focal_softmax") ? vloss_focal_softmax_from_states_f64
                                                      : vloss_cross_entropy_from_states_f64)(
      c->states, c->logits, c->labels, &c->shard, &c->cross_entropy, &c->options, loss, grad);
}

static int read_upstream(scoring *s, PyObject *object, shard_call *c) {
  if (object == Py_None) return 0;
  int none = c->options.reduction == VLOSS_NONE;
  const array *a = read_vector(s, "grad_output", object, none ? c->shard.n * c->shard.inner : 1);
  if (!a) return -1;
  c->options.grad_output = a->data;
  return 0;
}

/* (call, reduction, upstream gradient or None, 0: loss, 1: gradient) -> the one of them */
PyObject *state_softmax_finish(scoring *s, PyObject *arguments) {
  PyObject *tuple, *upstream;
  shard_call c;
  int reduction, grad;
  void *out;
  if (!PyArg_ParseTuple(arguments, "OiOp", &tuple, &reduction, &upstream, &grad) ||
      read_call(s, tuple, &c) != 0)
    return NULL;
  c.options.reduction = (vloss_reduction)reduction;
  if (read_upstream(s, upstream, &c) != 0) return NULL;
  size_t count = grad ? c.elements : reduction == VLOSS_NONE ? c.shard.n * c.shard.inner : 1;
  PyObject *result = new_result(s, c.dtype == VLOSS_F64 ? 'd' : 'f', 1, &count, &out);
  if (!result) return NULL;
  vloss_status status;
  Py_BEGIN_ALLOW_THREADS;
  status = c.dtype == VLOSS_F64 ? finish_f64(&c, grad ? NULL : out, grad ? out : NULL)
                                : finish_f32(&c, grad ? NULL : out, grad ? out : NULL);
  Py_END_ALLOW_THREADS;
  if (raise_shard(s, &c, status) != 0) Py_CLEAR(result);
  return result;
}
