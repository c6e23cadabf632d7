/* SPDX-License-Identifier: Apache-2.0 */
/* Are boxes fused as the definition says, in either dtype, next to memory that nothing may touch?
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <vloss/assign.h>

#include "boxes.h"
#include "guard.h"
#include "mode.h"
#include "testing.h"

enum { MOST = 40, MODELS = 4 };

typedef struct problem {
  dtype type;
  size_t n, capacity, need, count;
  double threshold;
  vloss_fusion_options options;
  vloss_report report;
  vloss_labels classes;
  int64_t class_of[MOST];
  uint8_t model_of[MOST];
  double weights[MODELS];
  void *boxes, *scores, *workspace, *fused, *fused_score; /* between guard pages */
  int64_t *fused_class, *cluster;
} problem;

static guard guards[7];

static const char *what(void) { return "test_fusion"; }

static void *place(guard *g, rng *r, size_t count, size_t width) {
  void *p = guard_place(g, (placement)rng_below(r, PLACEMENTS), count * width, width);
  guard_paint(g, p, count * width);
  return p;
}

static void fill_scores(problem *p, rng *r) {
  /* times a weight, the last one makes a sum with infinity a NaN */
  const double rare[] = {NAN, INFINITY, 0, -.5, -0., p->type == F64 ? -1.7e308 : -3e38};
  int wild = rng_below(r, 3) == 0;
  for (size_t i = 0; i < p->n; i++) {
    double score = (double)rng_below(r, 9) / 8;
    if (rng_below(r, 2)) score = rng_unit(r);
    if (wild && rng_below(r, 8) == 0) score = rare[rng_below(r, 6)];
    data_set(p->type, p->scores, i, score);
    p->class_of[i] = rng_below(r, 2) ? INT64_MIN : (int64_t)rng_below(r, 3);
    p->model_of[i] = (uint8_t)rng_below(r, p->options.model_count);
  }
}

static void fill_options(problem *p, rng *r) {
  static const double thresholds[] = {0, .3, .55, .5, 1};
  vloss_fusion_options *o = &p->options;
  *o = (vloss_fusion_options)VLOSS_FUSION_OPTIONS_INIT;
  p->threshold = thresholds[rng_below(r, 5)];
  o->format = (vloss_box_format)rng_below(r, 3);
  o->any_corners = o->format == VLOSS_XYXY && rng_below(r, 2);
  o->overflow = (int)rng_below(r, 2);
  o->model_count = 1 + rng_below(r, MODELS);
  if (rng_below(r, 2)) o->score_threshold = .125;
  for (int k = 0; k < MODELS; k++) p->weights[k] = (double)(1 + rng_below(r, 3)) / 2;
  if (o->model_count > 1) p->weights[1] = 0;
  if (rng_below(r, 2)) o->weights = p->weights;
  if (rng_below(r, 4)) o->models = (vloss_labels){p->model_of, VLOSS_LABEL_UINT8};
  if (rng_below(r, 2)) p->classes = (vloss_labels){p->class_of, VLOSS_LABEL_INT64};
}

static void fill(problem *p, rng *r, dtype type, size_t n) {
  size_t width = dtype_size(type);
  *p = (problem){.type = type, .n = n, .capacity = n, .need = vloss_fusion_workspace(n)};
  fill_options(p, r);
  p->boxes = place(&guards[0], r, 4 * n, width);
  p->scores = place(&guards[1], r, n, width);
  p->workspace = place(&guards[2], r, p->need, 1);
  p->fused = place(&guards[3], r, 4 * n, width);
  p->fused_score = place(&guards[4], r, n, width);
  p->fused_class = place(&guards[5], r, n, sizeof(int64_t));
  p->cluster = place(&guards[6], r, n, sizeof(int64_t));
  boxes_fill(r, type, p->options.format, rng_below(r, 2) != 0, n, p->boxes);
  fill_scores(p, r);
}

