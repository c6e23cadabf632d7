/* SPDX-License-Identifier: Apache-2.0 */
/* Is the similarity of keypoints that of its formula in long double, with the same bits however the
 * rows are split, and are bad arguments refused? */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vloss/mask.h>

#include "data.h"
#include "executors.h"
#include "mode.h"
#include "testing.h"

enum { MOST = 9, POINTS_MOST = 20 };

typedef struct problem {
  size_t n, m, points;
  double detections[MOST * POINTS_MOST * 3], targets[MOST * POINTS_MOST * 3];
  double areas[MOST], boxes[MOST * 4], sigmas[POINTS_MOST];
  double out[MOST * (MOST + 2)];
} problem;

static void fill(problem *p, rng *r) {
  p->n = rng_below(r, MOST + 1);
  p->m = rng_below(r, MOST + 1);
  p->points = rng_below(r, 2) ? 17 : 1 + rng_below(r, POINTS_MOST);
  double spread = rng_below(r, 2) ? 3 : 300;
  for (size_t i = 0; i < MOST * POINTS_MOST * 3; i++) {
    p->targets[i] = floor(rng_between(r, 0, 300));
    p->detections[i] = p->targets[i] + floor(0x1p20 * rng_between(r, -spread, spread)) / 0x1p20;
  }
  for (size_t k = 0; k < MOST; k++) {
    size_t hidden = rng_below(r, 4);
    for (size_t i = 0; i < POINTS_MOST; i++)
      p->targets[(k * p->points + i) * 3 + 2] =
          hidden == 0 || rng_below(r, 3) == 0 ? 0 : (double)(1 + rng_below(r, 2));
    p->areas[k] = hidden == 3 && rng_below(r, 4) == 0 ? 0 : rng_between(r, 1, 20000);
    for (size_t i = 0; i < 4; i++) p->boxes[4 * k + i] = floor(rng_between(r, 0, 200));
  }
  for (size_t i = 0; i < POINTS_MOST; i++)
    p->sigmas[i] = p->points == 17 && i < 17 ? vloss_oks_sigmas()[i] : rng_between(r, .02, .2);
}

static long double term(long double dx, long double dy, double sigma, double area) {
  long double width = 2 * (long double)sigma;
  long double e = (dx * dx + dy * dy) / (width * width) / ((long double)area + 0x1p-52L) / 2;
  return expl(-e);
}

static long double beyond(long double a, long double low, long double high) {
  return a < low ? low - a : a > high ? a - high : 0;
}

static long double truth(const problem *p, size_t i, size_t k) {
  const double *b = p->boxes + 4 * k;
  long double seen = 0, seen_sum = 0, all_sum = 0;
  for (size_t at = 0; at < p->points; at++) {
    const double *d = p->detections + (i * p->points + at) * 3;
    const double *t = p->targets + (k * p->points + at) * 3;
    if (t[2] > 0) {
      seen++;
      seen_sum +=
          term((long double)d[0] - t[0], (long double)d[1] - t[1], p->sigmas[at], p->areas[k]);
    }
    all_sum += term(beyond(d[0], (long double)b[0] - b[2], b[0] + 2 * (long double)b[2]),
                    beyond(d[1], (long double)b[1] - b[3], b[1] + 2 * (long double)b[3]),
                    p->sigmas[at], p->areas[k]);
  }
  return seen > 0 ? seen_sum / seen : all_sum / (long double)p->points;
}

static vloss_status run(problem *p, const vloss_oks_options *options) {
  return vloss_oks(p->detections, p->n, p->targets, p->areas, p->boxes, p->m, p->points, options,
                   p->out);
}

/* Differences are exact here. e has eight roundings, each worth e exp(-e) / 2 <= 0.19 epsilon, and
 * exp less than 1; the mean adds no more than half of one for each of its 20 terms. */
