/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <vloss/assign.h>

#include "score.h"

/* (index, iou) */
PyObject *score_assign(scoring *s, PyObject *arguments) {
  PyObject *predictions, *targets, *positive, *negative, *least;
  vloss_assign_options o = VLOSS_ASSIGN_OPTIONS_INIT;
  int low_quality, format;
  const array *a, *b;
  if (!PyArg_ParseTuple(arguments, "OOOOiOip", &predictions, &targets, &positive, &negative,
                        &low_quality, &least, &format, &o.any_corners) ||
      !(a = read_boxes(s, "predictions", predictions)) ||
      !(b = read_boxes(s, "targets", targets)) ||
      read_number(s, "positive", positive, &o.positive) != 0 ||
      read_number(s, "negative", negative, &o.negative) != 0 ||
      read_number(s, "min_iou", least, &o.min_iou) != 0)
    return NULL;
  o.low_quality = (vloss_low_quality)low_quality;
  o.format = (vloss_box_format)format;
  o.executor = s->executor;
  o.report = &s->report;
  size_t n = a->shape.sizes[0], m = b->shape.sizes[0], size = vloss_assign_workspace(m);
  void *index, *iou, *workspace = take_memory(s, size);
  PyObject *first = workspace ? new_result(s, 'q', 1, &n, &index) : NULL;
  PyObject *second = first ? new_result(s, a->width == 4 ? 'f' : 'd', 1, &n, &iou) : NULL;
  vloss_status status = VLOSS_OK;
  if (second) {
    Py_BEGIN_ALLOW_THREADS;
    status = a->width == 4
                 ? vloss_assign_f32(a->data, n, b->data, m, &o, workspace, size, index, iou)
                 : vloss_assign_f64(a->data, n, b->data, m, &o, workspace, size, index, iou);
    Py_END_ALLOW_THREADS;
  }
  if (second && raise_score(s, status, NULL) == 0) return Py_BuildValue("(NN)", first, second);
  Py_XDECREF(first);
  Py_XDECREF(second);
  return NULL;
}

typedef struct fusion {
  const array *boxes, *scores;
  vloss_labels classes;
  size_t n, size, count;
  double threshold;
  vloss_fusion_options options;
  void *workspace, *fused, *fused_scores;
  int64_t *fused_classes, *cluster;
} fusion;

static int read_fusion(scoring *s, fusion *f, PyObject *arguments) {
  PyObject *boxes, *scores, *classes, *threshold, *models, *weights, *least;
  vloss_fusion_options *o = &f->options;
  int format;
  *f = (fusion){.classes = {NULL, VLOSS_LABEL_INT64}, .options = VLOSS_FUSION_OPTIONS_INIT};
  if (!PyArg_ParseTuple(arguments, "OOOOOOOpip", &boxes, &scores, &classes, &threshold, &models,
                        &weights, &least, &o->overflow, &format, &o->any_corners) ||
      !(f->boxes = read_boxes(s, "boxes", boxes)))
    return -1;
  f->n = f->boxes->shape.sizes[0];
  o->format = (vloss_box_format)format;
  o->report = &s->report;
  return !(f->scores = read_vector(s, "scores", scores, f->n)) ||
                 read_labels(s, "classes", classes, f->n, &f->classes) != 0 ||
                 read_number(s, "iou_threshold", threshold, &f->threshold) != 0 ||
                 read_labels(s, "models", models, f->n, &o->models) != 0 ||
                 read_list(s, "weights", weights, &o->weights, &o->model_count) != 0 ||
                 read_number(s, "score_threshold", least, &o->score_threshold) != 0
             ? -1
             : 0;
}

static vloss_status fuse(fusion *f) {
  if (f->boxes->width == 4)
    return vloss_fusion_f32(f->boxes->data, f->scores->data, f->classes, f->n, f->threshold,
                            &f->options, f->workspace, f->size, f->n, f->fused, f->fused_scores,
                            f->fused_classes, f->cluster, &f->count);
  return vloss_fusion_f64(f->boxes->data, f->scores->data, f->classes, f->n, f->threshold,
                          &f->options, f->workspace, f->size, f->n, f->fused, f->fused_scores,
                          f->fused_classes, f->cluster, &f->count);
}

/* (boxes, scores, classes, cluster) */
PyObject *score_fusion(scoring *s, PyObject *arguments) {
  static const char *const names[] = {"threshold", "iou_threshold", "model_count", "weights", NULL};
  fusion f;
  if (read_fusion(s, &f, arguments) != 0) return NULL;
  f.size = vloss_fusion_workspace(f.n);
  if (!(f.workspace = take_memory(s, f.size)) ||
      !(f.fused = take_memory(s, 4 * f.n * f.boxes->width)) ||
      !(f.fused_scores = take_memory(s, f.n * f.boxes->width)) ||
      !(f.fused_classes = take_memory(s, f.n * sizeof *f.fused_classes)) ||
      !(f.cluster = take_memory(s, f.n * sizeof *f.cluster)))
    return NULL;
  vloss_status status;
  Py_BEGIN_ALLOW_THREADS;
  status = fuse(&f);
  Py_END_ALLOW_THREADS;
  if (raise_score(s, status, names) != 0) return NULL;
  char format = f.boxes->width == 4 ? 'f' : 'd';
  void *fused;
  PyObject *results[] = {new_result(s, format, 2, (size_t[]){f.count, 4}, &fused),
                         copy_result(s, format, f.count, f.fused_scores),
                         copy_result(s, 'q', f.count, f.fused_classes),
                         copy_result(s, 'q', f.n, f.cluster)};
  if (results[0]) memcpy(fused, f.fused, 4 * f.count * f.boxes->width);
  if (results[0] && results[1] && results[2] && results[3])
    return Py_BuildValue("(NNNN)", results[0], results[1], results[2], results[3]);
  for (int i = 0; i < 4; i++) Py_XDECREF(results[i]);
  return NULL;
}
