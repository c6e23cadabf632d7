/* SPDX-License-Identifier: Apache-2.0 */
#include "score/assign.h"

#include "api/score.h"
#include "api/split.h"

/* Pairs that a task is worth. */
enum { GRAIN_PAIRS = 1 << 15, TARGET_QUANTUM = 64 };

static void check_options(score_request *s, const vloss_assign_options *o) {
  const double thresholds[] = {o->positive, o->negative, o->min_iou};
  static const char *const names[] = {"positive", "negative", "min_iou"};
  for (int k = 0; k < 3; k++)
    if (thresholds[k] != thresholds[k]) vloss_score_fail(s, VLOSS_ERROR_PARAMETER, names[k]);
  if ((int)o->low_quality < VLOSS_LOW_QUALITY_NONE || (int)o->low_quality > VLOSS_LOW_QUALITY_CLAIM)
    vloss_score_fail(s, VLOSS_ERROR_ENUM, "low_quality");
  vloss_score_boxes(s, o->format, o->any_corners);
}

static size_t workspace_need(size_t m) {
  size_t bytes;
  if (!m) return 0;
  return __builtin_mul_overflow(m, ASSIGN_TARGET_SIZE, &bytes) || bytes > PTRDIFF_MAX - 8
             ? SIZE_MAX
             : bytes + 8;
}

size_t vloss_assign_workspace(size_t m) { return workspace_need(m); }

static void run(const assign_job *j, const assign_functions *functions, score_request *s) {
  const vloss_executor *executor = j->options->executor;
  partial found;
  s->degenerate = functions->prepare(j);
  if (j->options->low_quality != VLOSS_LOW_QUALITY_NONE && j->m)
    split_run(functions->best, j,
              (division){j->m, TARGET_QUANTUM, GRAIN_PAIRS / (j->n + 1) + TARGET_QUANTUM}, 0,
              executor, &found);
  split_run(functions->rows, j, (division){j->n, 1, GRAIN_PAIRS / (j->m + 1) + 1}, 0, executor,
            &found);
  for (size_t i = 0; i < j->n; i++) {
    s->counted += j->index[i] >= 0;
    s->ignored += j->index[i] == VLOSS_UNDECIDED;
  }
}

static vloss_status assign(const void *predictions, size_t n, const void *targets, size_t m,
                           const vloss_assign_options *options, void *workspace,
                           size_t workspace_size, int64_t *index, void *iou, size_t width,
                           const assign_functions *functions) {
  score_request s;
  vloss_assign_options o = VLOSS_ASSIGN_OPTIONS_INIT;
  if (!vloss_score_options(&s, "assign", options, STRUCT_SIZES(vloss_assign_options, report), &o))
    return vloss_score_close(&s);
  vloss_score_open(&s, o.report, o.executor);
  check_options(&s, &o);
  vloss_score_input(&s, "predictions", predictions, n, 4 * width);
  vloss_score_input(&s, "targets", targets, m, 4 * width);
  vloss_score_output(&s, "index", index, n, sizeof *index);
  vloss_score_output_or_null(&s, "iou", iou, n, width);
  vloss_score_workspace(&s, workspace, workspace_size, n ? workspace_need(m) : 0);
  if (!vloss_score_ready(&s) || !n) return vloss_score_close(&s);
  assign_job j = {predictions, targets, n, m, &o, aligned_workspace(workspace), index, iou};
  run(&j, functions, &s);
  return vloss_score_close(&s);
}

vloss_status vloss_assign_f32(const float *predictions, size_t n, const float *targets, size_t m,
                              const vloss_assign_options *options, void *workspace,
                              size_t workspace_size, int64_t *index, float *iou) {
  return assign(predictions, n, targets, m, options, workspace, workspace_size, index, iou,
                sizeof *iou, &vloss_assign_functions_f32);
}

vloss_status vloss_assign_f64(const double *predictions, size_t n, const double *targets, size_t m,
                              const vloss_assign_options *options, void *workspace,
                              size_t workspace_size, int64_t *index, double *iou) {
  return assign(predictions, n, targets, m, options, workspace, workspace_size, index, iou,
                sizeof *iou, &vloss_assign_functions_f64);
}