static vloss_status run(problem *p) {
  p->report = (vloss_report)VLOSS_REPORT_INIT;
  p->options.report = &p->report;
  if (p->type == F32)
    return vloss_fusion_f32(p->boxes, p->scores, p->classes, p->n, p->threshold, &p->options,
                            p->workspace, p->need, p->capacity, p->fused, p->fused_score,
                            p->fused_class, p->cluster, &p->count);
  return vloss_fusion_f64(p->boxes, p->scores, p->classes, p->n, p->threshold, &p->options,
                          p->workspace, p->need, p->capacity, p->fused, p->fused_score,
                          p->fused_class, p->cluster, &p->count);
}

/* A cluster by the list of its members, all of whose sums are taken again whenever one joins. */
typedef struct group {
  size_t members[MOST], count;
  plain_box box;
  double score;
} group;

typedef struct truth {
  plain_box boxes[MOST];
  double weighted[MOST];
  int done[MOST];
  group groups[MOST]; /* as they were opened */
  size_t count, used, degenerate;
} truth;

static int64_t class_at(const problem *p, size_t i) { return p->classes.data ? p->class_of[i] : 0; }

/* The box with the highest weighted score that is left, or MOST. */
static size_t next_box(const problem *p, const truth *t) {
  size_t next = MOST;
  for (size_t i = 0; i < p->n; i++)
    if (!t->done[i] && (next == MOST || t->weighted[i] > t->weighted[next])) next = i;
  return next;
}

static void fuse(const problem *p, const truth *t, group *g) {
  double sums[4] = {0, 0, 0, 0}, total = 0;
  for (size_t i = 0; i < g->count; i++) {
    double s = t->weighted[g->members[i]];
    for (int k = 0; k < 4; k++) sums[k] += s * t->boxes[g->members[i]].place[k];
    total += s;
  }
  double first[4];
  memcpy(first, t->boxes[g->members[0]].place, sizeof first);
  for (int k = 0; k < 4; k++)
    if (g->count > 1 && total != 0) first[k] = sums[k] / total;
  g->box = box_read(F64, p->options.format, 0, first, 0);
  memcpy(g->box.place, first, sizeof first);
  double votes = (double)g->count, models = (double)p->options.model_count, weights = 0;
  for (size_t k = 0; k < p->options.model_count; k++)
    weights += p->options.weights ? p->weights[k] : 1;
  if (!p->options.overflow) votes = fmin(votes, models);
  g->score = total / (double)g->count * votes / weights;
}

static void join(const problem *p, truth *t, size_t i) {
  size_t best = t->count;
  double most = p->threshold;
  for (size_t k = 0; k < t->count; k++) {
    if (class_at(p, t->groups[k].members[0]) != class_at(p, i)) continue;
    double iou = box_overlap(F64, &t->groups[k].box, &t->boxes[i]);
    if (iou > most) {
      most = iou;
      best = k;
    }
  }
  group *g = &t->groups[best];
  if (best == t->count) {
    t->count++;
    g->count = 0;
  }
  g->members[g->count++] = i;
  fuse(p, t, g);
}

static void find_truth(const problem *p, truth *t) {
  *t = (truth){.count = 0};
  for (size_t i = 0; i < p->n; i++) {
    size_t model = p->options.models.data ? p->model_of[i] : 0;
    double score = data_get(p->type, p->scores, i), exact[4];
    for (size_t k = 0; k < 4; k++) exact[k] = data_get(p->type, p->boxes, 4 * i + k);
    t->boxes[i] = box_read(F64, p->options.format, p->options.any_corners, exact, 0);
    t->degenerate += (size_t)t->boxes[i].degenerate;
    t->weighted[i] = score * (p->options.weights ? p->weights[model] : 1);
    t->done[i] = !(score > p->options.score_threshold) || isnan(t->weighted[i]);
    t->used += !t->done[i];
  }
  for (size_t i; (i = next_box(p, t)) < MOST;) {
    t->done[i] = 1;
    join(p, t, i);
  }
}

