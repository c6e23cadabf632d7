/* SPDX-License-Identifier: Apache-2.0 */
/* Does every bad argument give its status and its name, and leave the outputs as they were? */
#include <float.h>
#include <math.h>
#include <string.h>

#include "support.h"

enum { N = 3, M = 2, ROOM = 4096 };

/* All that calls are given; a mistake is made in a copy. */
typedef struct arguments {
  float *a, *b, *scores;
  size_t n, m, capacity, workspace_size;
  double threshold;
  uint8_t *classes;
  vloss_label_type label_type;
  vloss_similarity_options similarity;
  vloss_select_options select;
  vloss_nms_options nms;
  float *value;
  int64_t *index;
  vloss_similarity_pair *pairs;
  size_t *count;
} arguments;

static float first[4 * N] = {0, 0, 1, 1, 0, 0, 2, 2, 1, 1, 3, 3}, second[4 * M] = {0, 0, 1, 1};
static float scores[8] = {.5f, .25f, .75f, .5f, .5f, .5f};
static uint8_t classes[N], crowd[M];
static vloss_report report;
static struct outputs {
  float value[16];
  int64_t index[16];
  vloss_similarity_pair pairs[16];
  size_t count;
  char workspace[ROOM];
} out;

static arguments good(void) {
  arguments g = {first,
                 second,
                 scores,
                 N,
                 M,
                 16,
                 ROOM,
                 0.5,
                 classes,
                 VLOSS_LABEL_UINT8,
                 VLOSS_SIMILARITY_OPTIONS_INIT,
                 VLOSS_SELECT_OPTIONS_INIT,
                 VLOSS_NMS_OPTIONS_INIT,
                 out.value,
                 out.index,
                 out.pairs,
                 &out.count};
  report = (vloss_report)VLOSS_REPORT_INIT;
  g.similarity.report = g.select.report = g.nms.report = &report;
  return g;
}

typedef vloss_status function(const arguments *g);

static vloss_status matrix(const arguments *g) {
  return vloss_similarity_matrix_f32(g->a, g->n, g->b, g->m, &g->similarity, g->value);
}
static vloss_status paired(const arguments *g) {
  return vloss_similarity_paired_f32(g->a, g->b, g->m, &g->similarity, g->value);
}
static vloss_status best(const arguments *g) {
  return vloss_similarity_best_f32(g->a, g->n, g->b, g->m, &g->similarity, g->value, g->index);
}
static vloss_status top_k(const arguments *g) {
  return vloss_similarity_top_k_f32(g->a, g->n, g->b, g->m, 2, &g->similarity, g->value, g->index);
}
static vloss_status pairs(const arguments *g) {
  return vloss_similarity_pairs_f32(g->a, g->n, g->b, g->m, g->threshold, &g->similarity,
                                    g->capacity, g->pairs, g->count);
}
static vloss_status choose(const arguments *g) {
  return vloss_select_f32(g->scores, g->n, g->m, g->threshold, &g->select, g->capacity, g->index,
                          NULL, g->value, g->count);
}
static vloss_status suppress(const arguments *g) {
  vloss_labels labels = {g->classes, g->label_type};
  return vloss_nms_f32(g->a, g->scores, labels, g->n, g->threshold, &g->nms, out.workspace,
                       g->workspace_size, g->capacity, g->index, g->count);
}

/* The outputs of a refused call are as they were. */
static void refused(function *f, const arguments *g, vloss_status status, const char *argument) {
  static struct outputs before;
  memset(&out, 0x5a, sizeof out);
  before = out;
  report.argument = NULL;
  assert_int_equal(f(g), status);
  assert_memory_equal(&before, &out, sizeof out);
  if (argument) assert_string_equal(report.argument, argument);
}

#define REFUSED(f, change, status, argument) \
  do {                                       \
    arguments g = good();                    \
    change;                                  \
    refused(f, &g, status, argument);        \
  } while (0)

