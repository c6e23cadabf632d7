/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

#include <string.h>

int check_shape(evaluation *e, const array *a, const shape *expected) {
  if (shape_equal(&a->shape, expected)) return 0;
  PyObject *is = shape_tuple(&a->shape), *should = shape_tuple(expected);
  if (is && should)
    place_fail(&e->at, PyExc_ValueError, "must have the shape %R, not %R", should, is);
  Py_XDECREF(is);
  Py_XDECREF(should);
  return -1;
}

int read_real(evaluation *e, slot which, array *a, const shape *expected) {
  look_at(e, which);
  if (array_read(a, e->given[which], &e->at) != 0) return -1;
  int known = a->kind == KIND_FLOAT && (a->width == 4 || a->width == 8);
  if (!known)
    return place_fail(&e->at, PyExc_TypeError, "must be float32 or float64, not %s",
                      array_type_name(a));
  if (which != SLOT_INPUT && a->width != e->input.width)
    return place_fail(&e->at, PyExc_TypeError, "must be %s like the input, not %s",
                      array_type_name(&e->input), array_type_name(a));
  return expected ? check_shape(e, a, expected) : 0;
}

static size_t product(const shape *s, int from, int to) {
  size_t result = 1;
  for (int i = from; i < to; i++) result *= s->sizes[i];
  return result;
}

static shape without_axis(const shape *s, int axis) {
  shape result = {.dimensions = s->dimensions - 1};
  for (int i = 0; i < result.dimensions; i++) result.sizes[i] = s->sizes[i + (i >= axis)];
  return result;
}

static int raise_shape(evaluation *e, const char *need) {
  PyObject *is = shape_tuple(&e->input.shape);
  if (is) place_fail(&e->at, PyExc_ValueError, "must have %s; its shape is %R", need, is);
  Py_XDECREF(is);
  return -1;
}

static int read_boxes_shape(evaluation *e) {
  const shape *s = &e->input.shape;
  int last = s->dimensions - 1;
  if (last < 0 || s->sizes[last] != 4) return raise_shape(e, "a last axis of 4 coordinates");
  e->samples = without_axis(s, last);
  e->call.shape[0] = e->input.count / 4;
  return 0;
}

/* Classes stand on the second axis, or on the only one. */
static int read_rows_shape(evaluation *e) {
  const shape *s = &e->input.shape;
  if (s->dimensions == 0) return raise_shape(e, "an axis of classes");
  int axis = s->dimensions > 1;
  e->samples = without_axis(s, axis);
  e->call.shape[0] = product(s, 0, axis);
  e->call.shape[1] = s->sizes[axis];
  e->call.shape[2] = product(s, axis + 1, s->dimensions);
  return 0;
}

static int64_t parameter(const evaluation *e, const char *name) {
  const vloss_loss *loss = e->self->loss;
  for (size_t k = 0; k < loss->parameter_count; k++)
    if (strcmp(loss->parameters[k].name, name) == 0) return e->values[k].whole;
  return 0;
}

/* Images stand on the first axis, channels on the second; a single axis is one image. */
static int read_overlap_shape(evaluation *e) {
  const shape *s = &e->input.shape;
  int64_t grouping = parameter(e, "grouping");
  int per_channel = grouping == VLOSS_GROUP_IMAGE_CHANNEL || grouping == VLOSS_GROUP_CHANNEL;
  int per_image = grouping == VLOSS_GROUP_IMAGE_CHANNEL || grouping == VLOSS_GROUP_IMAGE;
  int images = s->dimensions > 1;
  if (per_channel || parameter(e, "activation") == VLOSS_SOFTMAX) {
    if (!images) return raise_shape(e, "an axis of images and one of channels");
    e->call.shape[2] = s->sizes[1];
  } else {
    e->call.shape[2] = 0;
  }
  e->call.shape[0] = product(s, 0, images);
  e->call.shape[1] = product(s, images, s->dimensions);
  e->samples.dimensions = 0;
  if (per_image && images) e->samples.sizes[e->samples.dimensions++] = s->sizes[0];
  if (per_channel) e->samples.sizes[e->samples.dimensions++] = s->sizes[1];
  return 0;
}