static void check(problem *p, const vloss_oks_options *options) {
  size_t stride = options->row_stride ? options->row_stride : p->m;
  for (size_t i = 0; i < sizeof p->out / sizeof *p->out; i++) p->out[i] = -3;
  assert_int_equal(run(p, options), VLOSS_OK);
  for (size_t i = 0; i < p->n; i++) {
    for (size_t k = 0; k < p->m; k++) {
      double got = p->out[i * stride + k];
      long double expected = truth(p, i, k);
      double error = (double)fabsl((long double)got - expected);
      if (!(error <= 13 * DBL_EPSILON))
        fail_msg("%zu points: %.17g, not %.17Lg", p->points, got, expected);
    }
    for (size_t k = p->m; k < stride && i + 1 < p->n; k++)
      assert_true(p->out[i * stride + k] == -3);
  }
}

static void test_random_points(void **state) {
  (void)state;
  const vloss_executor *const executors[] = {NULL, &executor_reversed, &executor_threads};
  rng r = rng_init(data_seed(), 0);
  static problem p;
  for (int i = 0; i < (mode_emulated() ? 50 : 2000); i++) {
    vloss_oks_options options = VLOSS_OKS_OPTIONS_INIT;
    fill(&p, &r);
    if (p.points != 17 || rng_below(&r, 2)) options.sigmas = p.sigmas;
    if (rng_below(&r, 2)) options.row_stride = p.m + rng_below(&r, 3);
    options.executor = executors[rng_below(&r, 3)];
    check(&p, &options);
  }
}

/* Rows split into many tasks have the bits of one. */
static void test_tasks(void **state) {
  (void)state;
  enum { N = 64, M = 8, POINTS = 17 };
  rng r = rng_init(data_seed(), 1);
  double *detections = malloc(sizeof(double[N][POINTS][3]));
  double targets[M * POINTS * 3], areas[M], out[2][N * M];
  for (size_t i = 0; i < N * POINTS * 3; i++) detections[i] = rng_between(&r, 0, 50);
  for (size_t i = 0; i < M * POINTS * 3; i++) targets[i] = rng_between(&r, 1, 50);
  for (size_t i = 0; i < M; i++) areas[i] = rng_between(&r, 100, 5000);
  for (int k = 0; k < 2; k++) {
    vloss_oks_options options = VLOSS_OKS_OPTIONS_INIT;
    options.executor = k ? &executor_threads : NULL;
    assert_int_equal(vloss_oks(detections, N, targets, areas, NULL, M, POINTS, &options, out[k]),
                     VLOSS_OK);
  }
  assert_memory_equal(out[0], out[1], sizeof out[0]);
  assert_true(executor_most_tasks() > 1);
  free(detections);
}

/* One point at a distance: 1 at 0, 0 far away, exp within 1 ULP between. */
static void test_one_point(void **state) {
  (void)state;
  double targets[3] = {0, 0, 1}, area = 2, sigma = .25, out;
  vloss_oks_options options = VLOSS_OKS_OPTIONS_INIT;
  options.sigmas = &sigma;
  for (double x = 0; x < 60; x += 0x1p-6) { /* e = x^2 is exact, and so is the area + 2^-52 */
    double detection[3] = {x, 0, 0};
    area = 2 - 0x1p-52;
    assert_int_equal(vloss_oks(detection, 1, targets, &area, NULL, 1, 1, &options, &out), VLOSS_OK);
    long double exact = expl(-(long double)(x * x));
    double ulp = nextafter((double)exact, 2) - (double)exact;
    if (exact < DBL_MIN)
      assert_true(out == 0);
    else if (fabsl(out - exact) > ulp)
      fail_msg("exp(-%g^2) is %.17g, not %.17Lg", x, out, exact);
  }
}

