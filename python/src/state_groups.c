/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of the groups of overlap losses. */
#include "state.h"

/* What all of them have: (loss, its options, input, target, images, size, channels). */
typedef struct group_call {
  const vloss_loss *loss;
  vloss_overlap_options overlap;
  vloss_dtype dtype;
  const void *input, *target;
  size_t images, size, groups; /* losses with VLOSS_NONE */
} group_call;

static size_t count_groups(const group_call *c) {
  switch (c->overlap.grouping) {
    case VLOSS_GROUP_IMAGE: return c->images;
    case VLOSS_GROUP_IMAGE_CHANNEL: return c->images * c->overlap.channels;
    case VLOSS_GROUP_CHANNEL: return c->overlap.channels;
    default: return 1;
  }
}

static int read_call(scoring *s, PyObject *tuple, group_call *c) {
  const char *name;
  PyObject *values, *input, *target;
  Py_ssize_t images, size, channels;
  c->overlap = (vloss_overlap_options)VLOSS_OVERLAP_OPTIONS_INIT;
  if (!PyArg_ParseTuple(tuple, "sOOOnnn", &name, &values, &input, &target, &images, &size,
                        &channels) ||
      !(c->loss = read_loss(s, name)) || read_fields(s, c->loss, values, &c->overlap) != 0)
    return -1;
  c->images = (size_t)images;
  c->size = (size_t)size;
  c->overlap.channels = (size_t)channels;
  const array *x = read_reals(s, "input", input), *t = x ? read_reals(s, "target", target) : NULL;
  if (!t) return -1;
  if (x->count != c->images * c->size || t->count != x->count)
    return place_fail(&s->at, PyExc_ValueError, "must have the shape of the input");
  c->dtype = x->width == sizeof(double) ? VLOSS_F64 : VLOSS_F32;
  c->input = x->data;
  c->target = t->data;
  c->groups = count_groups(c);
  return 0;
}

/* (call) -> words of the sums, a row for each group */
PyObject *state_group_sums(scoring *s, PyObject *arguments) {
  group_call c;
  void *sums;
  if (read_call(s, arguments, &c) != 0) return NULL;
  PyObject *result = new_result(s, 'q', 2, (size_t[]){c.groups, GROUP_WORDS}, &sums);
  if (!result) return NULL;
  for (size_t i = 0; i < c.groups; i++)
    ((vloss_group_sums *)sums)[i] = (vloss_group_sums)VLOSS_GROUP_SUMS_INIT;
  vloss_status status;
  Py_BEGIN_ALLOW_THREADS;
  status = c.dtype == VLOSS_F64 ? vloss_group_sums_add_f64(c.loss, c.input, c.target, c.images,
                                                           c.size, &c.overlap, &s->report, sums)
                                : vloss_group_sums_add_f32(c.loss, c.input, c.target, c.images,
                                                           c.size, &c.overlap, &s->report, sums);
  Py_END_ALLOW_THREADS;
  if (raise_score(s, status, NULL) != 0) Py_CLEAR(result);
  return result;
}

/* (call, sums, reduction, upstream gradient or None, 0: loss, 1: gradient) -> the one of them */
PyObject *state_group_finish(scoring *s, PyObject *arguments) {
  PyObject *tuple, *words, *upstream;
  group_call c;
  int reduction, grad;
  void *out;
  if (!PyArg_ParseTuple(arguments, "OOiOp", &tuple, &words, &reduction, &upstream, &grad) ||
      read_call(s, tuple, &c) != 0)
    return NULL;
  vloss_options o = VLOSS_OPTIONS_INIT;
  o.reduction = (vloss_reduction)reduction;
  o.executor = s->executor;
  o.report = &s->report;
  const array *a = read_states(s, "sums", words, GROUP_WORDS), *up = NULL;
  if (!a || require_shape(s, a, 2, (size_t[]){c.groups, GROUP_WORDS}) != 0) return NULL;
  size_t losses = reduction == VLOSS_NONE ? c.groups : 1;
  if (upstream != Py_None && !(up = read_vector(s, "grad_output", upstream, losses))) return NULL;
  if (up) o.grad_output = up->data;
  size_t count = grad ? c.images * c.size : losses;
  PyObject *result = new_result(s, c.dtype == VLOSS_F64 ? 'd' : 'f', 1, &count, &out);
  if (!result) return NULL;
  void *loss = grad ? NULL : out, *slope = grad ? out : NULL;
  vloss_status status;
  Py_BEGIN_ALLOW_THREADS;
  status = c.dtype == VLOSS_F64
               ? vloss_overlap_from_sums_f64(c.loss, a->data, c.input, c.target, c.images, c.size,
                                             &c.overlap, &o, loss, slope)
               : vloss_overlap_from_sums_f32(c.loss, a->data, c.input, c.target, c.images, c.size,
                                             &c.overlap, &o, loss, slope);
  Py_END_ALLOW_THREADS;
  if (raise_score(s, status, NULL) != 0) Py_CLEAR(result);
  return result;
}