int read_shape(evaluation *e) {
  if (e->self->tensors) e->at.tensors = e->self->state->tensors;
  if (read_real(e, SLOT_INPUT, &e->input, NULL) != 0) return -1;
  e->call.input = e->input.data;
  e->call.dtype = e->input.width == 8 ? VLOSS_F64 : VLOSS_F32;
  switch (e->self->loss->family) {
    case VLOSS_BOXES: return read_boxes_shape(e);
    case VLOSS_ROWS: return read_rows_shape(e);
    case VLOSS_OVERLAP: return read_overlap_shape(e);
    default: break;
  }
  e->samples = e->input.shape;
  e->call.shape[0] = e->input.count;
  return 0;
}

/* Weights of positives stand where broadcasting would put them: on adjoining axes. */
static int place_positive_weight(evaluation *e) {
  const shape *s = &e->input.shape, *w = &e->class_weight.shape;
  int shift = s->dimensions - w->dimensions, first = 0, last = w->dimensions;
  while (first < last && w->sizes[first] == 1) first++;
  while (last > first && w->sizes[last - 1] == 1) last--;
  int fits = shift >= 0 || first == last;
  for (int i = first; i < last && fits; i++) fits = s->sizes[i + shift] == w->sizes[i];
  if (!fits)
    return place_fail(&e->at, PyExc_ValueError, "must broadcast over adjoining axes of the input");
  e->call.shape[1] = e->class_weight.count;
  e->call.shape[2] = first == last ? 1 : product(s, last + shift, s->dimensions);
  return 0;
}

static int read_class_weight(evaluation *e) {
  if (!look_at(e, SLOT_CLASS_WEIGHT) || e->given[SLOT_CLASS_WEIGHT] == Py_None) return 0;
  shape classes = {.dimensions = 1, .sizes = {e->call.shape[1]}};
  int positive = e->self->loss->arrays & VLOSS_ARRAY_POSITIVE_WEIGHT;
  if (read_real(e, SLOT_CLASS_WEIGHT, &e->class_weight, positive ? NULL : &classes) != 0) return -1;
  if (positive && place_positive_weight(e) != 0) return -1;
  e->call.class_weight = e->class_weight.data;
  return 0;
}

static int read_target(evaluation *e) {
  unsigned arrays = e->self->loss->arrays;
  if (arrays & VLOSS_ARRAY_LABELS) {
    look_at(e, SLOT_TARGET);
    return array_read(&e->target, e->given[SLOT_TARGET], &e->at) != 0 ||
                   check_shape(e, &e->target, &e->samples) != 0
               ? -1
               : array_to_labels(&e->target, &e->call.labels, &e->at);
  }
  if (arrays & VLOSS_ARRAY_TARGET && read_real(e, SLOT_TARGET, &e->target, &e->input.shape) != 0)
    return -1;
  e->call.target = e->target.data;
  if (arrays & VLOSS_ARRAY_VARIANCE &&
      read_real(e, SLOT_VARIANCE, &e->variance, &e->input.shape) != 0)
    return -1;
  e->call.variance = e->variance.data;
  return 0;
}

static int is_given(const evaluation *e, slot which) {
  return e->given[which] && e->given[which] != Py_None;
}

/* An upstream gradient: of each sample, or a number. */
static int read_grad_output(evaluation *e) {
  const shape one = {.dimensions = 0};
  PyObject *given = e->given[SLOT_GRAD_OUTPUT];
  if (!is_given(e, SLOT_GRAD_OUTPUT)) return 0;
  int none = e->options.reduction == VLOSS_NONE;
  if (!none && (PyFloat_Check(given) || PyLong_Check(given))) {
    double value;
    look_at(e, SLOT_GRAD_OUTPUT);
    if (read_real_number(e, given, &value) != 0) return -1;
    if (e->call.dtype == VLOSS_F64)
      e->upstream.f64 = value;
    else
      e->upstream.f32 = (float)value;
    e->options.grad_output = &e->upstream;
    return 0;
  }
  if (read_real(e, SLOT_GRAD_OUTPUT, &e->grad_output, none ? &e->samples : &one) != 0) return -1;
  e->options.grad_output = e->grad_output.data;
  return 0;
}

int read_inputs(evaluation *e) {
  if (read_target(e) != 0 || read_class_weight(e) != 0 || read_grad_output(e) != 0) return -1;
  if (!is_given(e, SLOT_WEIGHT)) return 0;
  if (read_real(e, SLOT_WEIGHT, &e->weight, &e->samples) != 0) return -1;
  e->options.weight = e->weight.data;
  return 0;
}
