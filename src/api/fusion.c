/* SPDX-License-Identifier: Apache-2.0 */
#include "score/fusion.h"

#include <float.h>

#include "api/score.h"
#include "labels.h"

static size_t workspace_need(size_t n) {
  size_t bytes;
  if (!n) return 0;
  return __builtin_mul_overflow(n, FUSION_BOX_SIZE, &bytes) || bytes > PTRDIFF_MAX - 8 ? SIZE_MAX
                                                                                       : bytes + 8;
}

size_t vloss_fusion_workspace(size_t n) { return workspace_need(n); }

static void use_workspace(fusion *f, void *workspace) {
  char *at = aligned_workspace(workspace);
  f->clusters = (box_cluster *)(void *)at;
  f->overlaps = (corners *)(f->clusters + f->n);
  f->weighted = (double *)(f->overlaps + f->n);
  f->order = (size_t *)(void *)(at + f->n * (FUSION_BOX_SIZE - 3 * 8));
  f->spare = f->order + f->n;
  f->joined = f->spare + f->n;
}

static void check_models(score_request *s, const vloss_fusion_options *o, size_t n) {
  vloss_score_labels(s, "models", o->models, n);
  for (size_t i = 0; o->models.data && i < n && s->status == VLOSS_OK; i++) {
    int64_t model = label_at(o->models, i);
    if (model < 0 || (uint64_t)model >= o->model_count)
      vloss_score_fail_at(s, VLOSS_ERROR_LABEL, "models", i);
  }
}

/* The sum of the weights of the models. */
static double check_weights(score_request *s, const vloss_fusion_options *o) {
  double total = 0;
  if (!o->model_count) vloss_score_fail(s, VLOSS_ERROR_PARAMETER, "model_count");
  if (!o->weights) return (double)o->model_count;
  vloss_score_input(s, "weights", o->weights, o->model_count, sizeof *o->weights);
  for (size_t k = 0; k < o->model_count && s->status == VLOSS_OK; k++) {
    total += o->weights[k];
    if (!(o->weights[k] >= 0 && o->weights[k] <= DBL_MAX))
      vloss_score_fail_at(s, VLOSS_ERROR_PARAMETER, "weights", k);
  }
  if (!(total > 0)) vloss_score_fail(s, VLOSS_ERROR_PARAMETER, "weights");
  return total;
}

static void check_numbers(score_request *s, const vloss_fusion_options *o, double threshold) {
  if (!(threshold >= 0 && threshold <= 1)) vloss_score_fail(s, VLOSS_ERROR_PARAMETER, "threshold");
  if (o->score_threshold != o->score_threshold)
    vloss_score_fail(s, VLOSS_ERROR_PARAMETER, "score_threshold");
  if (o->overflow != 0 && o->overflow != 1) vloss_score_fail(s, VLOSS_ERROR_ENUM, "overflow");
  vloss_score_boxes(s, o->format, o->any_corners);
}

typedef struct fusion_outputs {
  void *fused, *fused_score;
  int64_t *fused_class, *cluster;
  size_t capacity, *count;
} fusion_outputs;

static void note_outputs(score_request *s, const fusion *f, const fusion_outputs *to) {
  vloss_score_output(s, "fused", to->fused, to->capacity, 4 * f->width);
  vloss_score_output(s, "fused_score", to->fused_score, to->capacity, f->width);
  vloss_score_output_or_null(s, "fused_class", to->fused_class, to->capacity, sizeof(int64_t));
  vloss_score_output_or_null(s, "cluster", to->cluster, f->n, sizeof(int64_t));
  vloss_score_output(s, "count", to->count, 1, sizeof(size_t));
}

static void store(const fusion *f, void *numbers, size_t i, double value) {
  if (f->width == sizeof(double))
    ((double *)numbers)[i] = value;
  else
    ((float *)numbers)[i] = (float)value;
}

static void write_clusters(const fusion *f, const fusion_outputs *to) {
  for (size_t at = 0; at < f->count; at++) {
    const box_cluster *c = &f->clusters[f->order[at]];
    for (size_t k = 0; k < 4; k++) store(f, to->fused, 4 * at + k, c->box[k]);
    store(f, to->fused_score, at, c->score);
    if (to->fused_class) to->fused_class[at] = vloss_fusion_class(f, c->first);
    f->spare[f->order[at]] = at;
  }
  for (size_t i = 0; to->cluster && i < f->n; i++)
    to->cluster[i] = f->joined[i] == SIZE_MAX ? -1 : (int64_t)f->spare[f->joined[i]];
}

static vloss_status fuse(fusion f, const vloss_fusion_options *options, void *workspace,
                         size_t workspace_size, const fusion_outputs *to) {
  score_request s;
  vloss_fusion_options o = VLOSS_FUSION_OPTIONS_INIT;
  if (!vloss_score_options(&s, "fusion", options, STRUCT_SIZES(vloss_fusion_options, report), &o))
    return vloss_score_close(&s);
  vloss_score_open(&s, o.report, NULL);
  f.options = &o;
  check_numbers(&s, &o, f.threshold);
  f.total_weight = check_weights(&s, &o);
  vloss_score_input(&s, "boxes", f.boxes, f.n, 4 * f.width);
  vloss_score_input(&s, "scores", f.scores, f.n, f.width);
  vloss_score_labels(&s, "classes", f.classes, f.n);
  check_models(&s, &o, f.n);
  vloss_score_workspace(&s, workspace, workspace_size, workspace_need(f.n));
  note_outputs(&s, &f, to);
  if (!vloss_score_ready(&s)) return vloss_score_close(&s);
  if (f.n) {
    use_workspace(&f, workspace);
    vloss_fuse(&f);
  }
  if (vloss_score_count(&s, f.count, to->capacity, to->count)) write_clusters(&f, to);
  s.counted = f.used;
  s.degenerate = f.degenerate;
  return vloss_score_close(&s);
}

vloss_status vloss_fusion_f32(const float *boxes, const float *scores, vloss_labels classes,
                              size_t n, double threshold, const vloss_fusion_options *options,
                              void *workspace, size_t workspace_size, size_t capacity, float *fused,
                              float *fused_score, int64_t *fused_class, int64_t *cluster,
                              size_t *count) {
  fusion f = {.boxes = boxes,
              .scores = scores,
              .width = sizeof *boxes,
              .n = n,
              .classes = classes,
              .threshold = threshold};
  fusion_outputs to = {fused, fused_score, fused_class, cluster, capacity, count};
  return fuse(f, options, workspace, workspace_size, &to);
}

vloss_status vloss_fusion_f64(const double *boxes, const double *scores, vloss_labels classes,
                              size_t n, double threshold, const vloss_fusion_options *options,
                              void *workspace, size_t workspace_size, size_t capacity,
                              double *fused, double *fused_score, int64_t *fused_class,
                              int64_t *cluster, size_t *count) {
  fusion f = {.boxes = boxes,
              .scores = scores,
              .width = sizeof *boxes,
              .n = n,
              .classes = classes,
              .threshold = threshold};
  fusion_outputs to = {fused, fused_score, fused_class, cluster, capacity, count};
  return fuse(f, options, workspace, workspace_size, &to);
}
