/* SPDX-License-Identifier: Apache-2.0 */
#include "layout.h"

#include <inttypes.h>
#include <string.h>

#include "fail.h"

static int check_type(const npy *array, npy_type wanted) {
  if (array->type == wanted) return 0;
  return fail("%s: dtype %s, but the input's is %s", array->path, npy_type_name(array->type),
              npy_type_name(wanted));
}

/* One value may have any number of axes. */
static int same_shape(const npy_shape *a, const npy_shape *b) {
  if (npy_shape_count(a, 0, a->axes) == 1 && npy_shape_count(b, 0, b->axes) == 1) return 1;
  return a->axes == b->axes && memcmp(a->size, b->size, a->axes * sizeof *a->size) == 0;
}

static int check_shape(const npy *array, const npy_shape *wanted) {
  char found[NPY_SHAPE_TEXT], expected[NPY_SHAPE_TEXT];
  if (same_shape(&array->shape, wanted)) return 0;
  return fail("%s: shape %s, but the input needs %s", array->path,
              npy_shape_text(&array->shape, found), npy_shape_text(wanted, expected));
}

/* The first `axes` axes. */
static npy_shape leading(const npy_shape *shape, size_t axes) {
  npy_shape result = *shape;
  result.axes = axes;
  return result;
}

/* The shape is not what the family takes. */
static int refuse(const npy *input, const char *wanted) {
  char text[NPY_SHAPE_TEXT];
  return fail("%s: shape %s, but %s", input->path, npy_shape_text(&input->shape, text), wanted);
}

/* Elements; where weights of positives are given, in classes along an axis. */
static int elements(const request *r, const npy *input, call *c, npy_shape *samples) {
  const npy_shape *shape = &input->shape;
  size_t axes = shape->axes, axis = r->classes_last ? axes - 1 : 1;
  c->shape[0] = input->count;
  *samples = *shape;
  if (!(c->loss->arrays & VLOSS_ARRAY_POSITIVE_WEIGHT) || axis >= axes) return 0;
  c->shape[1] = shape->size[axis];
  c->shape[2] = npy_shape_count(shape, axis + 1, axes);
  return 0;
}

static int boxes(const request *r, const npy *input, call *c, npy_shape *samples) {
  (void)r;
  size_t axes = input->shape.axes;
  if (axes == 0 || input->shape.size[axes - 1] != 4) return refuse(input, "boxes are (..., 4)");
  c->shape[0] = input->count / 4;
  *samples = leading(&input->shape, axes - 1);
  return 0;
}

static int rows(const request *r, const npy *input, call *c, npy_shape *samples) {
  const npy_shape *shape = &input->shape;
  size_t axes = shape->axes;
  if (r->classes_last && axes < 1) return refuse(input, "logits with --classes-last are (..., C)");
  if (!r->classes_last && axes < 2) return refuse(input, "logits are (N, C) or (N, C, d1, ...)");
  size_t axis = r->classes_last ? axes - 1 : 1;
  c->shape[0] = npy_shape_count(shape, 0, axis);
  c->shape[1] = shape->size[axis];
  c->shape[2] = npy_shape_count(shape, axis + 1, axes);
  *samples = leading(shape, axes - 1);
  memmove(samples->size + axis, shape->size + axis + 1, (axes - axis - 1) * sizeof *shape->size);
  return 0;
}

enum { MOST_CHANNELS = 256 }; /* of a softmax, says the header */

/* Images, and behind their axes that of the channels, whether or not anything asks for it. */
static int overlap(const request *r, const npy *input, call *c, npy_shape *samples) {
  const npy_shape *shape = &input->shape;
  size_t axis = r->group_axes;
  vloss_grouping grouping = (vloss_grouping)(int)call_get(c, "grouping");
  int softmax = call_get(c, "activation") == VLOSS_SOFTMAX;
  int asked = softmax || grouping == VLOSS_GROUP_IMAGE_CHANNEL || grouping == VLOSS_GROUP_CHANNEL;
  if (axis > shape->axes) return refuse(input, "--group-axes counts more axes");
  if (asked && axis == shape->axes)
    return refuse(input, "no axis is left for channels behind --group-axes");
  if (softmax && shape->size[axis] > MOST_CHANNELS)
    return refuse(input, "a softmax takes at most 256 channels");
  c->shape[0] = npy_shape_count(shape, 0, axis);
  c->shape[1] = npy_shape_count(shape, axis, shape->axes);
  c->shape[2] = axis < shape->axes ? shape->size[axis] : 1;
  switch (grouping) {
    case VLOSS_GROUP_IMAGE: *samples = leading(shape, axis); break;
    case VLOSS_GROUP_IMAGE_CHANNEL: *samples = leading(shape, axis + 1); break;
    case VLOSS_GROUP_CHANNEL: *samples = (npy_shape){.axes = 1, .size = {shape->size[axis]}}; break;
    case VLOSS_GROUP_BATCH: *samples = (npy_shape){.axes = 0}; break;
  }
  return 0;
}

