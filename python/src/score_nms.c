/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <vloss/score.h>

#include "score.h"

static const char *const threshold_names[] = {"threshold", "iou_threshold", NULL};

typedef struct suppression {
  const array *boxes, *scores;
  vloss_labels classes;
  size_t n;
  double threshold;
  vloss_nms_options options;
  void *workspace;
  size_t workspace_size;
  int64_t *kept;
  size_t count;
} suppression;

static int read_suppression(scoring *s, suppression *c, PyObject *arguments, int *with_scores) {
  PyObject *boxes, *scores, *classes, *threshold, *sigma, *least, *top_k, *per_class, *output;
  vloss_nms_options *o = &c->options;
  int method, format;
  *c = (suppression){.classes = {NULL, VLOSS_LABEL_INT64}, .options = VLOSS_NMS_OPTIONS_INIT};
  if (!PyArg_ParseTuple(arguments, "OOOOiipOOOOOp", &boxes, &scores, &classes, &threshold, &method,
                        &format, &o->any_corners, &sigma, &least, &top_k, &per_class, &output,
                        with_scores) ||
      !(c->boxes = read_boxes(s, "boxes", boxes)))
    return -1;
  c->n = c->boxes->shape.sizes[0];
  if (scores != Py_None && !(c->scores = read_vector(s, "scores", scores, c->n))) return -1;
  o->method = (vloss_nms_method)method;
  o->format = (vloss_box_format)format;
  o->executor = s->executor;
  o->report = &s->report;
  return read_labels(s, "classes", classes, c->n, &c->classes) != 0 ||
                 read_number(s, "iou_threshold", threshold, &c->threshold) != 0 ||
                 read_number(s, "sigma", sigma, &o->sigma) != 0 ||
                 read_number(s, "score_threshold", least, &o->score_threshold) != 0 ||
                 read_size(s, "top_k", top_k, &o->top_k) != 0 ||
                 read_size(s, "max_per_class", per_class, &o->max_per_class) != 0 ||
                 read_size(s, "max_output", output, &o->max_output) != 0
             ? -1
             : 0;
}

static vloss_status suppress(suppression *c) {
  const void *boxes = c->boxes->data, *scores = c->scores ? c->scores->data : NULL;
  if (c->boxes->width == 4)
    return vloss_nms_f32(boxes, scores, c->classes, c->n, c->threshold, &c->options, c->workspace,
                         c->workspace_size, c->n, c->kept, &c->count);
  return vloss_nms_f64(boxes, scores, c->classes, c->n, c->threshold, &c->options, c->workspace,
                       c->workspace_size, c->n, c->kept, &c->count);
}

/* (indices, scores or None) */
PyObject *score_nms(scoring *s, PyObject *arguments) {
  suppression c;
  int with_scores;
  if (read_suppression(s, &c, arguments, &with_scores) != 0) return NULL;
  c.workspace_size = vloss_nms_workspace(c.n, &c.options);
  if (!(c.workspace = take_memory(s, c.workspace_size)) ||
      !(c.kept = take_memory(s, c.n * sizeof *c.kept)) ||
      (with_scores && !(c.options.kept_scores = take_memory(s, c.n * c.boxes->width))))
    return NULL;
  vloss_status status;
  Py_BEGIN_ALLOW_THREADS;
  status = suppress(&c);
  Py_END_ALLOW_THREADS;
  if (raise_score(s, status, threshold_names) != 0) return NULL;
  PyObject *index = copy_result(s, 'q', c.count, c.kept), *score = Py_None;
  if (!index) return NULL;
  if (with_scores)
    score = copy_result(s, c.boxes->width == 4 ? 'f' : 'd', c.count, c.options.kept_scores);
  else
    Py_INCREF(score);
  return Py_BuildValue("(NN)", index, score);
}

/* (box, label, score) */
PyObject *score_select(scoring *s, PyObject *arguments) {
  PyObject *object, *least, *top_k;
  vloss_select_options o = VLOSS_SELECT_OPTIONS_INIT;
  int layout;
  double threshold;
  const array *scores;
  if (!PyArg_ParseTuple(arguments, "OOipO", &object, &least, &layout, &o.multi_label, &top_k) ||
      !(scores = read_reals(s, "scores", object)))
    return NULL;
  if (scores->shape.dimensions != 2)
    return place_fail(&s->at, PyExc_ValueError, "must have two axes"), NULL;
  if (read_number(s, "threshold", least, &threshold) != 0 ||
      read_size(s, "top_k", top_k, &o.top_k) != 0)
    return NULL;
  o.layout = (vloss_score_layout)layout;
  o.report = &s->report;
  size_t n = scores->shape.sizes[layout != 0], classes = scores->shape.sizes[layout == 0];
  int64_t *box = NULL, *label = NULL;
  void *score = NULL;
  size_t capacity = 0, count = 0;
  for (;;) {
    vloss_status status;
    Py_BEGIN_ALLOW_THREADS;
    status = scores->width == 4 ? vloss_select_f32(scores->data, n, classes, threshold, &o,
                                                   capacity, box, label, score, &count)
                                : vloss_select_f64(scores->data, n, classes, threshold, &o,
                                                   capacity, box, label, score, &count);
    Py_END_ALLOW_THREADS;
    if (status == VLOSS_OK) break;
    if (status != VLOSS_ERROR_CAPACITY) return raise_score(s, status, NULL), NULL;
    capacity = count;
    if (!(box = take_memory(s, count * sizeof *box)) ||
        !(label = take_memory(s, count * sizeof *label)) ||
        !(score = take_memory(s, count * scores->width)))
      return NULL;
  }
  PyObject *boxes = copy_result(s, 'q', count, box);
  PyObject *labels = boxes ? copy_result(s, 'q', count, label) : NULL;
  PyObject *values = labels ? copy_result(s, scores->width == 4 ? 'f' : 'd', count, score) : NULL;
  if (values) return Py_BuildValue("(NNN)", boxes, labels, values);
  Py_XDECREF(boxes);
  Py_XDECREF(labels);
  return NULL;
}