static int same(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

/* Whether a group comes out before another, which was opened later. */
static int stays_before(double a, double b) { return isnan(b) || a >= b; }

static void check_group(const problem *p, const group *g, size_t at) {
  for (size_t k = 0; k < 4; k++) {
    double expected = g->box.place[k], got = data_get(p->type, p->fused, 4 * at + k);
    if (p->type == F32) expected = (double)(float)expected;
    if (!same(got, expected)) fail_msg("coordinate %zu is %.17g, not %.17g", k, got, expected);
  }
  double score = p->type == F32 ? (double)(float)g->score : g->score;
  assert_true(same(data_get(p->type, p->fused_score, at), score));
  assert_int_equal(p->fused_class[at], class_at(p, g->members[0]));
  for (size_t i = 0; i < g->count; i++) assert_int_equal(p->cluster[g->members[i]], at);
}

static void check(problem *p) {
  static truth t;
  find_truth(p, &t);
  assert_int_equal(run(p), VLOSS_OK);
  assert_int_equal(p->count, t.count);
  assert_int_equal(p->report.counted, t.used);
  assert_int_equal(p->report.degenerate, t.degenerate);
  int taken[MOST] = {0};
  for (size_t at = 0; at < t.count; at++) {
    size_t best = t.count;
    for (size_t k = 0; k < t.count; k++)
      if (!taken[k] && (best == t.count || !stays_before(t.groups[best].score, t.groups[k].score)))
        best = k;
    taken[best] = 1;
    check_group(p, &t.groups[best], at);
  }
  size_t members = 0;
  for (size_t i = 0; i < p->n; i++) members += p->cluster[i] >= 0;
  assert_int_equal(members, t.used);
  size_t width = dtype_size(p->type);
  const void *arrays[] = {p->workspace, p->fused, p->fused_score, p->fused_class, p->cluster};
  size_t bytes[] = {p->need, p->capacity * 4 * width, p->capacity * width, p->capacity * 8,
                    p->n * 8};
  for (int k = 0; k < 5; k++) assert_true(guard_intact(&guards[2 + k], arrays[k], bytes[k]));
}

static void test_random_boxes(void **state) {
  (void)state;
  rng r = rng_init(data_seed(), 0);
  problem p;
  for (int i = 0; i < (mode_emulated() ? 200 : 6000); i++) {
    fill(&p, &r, (dtype)(i % DTYPE_COUNT), rng_below(&r, MOST + 1));
    check(&p);
  }
}

/* Two boxes of the paper's kind, by hand: scores .8 and .4 move the corner 3 : 6 to 4 = (.8 3 +
 * .4 6) / 1.2. */
static void test_by_hand(void **state) {
  (void)state;
  double boxes[] = {3, 0, 13, 10, 6, 0, 16, 10}, scores[] = {.8, .4}, fused[8], score[2];
  char workspace[1000];
  vloss_fusion_options o = VLOSS_FUSION_OPTIONS_INIT;
  uint8_t models[] = {0, 1};
  size_t count = 0;
  o.models = (vloss_labels){models, VLOSS_LABEL_UINT8};
  o.model_count = 3;
  vloss_labels none = {NULL, VLOSS_LABEL_INT64};
  assert_int_equal(vloss_fusion_f64(boxes, scores, none, 2, .5, &o, workspace, sizeof workspace, 2,
                                    fused, score, NULL, NULL, &count),
                   VLOSS_OK);
  assert_int_equal(count, 1);
  assert_true(fabs(fused[0] - 4) < 1e-14 && fabs(fused[2] - 14) < 1e-14 && fused[1] == 0);
  assert_true(fabs(score[0] - .4) < 1e-15); /* .6 2 / 3 */
}

static void refuse(problem *p, vloss_status status, const char *argument) {
  size_t width = dtype_size(p->type), untouched = 0x3333333333333333;
  memset(p->fused, 0x33, p->n * width);
  memset(p->cluster, 0x33, p->n * 8);
  p->count = untouched;
  vloss_status got = run(p);
  if (got != status) fail_msg("%s: %s", argument, vloss_status_string(got));
  if (p->report.argument == NULL || strcmp(p->report.argument, argument) != 0)
    fail_msg("%s named, not %s", p->report.argument, argument);
  if (status == VLOSS_ERROR_CAPACITY)
    assert_true(p->count == p->capacity + 1);
  else
    assert_true(p->count == untouched);
  for (size_t i = 0; i < p->n * width; i++) {
    assert_int_equal(((unsigned char *)p->fused)[i], 0x33);
    assert_int_equal(((unsigned char *)p->cluster)[i], 0x33);
  }
}

static void spoil_and_refuse(const problem *good) {
  problem p;
  double bad = -1;
#define REFUSE(spoil, status, argument) \
  p = *good;                            \
  spoil;                                \
  refuse(&p, status, argument)
  REFUSE(p.threshold = NAN, VLOSS_ERROR_PARAMETER, "threshold");
  REFUSE(p.threshold = 1.0001, VLOSS_ERROR_PARAMETER, "threshold");
  REFUSE(p.options.score_threshold = NAN, VLOSS_ERROR_PARAMETER, "score_threshold");
  REFUSE(p.options.overflow = 2, VLOSS_ERROR_ENUM, "overflow");
  REFUSE(p.options.format = (vloss_box_format)-1, VLOSS_ERROR_ENUM, "format");
  REFUSE(p.options.model_count = 0, VLOSS_ERROR_PARAMETER, "model_count");
  REFUSE(p.options.weights = &bad, VLOSS_ERROR_PARAMETER, "weights");
  REFUSE((bad = 0, p.options.weights = &bad), VLOSS_ERROR_PARAMETER, "weights");
  REFUSE(p.options.models = ((vloss_labels){p.class_of, VLOSS_LABEL_INT64}), VLOSS_ERROR_LABEL,
         "models");
  REFUSE((p.classes = (vloss_labels){p.class_of, (vloss_label_type)3}), VLOSS_ERROR_ENUM,
         "classes");
  REFUSE(p.boxes = NULL, VLOSS_ERROR_NULL, "boxes");
  REFUSE(p.scores = NULL, VLOSS_ERROR_NULL, "scores");
  REFUSE(p.fused_score = NULL, VLOSS_ERROR_NULL, "fused_score");
  REFUSE(p.need--, VLOSS_ERROR_WORKSPACE, "workspace");
  REFUSE(p.workspace = NULL, VLOSS_ERROR_NULL, "workspace");
  REFUSE(p.scores = p.cluster, VLOSS_ERROR_OVERLAP, "cluster");
  REFUSE(p.capacity = 2, VLOSS_ERROR_CAPACITY, "capacity");
}

static void test_bad_arguments(void **state) {
  (void)state;
  rng r = rng_init(data_seed(), 1);
  for (int type = 0; type < DTYPE_COUNT; type++) {
    problem p;
    fill(&p, &r, (dtype)type, 3);
    p.options = (vloss_fusion_options)VLOSS_FUSION_OPTIONS_INIT;
    p.classes.data = NULL;
    for (size_t i = 0; i < 3; i++) {
      p.class_of[i] = 1; /* as a model: one too many */
      data_set(p.type, p.scores, i, 1);
      for (size_t k = 0; k < 4; k++)
        data_set(p.type, p.boxes, 4 * i + k, (double)(10 * i + k / 2 + 1));
    }
    spoil_and_refuse(&p);
    p.capacity = 0;
    p.fused = p.fused_score = NULL;
    p.fused_class = p.cluster = NULL;
    assert_int_equal(run(&p), VLOSS_ERROR_CAPACITY);
    assert_int_equal(p.count, 3);
    p.n = 0;
    assert_int_equal(run(&p), VLOSS_OK);
    assert_int_equal(p.count, 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_boxes),
                                     cmocka_unit_test(test_by_hand),
                                     cmocka_unit_test(test_bad_arguments)};
  for (int i = 0; i < 7; i++) guards[i] = guard_new(1 << 18);
  guard_announce(what);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  for (int i = 0; i < 7; i++) guard_free(&guards[i]);
  return failed != 0;
}