static void similarities(void **state) {
  (void)state;
  static const vloss_executor nothing = {NULL, NULL};
  function *const functions[] = {matrix, paired, best, top_k, pairs};
  for (size_t i = 0; i < 5; i++) {
    function *f = functions[i];
    arguments fine = good();
    assert_int_equal(f(&fine), VLOSS_OK);
    assert_null(report.argument);
    REFUSED(f, g.a = NULL, VLOSS_ERROR_NULL, "a");
    REFUSED(f, g.b = NULL, VLOSS_ERROR_NULL, "b");
    REFUSED(f, g.similarity.struct_size = 8, VLOSS_ERROR_STRUCT_SIZE, NULL);
    REFUSED(f, g.similarity.struct_size += 8, VLOSS_ERROR_STRUCT_SIZE, NULL);
    REFUSED(f, g.similarity.kind = (vloss_similarity_kind)6, VLOSS_ERROR_ENUM, "kind");
    REFUSED(f, g.similarity.format = (vloss_box_format)3, VLOSS_ERROR_ENUM, "format");
    REFUSED(f, g.similarity.any_corners = 2, VLOSS_ERROR_ENUM, "any_corners");
    REFUSED(f, (g.similarity.any_corners = 1, g.similarity.format = VLOSS_XYWH),
            VLOSS_ERROR_PARAMETER, "any_corners");
    REFUSED(f, (g.similarity.crowd = crowd, g.similarity.kind = VLOSS_SIMILARITY_GIOU),
            VLOSS_ERROR_PARAMETER, "crowd");
    REFUSED(f, g.similarity.executor = &nothing, VLOSS_ERROR_NULL, "executor");
    REFUSED(f, g.m = SIZE_MAX / 2, VLOSS_ERROR_SIZE, NULL);
  }
  REFUSED(matrix, g.value = NULL, VLOSS_ERROR_NULL, "out");
  REFUSED(matrix, g.b = out.value, VLOSS_ERROR_OVERLAP, "out");
  REFUSED(matrix, g.similarity.row_stride = M - 1, VLOSS_ERROR_PARAMETER, "row_stride");
  REFUSED(paired, g.a = out.value, VLOSS_ERROR_OVERLAP, "out");
  REFUSED(best, (g.value = NULL, g.index = NULL), VLOSS_ERROR_NULL, "value");
  REFUSED(best, g.index = (int64_t *)(void *)out.value, VLOSS_ERROR_OVERLAP, "index");
  REFUSED(best, g.similarity.crowd = (uint8_t *)out.index, VLOSS_ERROR_OVERLAP, "index");
  REFUSED(top_k, g.index = NULL, VLOSS_ERROR_NULL, "index");
  REFUSED(pairs, g.threshold = NAN, VLOSS_ERROR_PARAMETER, "threshold");
  REFUSED(pairs, g.pairs = NULL, VLOSS_ERROR_NULL, "pairs");
  REFUSED(pairs, g.count = NULL, VLOSS_ERROR_NULL, "count");
}

static void selection(void **state) {
  (void)state;
  arguments fine = good();
  assert_int_equal(choose(&fine), VLOSS_OK);
  REFUSED(choose, g.scores = NULL, VLOSS_ERROR_NULL, "scores");
  REFUSED(choose, g.threshold = NAN, VLOSS_ERROR_PARAMETER, "threshold");
  REFUSED(choose, g.select.layout = (vloss_score_layout)2, VLOSS_ERROR_ENUM, "layout");
  REFUSED(choose, g.select.multi_label = 2, VLOSS_ERROR_ENUM, "multi_label");
  REFUSED(choose, g.select.struct_size = 8, VLOSS_ERROR_STRUCT_SIZE, NULL);
  REFUSED(choose, g.m = SIZE_MAX, VLOSS_ERROR_SIZE, "n");
  REFUSED(choose, g.index = NULL, VLOSS_ERROR_NULL, "box");
  REFUSED(choose, g.count = NULL, VLOSS_ERROR_NULL, "count");
  REFUSED(choose, g.scores = out.value, VLOSS_ERROR_OVERLAP, "score");
}