static int (*const families[])(const request *, const npy *, call *, npy_shape *) = {
    [VLOSS_ELEMENTS] = elements,
    [VLOSS_BOXES] = boxes,
    [VLOSS_ROWS] = rows,
    [VLOSS_OVERLAP] = overlap,
};

/* Labels of other types than the library's become i8. */
static int widen_labels(npy *labels, size_t classes) {
  for (size_t i = 0; labels->type == NPY_U8 && i < labels->count; i++) {
    int64_t label = npy_integer(labels, i);
    if (label < 0) {
      return fail("%s: label %" PRIu64 " at index %zu is outside [0, %zu)", labels->path,
                  (uint64_t)label, i, classes);
    }
  }
  return npy_widen(labels);
}

static int take_labels(npy *target, const npy_shape *samples, call *c) {
  if (target->type == NPY_F4 || target->type == NPY_F8) {
    return fail("%s: dtype %s, but labels are integers or bool", target->path,
                npy_type_name(target->type));
  }
  int status = check_shape(target, samples);
  if (status) return status;
  switch (target->type) {
    case NPY_I8: c->labels.type = VLOSS_LABEL_INT64; break;
    case NPY_I4: c->labels.type = VLOSS_LABEL_INT32; break;
    case NPY_B1:
    case NPY_U1: c->labels.type = VLOSS_LABEL_UINT8; break;
    default:
      status = widen_labels(target, c->shape[1]);
      c->labels.type = VLOSS_LABEL_INT64;
      break;
  }
  c->labels.data = target->data;
  return status;
}

static int take_target(const npy *input, const npy *target, call *c) {
  c->target = target->data;
  int status = check_type(target, input->type);
  return status ? status : check_shape(target, &input->shape);
}

/* Where the weights of classes are: one that holds for all is an axis of one class. */
static void take_class_weight(const npy arrays[ARRAYS], call *c) {
  const npy *positive = &arrays[POSITIVE_WEIGHT];
  c->class_weight = positive->path != NULL ? positive->data : arrays[CLASS_WEIGHT].data;
  if (positive->path != NULL && npy_shape_count(&positive->shape, 0, positive->shape.axes) == 1)
    c->shape[1] = c->shape[2] = 1;
}

int layout(const request *r, npy arrays[ARRAYS], call *c, npy_shape *samples) {
  const npy *input = &arrays[INPUT];
  if (input->type != NPY_F4 && input->type != NPY_F8) {
    return fail("%s: dtype %s, but inputs are f4 or f8", input->path, npy_type_name(input->type));
  }
  c->dtype = input->type == NPY_F4 ? F32 : F64;
  c->input = input->data;
  int status = families[c->loss->family](r, input, c, samples);
  if (status) return status;
  take_class_weight(arrays, c);
  if (c->loss->arrays & VLOSS_ARRAY_LABELS)
    status = take_labels(&arrays[TARGET], samples, c);
  else if (c->loss->arrays & VLOSS_ARRAY_TARGET)
    status = take_target(input, &arrays[TARGET], c);

  const npy_shape one = {.axes = 0}, classes = {.axes = 1, .size = {c->shape[1]}};
  c->variance = arrays[VARIANCE].data;
  const npy_shape *shapes[ARRAYS] = {[VARIANCE] = &input->shape,
                                     [WEIGHT] = samples,
                                     [CLASS_WEIGHT] = &classes,
                                     [POSITIVE_WEIGHT] = &classes};
  shapes[GRAD_OUTPUT] = r->reduction == VLOSS_NONE ? samples : &one;
  for (int id = VARIANCE; id < ARRAYS && !status; id++) {
    if (arrays[id].path == NULL) continue;
    status = check_type(&arrays[id], input->type);
    if (!status) status = check_shape(&arrays[id], shapes[id]);
  }
  return status;
}
