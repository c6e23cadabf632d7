/* SPDX-License-Identifier: Apache-2.0 */
#include "api/numbers.h"
#include "api/score.h"
#include "dispatch.h"

static void run(const select_job *j, vloss_dtype dtype, int id) {
  partial found;
  vloss_isa_active()->kernels[dtype]->score[id](j, 0, j->n, &found);
}

static size_t count_all(select_job *j, vloss_dtype dtype) {
  size_t count = 0;
  j->count = &count;
  run(j, dtype, SCORE_select_count);
  return count;
}

/* Finds the key of the last of the first `top` candidates, and how many of those have it: digit by
 * digit, in passes over the scores. */
static void cut(select_job *j, vloss_dtype dtype, size_t top) {
  uint32_t buckets[KEY_BUCKETS];
  int bits = dtype == VLOSS_F64 ? 64 : 32;
  j->buckets = buckets;
  j->prefix = 0;
  for (j->shift = (bits - 1) / KEY_DIGIT * KEY_DIGIT; j->shift >= 0; j->shift -= KEY_DIGIT) {
    size_t digit = KEY_BUCKETS - 1;
    memset(buckets, 0, sizeof buckets);
    (void)count_all(j, dtype);
    for (; buckets[digit] < top; digit--) top -= buckets[digit];
    j->prefix = j->prefix << KEY_DIGIT | digit;
  }
  j->lowest = j->prefix;
  j->ties = top;
}

static void check_options(score_request *r, const vloss_select_options *o) {
  if ((int)o->layout < VLOSS_BOXES_BY_CLASSES || (int)o->layout > VLOSS_CLASSES_BY_BOXES)
    vloss_score_fail(r, VLOSS_ERROR_ENUM, "layout");
  if (o->multi_label != 0 && o->multi_label != 1)
    vloss_score_fail(r, VLOSS_ERROR_ENUM, "multi_label");
}

/* Counts, and writes what fits. */
static size_t select_checked(score_request *r, vloss_dtype dtype, select_job *j, size_t top_k,
                             size_t capacity) {
  size_t found = j->n && j->classes ? count_all(j, dtype) : 0;
  r->counted = found;
  if (top_k && found > top_k) {
    if (top_k <= capacity) cut(j, dtype, top_k);
    found = top_k;
  }
  if (found > capacity)
    vloss_score_fail(r, VLOSS_ERROR_CAPACITY, "capacity");
  else if (found)
    run(j, dtype, SCORE_select_write);
  return found;
}

static vloss_status choose(vloss_dtype dtype, const void *scores, size_t n, size_t classes,
                           double threshold, const vloss_select_options *options, size_t capacity,
                           int64_t *box, int64_t *label, void *score, size_t *count) {
  score_request r;
  size_t width = number_width(dtype), size = 0;
  vloss_select_options o = VLOSS_SELECT_OPTIONS_INIT;
  if (!vloss_score_options(&r, "select", options, STRUCT_SIZES(vloss_select_options, report), &o))
    return vloss_score_close(&r);
  vloss_score_open(&r, o.report, NULL);
  check_options(&r, &o);
  if (threshold != threshold) vloss_score_fail(&r, VLOSS_ERROR_PARAMETER, "threshold");
  if (__builtin_mul_overflow(n, classes, &size) || size > UINT32_MAX)
    vloss_score_fail(&r, VLOSS_ERROR_SIZE, "n");
  vloss_score_output(&r, "count", count, 1, sizeof *count);
  vloss_score_output(&r, "box", box, capacity, sizeof *box);
  vloss_score_output_or_null(&r, "label", label, capacity, sizeof *label);
  vloss_score_output_or_null(&r, "score", score, capacity, width);
  vloss_score_input(&r, "scores", scores, size, width);
  if (!vloss_score_ready(&r)) return vloss_score_close(&r);
  int rows = o.layout == VLOSS_BOXES_BY_CLASSES && classes != 1;
  select_job j = {.scores = scores,
                  .n = n,
                  .classes = classes,
                  .box_step = rows ? classes : 1,
                  .class_step = rows ? 1 : n,
                  .multi_label = o.multi_label,
                  .threshold = threshold,
                  .box = box,
                  .label = label,
                  .score = score};
  *count = select_checked(&r, dtype, &j, o.top_k, capacity);
  return vloss_score_close(&r);
}

vloss_status vloss_select_f32(const float *scores, size_t n, size_t classes, double threshold,
                              const vloss_select_options *options, size_t capacity, int64_t *box,
                              int64_t *label, float *score, size_t *count) {
  return choose(VLOSS_F32, scores, n, classes, threshold, options, capacity, box, label, score,
                count);
}

vloss_status vloss_select_f64(const double *scores, size_t n, size_t classes, double threshold,
                              const vloss_select_options *options, size_t capacity, int64_t *box,
                              int64_t *label, double *score, size_t *count) {
  return choose(VLOSS_F64, scores, n, classes, threshold, options, capacity, box, label, score,
                count);
}