/* By pycocotools 2.0.11, whose exp may have another last digit. */
static void test_published(void **state) {
  (void)state;
  problem p = {.n = 1, .m = 1, .points = 17};
  for (size_t i = 0; i < 17; i++) {
    double *d = p.detections + 3 * i, *t = p.targets + 3 * i;
    t[0] = (double)(10 * i);
    t[1] = (double)(200 - 7 * i);
    t[2] = (double)(i % 3);
    d[0] = t[0] + (double)(i % 5);
    d[1] = t[1] - (double)(i % 4);
  }
  p.areas[0] = 3000;
  memcpy(p.boxes, (double[]){20, 90, 100, 60}, 4 * sizeof(double));
  assert_int_equal(run(&p, NULL), VLOSS_OK);
  assert_true(fabs(p.out[0] - 0.8750210220720084) < 1e-15);
  for (size_t i = 0; i < 17; i++) p.targets[3 * i + 2] = 0;
  for (size_t i = 0; i < 17; i++) p.detections[3 * i] *= 3;
  assert_int_equal(run(&p, NULL), VLOSS_OK);
  assert_true(fabs(p.out[0] - 0.47065645383938265) < 1e-15);
}

/* A NaN stays with its pair. */
static void test_nan(void **state) {
  (void)state;
  rng r = rng_init(data_seed(), 2);
  static problem p;
  vloss_oks_options options = VLOSS_OKS_OPTIONS_INIT;
  fill(&p, &r);
  p.n = p.m = 3;
  p.points = 2;
  options.sigmas = p.sigmas;
  for (size_t i = 0; i < 18; i++) p.targets[i] = i % 3 == 2 ? 1 : (double)i;
  p.detections[6] = NAN;
  assert_int_equal(run(&p, &options), VLOSS_OK);
  for (size_t i = 0; i < 9; i++) assert_int_equal(p.out[i] != p.out[i], i / 3 == 1);
}

static void refuse(problem *p, const vloss_oks_options *options, vloss_status status,
                   const char *argument) {
  static problem before;
  vloss_report report = VLOSS_REPORT_INIT;
  vloss_oks_options reported = *options;
  reported.report = &report;
  before = *p;
  assert_int_equal(run(p, &reported), status);
  assert_string_equal(report.argument, argument);
  assert_memory_equal(&before, p, sizeof *p);
}

static void test_bad_arguments(void **state) {
  (void)state;
  static const vloss_executor none = {NULL, NULL};
  rng r = rng_init(data_seed(), 3);
  static problem p;
  vloss_oks_options good = VLOSS_OKS_OPTIONS_INIT, o = good;
  fill(&p, &r);
  p.n = p.m = 2;
  p.points = 16;
  refuse(&p, &good, VLOSS_ERROR_NULL, "sigmas");
  p.points = 0;
  refuse(&p, &good, VLOSS_ERROR_PARAMETER, "points");
  p.points = SIZE_MAX / 16;
  refuse(&p, &good, VLOSS_ERROR_SIZE, "points");
  p.points = 17;
  o.row_stride = 1;
  refuse(&p, &o, VLOSS_ERROR_PARAMETER, "row_stride");
  o = good;
  o.executor = &none;
  refuse(&p, &o, VLOSS_ERROR_NULL, "executor");
  o = good;
  o.sigmas = p.sigmas;
  static const double bad[] = {0, -1, NAN, INFINITY};
  for (int i = 0; i < 4; i++) {
    p.sigmas[16] = bad[i];
    refuse(&p, &o, VLOSS_ERROR_PARAMETER, "sigmas");
  }
  o = good;
  o.struct_size++;
  assert_int_equal(run(&p, &o), VLOSS_ERROR_STRUCT_SIZE);
  for (size_t i = 0; i < 17; i++) p.targets[3 * i + 2] = 0;
  assert_int_equal(vloss_oks(p.detections, 2, p.targets, p.areas, NULL, 2, 17, NULL, p.out),
                   VLOSS_ERROR_NULL);
  assert_int_equal(
      vloss_oks(p.detections, 2, p.targets, p.areas, p.boxes, 2, 17, NULL, p.targets + 1),
      VLOSS_ERROR_OVERLAP);
  assert_int_equal(vloss_oks(NULL, 0, NULL, NULL, NULL, 0, 17, NULL, NULL), VLOSS_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_random_points), cmocka_unit_test(test_tasks),
      cmocka_unit_test(test_one_point),     cmocka_unit_test(test_published),
      cmocka_unit_test(test_nan),           cmocka_unit_test(test_bad_arguments)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
