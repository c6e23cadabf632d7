/* SPDX-License-Identifier: Apache-2.0 */
/* Does every prediction get the target that the whole matrix of overlaps gives it, in either dtype,
 * with every executor, next to memory that nothing may touch? */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <vloss/assign.h>

#include "boxes.h"
#include "executors.h"
#include "guard.h"
#include "mode.h"
#include "testing.h"

enum { MOST = 24 };

typedef struct problem {
  dtype type;
  size_t n, m;
  vloss_assign_options options;
  vloss_report report;
  void *predictions, *targets, *workspace, *iou; /* between guard pages */
  int64_t *index;
  size_t need;
} problem;

static guard guards[5];

static const char *what(void) { return "test_assign"; }

static void *place(guard *g, rng *r, size_t count, size_t width) {
  void *p = guard_place(g, (placement)rng_below(r, PLACEMENTS), count * width, width);
  guard_paint(g, p, count * width);
  return p;
}

static void fill_options(rng *r, vloss_assign_options *o) {
  static const double thresholds[] = {0, .3, .5, 1. / 3, 1, -INFINITY, INFINITY};
  static const vloss_executor *const executors[] = {NULL, &executor_reversed, &executor_threads};
  *o = (vloss_assign_options)VLOSS_ASSIGN_OPTIONS_INIT;
  o->positive = thresholds[rng_below(r, 7)];
  o->negative = thresholds[rng_below(r, 7)];
  o->min_iou = thresholds[rng_below(r, 4)];
  o->low_quality = (vloss_low_quality)rng_below(r, 3);
  o->format = (vloss_box_format)rng_below(r, 3);
  o->any_corners = o->format == VLOSS_XYXY && rng_below(r, 2);
  o->executor = executors[rng_below(r, 3)];
}

static void fill(problem *p, rng *r, dtype type, size_t n, size_t m) {
  size_t width = dtype_size(type);
  *p = (problem){.type = type, .n = n, .m = m, .need = vloss_assign_workspace(m)};
  fill_options(r, &p->options);
  p->predictions = place(&guards[0], r, 4 * n, width);
  p->targets = place(&guards[1], r, 4 * m, width);
  p->index = place(&guards[2], r, n, sizeof *p->index);
  p->iou = place(&guards[3], r, n, width);
  p->workspace = place(&guards[4], r, p->need, 1);
  int wild = rng_below(r, 2) != 0;
  boxes_fill(r, type, p->options.format, wild, n, p->predictions);
  boxes_fill(r, type, p->options.format, wild, m, p->targets);
}

static vloss_status run(problem *p) {
  p->report = (vloss_report)VLOSS_REPORT_INIT;
  p->options.report = &p->report;
  if (p->type == F32)
    return vloss_assign_f32(p->predictions, p->n, p->targets, p->m, &p->options, p->workspace,
                            p->need, p->index, p->iou);
  return vloss_assign_f64(p->predictions, p->n, p->targets, p->m, &p->options, p->workspace,
                          p->need, p->index, p->iou);
}

/* The matrix of overlaps and what follows from it, one rule after another. */
typedef struct truth {
  double *matrix; /* n x m */
  int64_t *best, *index;
  double *value;
  size_t degenerate;
} truth;

static void find_best(truth *t, const problem *p, size_t i) {
  const vloss_assign_options *o = &p->options;
  t->best[i] = -1;
  t->value[i] = 0;
  for (size_t k = 0; k < p->m; k++) {
    double v = t->matrix[i * p->m + k];
    if (isnan(v) || (t->best[i] >= 0 && v <= t->value[i])) continue;
    t->best[i] = (int64_t)k;
    t->value[i] = v;
  }
  t->index[i] = t->best[i];
  if (t->best[i] >= 0 && t->value[i] < o->positive)
    t->index[i] = t->value[i] < o->negative ? VLOSS_BACKGROUND : VLOSS_UNDECIDED;
}

static void claim(truth *t, const problem *p, size_t k) {
  double most = 0;
  for (size_t i = 0; i < p->n; i++) most = fmax(most, t->matrix[i * p->m + k]);
  if (!(most > 0 && most >= p->options.min_iou)) return;
  for (size_t i = 0; i < p->n; i++)
    if (t->matrix[i * p->m + k] == most)
      t->index[i] = p->options.low_quality == VLOSS_LOW_QUALITY_OWN ? t->best[i] : (int64_t)k;
}

static truth find_truth(const problem *p) {
  const vloss_assign_options *o = &p->options;
  truth t = {calloc(p->n * p->m + 1, sizeof(double)), calloc(p->n + 1, sizeof(int64_t)),
             calloc(p->n + 1, sizeof(int64_t)), calloc(p->n + 1, sizeof(double)), 0};
  for (size_t k = 0; k < p->m; k++)
    t.degenerate += (size_t)box_read(p->type, o->format, o->any_corners, p->targets, k).degenerate;
  for (size_t i = 0; i < p->n; i++) {
    plain_box a = box_read(p->type, o->format, o->any_corners, p->predictions, i);
    t.degenerate += (size_t)a.degenerate;
    for (size_t k = 0; k < p->m; k++) {
      plain_box b = box_read(p->type, o->format, o->any_corners, p->targets, k);
      t.matrix[i * p->m + k] = box_overlap(p->type, &a, &b);
    }
    find_best(&t, p, i);
  }
  for (size_t k = 0; k < p->m && o->low_quality != VLOSS_LOW_QUALITY_NONE; k++) claim(&t, p, k);
  return t;
}