static void suppression(void **state) {
  (void)state;
  static const vloss_nms_method soft = VLOSS_NMS_SOFT_LINEAR, diou = VLOSS_NMS_DIOU;
  arguments fine = good();
  assert_int_equal(suppress(&fine), VLOSS_OK);
  REFUSED(suppress, g.a = NULL, VLOSS_ERROR_NULL, "boxes");
  REFUSED(suppress, g.index = NULL, VLOSS_ERROR_NULL, "kept");
  REFUSED(suppress, g.count = NULL, VLOSS_ERROR_NULL, "count");
  REFUSED(suppress, g.threshold = 1.5, VLOSS_ERROR_PARAMETER, "threshold");
  REFUSED(suppress, g.threshold = -0.5, VLOSS_ERROR_PARAMETER, "threshold");
  REFUSED(suppress, g.threshold = NAN, VLOSS_ERROR_PARAMETER, "threshold");
  REFUSED(suppress, (g.threshold = -0.5, g.nms.method = soft), VLOSS_ERROR_PARAMETER, "threshold");
  REFUSED(suppress, (g.threshold = -1.5, g.nms.method = diou), VLOSS_ERROR_PARAMETER, "threshold");
  REFUSED(suppress, g.nms.method = (vloss_nms_method)6, VLOSS_ERROR_ENUM, "method");
  REFUSED(suppress, g.nms.sigma = -1, VLOSS_ERROR_PARAMETER, "sigma");
  REFUSED(suppress, g.nms.sigma = INFINITY, VLOSS_ERROR_PARAMETER, "sigma");
  REFUSED(suppress, g.nms.score_threshold = NAN, VLOSS_ERROR_PARAMETER, "score_threshold");
  REFUSED(suppress, g.nms.format = (vloss_box_format)-1, VLOSS_ERROR_ENUM, "format");
  REFUSED(suppress, g.nms.struct_size = 0, VLOSS_ERROR_STRUCT_SIZE, NULL);
  REFUSED(suppress, g.label_type = (vloss_label_type)9, VLOSS_ERROR_ENUM, "classes");
  REFUSED(suppress, g.n = (size_t)1 << 32, VLOSS_ERROR_SIZE, "n");
  REFUSED(suppress, g.workspace_size = vloss_nms_workspace(N, NULL) - 1, VLOSS_ERROR_WORKSPACE,
          "workspace");
  REFUSED(suppress, g.scores = (float *)(void *)out.index, VLOSS_ERROR_OVERLAP, "kept");
  REFUSED(suppress, g.classes = (uint8_t *)out.workspace, VLOSS_ERROR_OVERLAP, "workspace");
  REFUSED(suppress, g.nms.kept_scores = out.index, VLOSS_ERROR_OVERLAP, "kept_scores");
}

/* Sizes of 0 are good, and ask for nothing. */
static void nothing(void **state) {
  (void)state;
  size_t count = 7;
  float value;
  int64_t index;
  vloss_labels none = {NULL, VLOSS_LABEL_INT64};
  assert_int_equal(vloss_similarity_matrix_f32(NULL, 0, second, M, NULL, NULL), VLOSS_OK);
  assert_int_equal(vloss_similarity_matrix_f32(first, N, NULL, 0, NULL, NULL), VLOSS_OK);
  assert_int_equal(vloss_similarity_best_f32(first, 1, NULL, 0, NULL, &value, &index), VLOSS_OK);
  assert_true(value == -(float)INFINITY && index == -1);
  assert_int_equal(vloss_similarity_pairs_f32(first, N, NULL, 0, 0, NULL, 0, NULL, &count),
                   VLOSS_OK);
  assert_int_equal(count, 0);
  count = 7;
  assert_int_equal(vloss_nms_f32(NULL, NULL, none, 0, .5, NULL, NULL, 0, 0, NULL, &count),
                   VLOSS_OK);
  assert_int_equal(count, 0);
  count = 7;
  assert_int_equal(vloss_select_f32(NULL, 9, 0, 0, NULL, 0, NULL, NULL, NULL, &count), VLOSS_OK);
  assert_int_equal(count, 0);
  for (size_t n = 0; n < 3000; n += 7) /* linear */
    assert_true(vloss_nms_workspace(n, NULL) <= 5000 + 180 * n);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(similarities), cmocka_unit_test(selection),
                                     cmocka_unit_test(suppression), cmocka_unit_test(nothing)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