static void check(problem *p) {
  truth t = find_truth(p);
  size_t counted = 0, undecided = 0;
  assert_int_equal(run(p), VLOSS_OK);
  for (size_t i = 0; i < p->n; i++) {
    counted += t.index[i] >= 0;
    undecided += t.index[i] == VLOSS_UNDECIDED;
    if (p->index[i] != t.index[i])
      fail_msg("%zu x %zu %s: prediction %zu has %lld, not %lld", p->n, p->m, dtype_name(p->type),
               i, (long long)p->index[i], (long long)t.index[i]);
    assert_true(data_get(p->type, p->iou, i) == t.value[i]);
  }
  assert_int_equal(p->report.counted, counted);
  assert_int_equal(p->report.ignored, undecided);
  if (p->n) assert_int_equal(p->report.degenerate, t.degenerate);
  assert_true(guard_intact(&guards[2], p->index, p->n * sizeof *p->index));
  assert_true(guard_intact(&guards[3], p->iou, p->n * dtype_size(p->type)));
  assert_true(guard_intact(&guards[4], p->workspace, p->need));
  free(t.matrix);
  free(t.best);
  free(t.index);
  free(t.value);
}

static void test_all_sizes(void **state) {
  (void)state;
  rng r = rng_init(data_seed(), 0);
  problem p;
  size_t step = mode_emulated() ? 5 : 1;
  for (size_t n = 0; n <= MOST; n += step)
    for (size_t m = 0; m <= MOST; m += step)
      for (int k = 0; k < 6; k++) {
        fill(&p, &r, (dtype)(k % DTYPE_COUNT), n, m);
        check(&p);
      }
}

/* Enough of either for many tasks. */
static void test_tasks(void **state) {
  (void)state;
  static const size_t sizes[][2] = {{1000, 100}, {70, 1500}};
  rng r = rng_init(data_seed(), 1);
  problem p;
  for (int k = 0; k < 2 * DTYPE_COUNT * VLOSS_LOW_QUALITY_CLAIM; k++) {
    fill(&p, &r, (dtype)(k % DTYPE_COUNT), sizes[k / 4][0], sizes[k / 4][1]);
    p.options.low_quality = (vloss_low_quality)(1 + k / 2 % 2);
    p.options.executor = &executor_threads;
    check(&p);
  }
  assert_true(executor_most_tasks() > 2);
}

static void refuse(problem *p, vloss_status status, const char *argument) {
  vloss_assign_options before = p->options;
  memset(p->index, 0x33, p->n * sizeof *p->index);
  memset(p->iou, 0x33, p->n * dtype_size(p->type));
  vloss_status got = run(p);
  if (got != status) fail_msg("%s: %s", argument, vloss_status_string(got));
  if (p->report.argument == NULL || strcmp(p->report.argument, argument) != 0)
    fail_msg("%s named, not %s", p->report.argument, argument);
  for (size_t i = 0; i < p->n * dtype_size(p->type); i++) {
    assert_int_equal(((unsigned char *)p->index)[i], 0x33);
    assert_int_equal(((unsigned char *)p->iou)[i], 0x33);
  }
  p->options = before;
}

static void test_bad_arguments(void **state) {
  (void)state;
  static const vloss_executor none = {NULL, NULL};
  rng r = rng_init(data_seed(), 2);
  for (int type = 0; type < DTYPE_COUNT; type++) {
    problem good, p;
    fill(&good, &r, (dtype)type, 5, 4);
    good.options = (vloss_assign_options)VLOSS_ASSIGN_OPTIONS_INIT;
#define REFUSE(spoil, status, argument) \
  p = good;                             \
  spoil;                                \
  refuse(&p, status, argument)
    REFUSE(p.options.positive = NAN, VLOSS_ERROR_PARAMETER, "positive");
    REFUSE(p.options.negative = NAN, VLOSS_ERROR_PARAMETER, "negative");
    REFUSE(p.options.min_iou = NAN, VLOSS_ERROR_PARAMETER, "min_iou");
    REFUSE(p.options.low_quality = (vloss_low_quality)3, VLOSS_ERROR_ENUM, "low_quality");
    REFUSE(p.options.format = (vloss_box_format)3, VLOSS_ERROR_ENUM, "format");
    REFUSE(p.options.any_corners = 2, VLOSS_ERROR_ENUM, "any_corners");
    REFUSE((p.options.any_corners = 1, p.options.format = VLOSS_XYWH), VLOSS_ERROR_PARAMETER,
           "any_corners");
    REFUSE(p.options.executor = &none, VLOSS_ERROR_NULL, "executor");
    REFUSE(p.predictions = NULL, VLOSS_ERROR_NULL, "predictions");
    REFUSE(p.targets = NULL, VLOSS_ERROR_NULL, "targets");
    REFUSE(p.need--, VLOSS_ERROR_WORKSPACE, "workspace");
    REFUSE(p.workspace = NULL, VLOSS_ERROR_NULL, "workspace");
    REFUSE(p.workspace = p.index, VLOSS_ERROR_OVERLAP, "workspace");
    REFUSE(p.predictions = p.iou, VLOSS_ERROR_OVERLAP, "iou");
    p = good;
    p.options.struct_size = 1;
    assert_int_equal(run(&p), VLOSS_ERROR_STRUCT_SIZE);
    p = good;
    p.iou = NULL;
    assert_int_equal(run(&p), VLOSS_OK);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_sizes), cmocka_unit_test(test_tasks),
                                     cmocka_unit_test(test_bad_arguments)};
  for (int i = 0; i < 5; i++) guards[i] = guard_new(1 << 18);
  guard_announce(what);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  for (int i = 0; i < 5; i++) guard_free(&guards[i]);
  return failed != 0;
}
