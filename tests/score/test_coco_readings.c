/* SPDX-License-Identifier: Apache-2.0 */
/* Are score curves, average precision by other integrals, calibration and confusion what their
 * definitions say? */
#include <fenv.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "coco_data.h"
#include "mode.h"
#include "testing.h"

enum { MOST_RECORDS = 2 * MOST_IMAGES * MOST_BOXES, THRESHOLD = 3, WORKSPACE = 1 << 18 };

static dataset data;
static vloss_coco_record records[MOST_RECORDS];
static vloss_coco_point points[MOST_RECORDS];
static char workspace[WORKSPACE];

static size_t match_all(const vloss_coco_options *o) {
  size_t total = 0, count;
  for (size_t i = 0; i < data.count; i++) {
    assert_int_equal(vloss_coco_match(&data.scenes[i].image, o, workspace, WORKSPACE,
                                      MOST_RECORDS - total, records + total, &count),
                     VLOSS_OK);
    total += count;
  }
  assert_true(vloss_coco_accumulate_workspace(total) <= WORKSPACE);
  return total;
}

static int counts(size_t i, uint32_t kind, int64_t class_id) {
  return records[i].kind == kind && records[i].class_id == class_id &&
         !(records[i].ignored >> THRESHOLD & 1);
}

static int is_hit(size_t i) { return (records[i].matched >> THRESHOLD & 1) != 0; }

/* The point at one score, counted from all records. */
static vloss_coco_point point_at(size_t count, int64_t class_id, double score) {
  double tp = 0, all = 0, positives = 0;
  for (size_t i = 0; i < count; i++) {
    positives += counts(i, VLOSS_COCO_RECORD_TARGET, class_id);
    if (!counts(i, VLOSS_COCO_RECORD_DETECTION, class_id) || records[i].score < score) continue;
    all++;
    tp += is_hit(i);
  }
  return (vloss_coco_point){score, tp / all, tp / positives, 2 * tp / (all + positives)};
}

static size_t count_scores(size_t count, int64_t class_id) {
  size_t scores = 0, positives = 0;
  for (size_t i = 0; i < count; i++) {
    positives += (size_t)counts(i, VLOSS_COCO_RECORD_TARGET, class_id);
    int first = counts(i, VLOSS_COCO_RECORD_DETECTION, class_id);
    for (size_t j = 0; j < i; j++)
      first &= !(counts(j, VLOSS_COCO_RECORD_DETECTION, class_id) &&
                 records[j].score == records[i].score);
    scores += first != 0;
  }
  return positives ? scores : 0;
}

static void assert_close(double a, double b) { assert_true(fabs(a - b) <= 1e-13); }

/* Over every step of recall, the highest precision from there on. */
static void check_average_precision(size_t n) {
  double all, eleven, expected = 0, sum = 0;
  for (size_t i = 0; i < n; i++) {
    double best = 0;
    for (size_t j = i; j < n; j++) best = fmax(best, points[j].precision);
    expected += best * (points[i].recall - (i ? points[i - 1].recall : 0));
  }
  for (int r = 0; r <= 10; r++) {
    double best = 0;
    for (size_t j = 0; j < n; j++)
      if (points[j].recall >= r / 10.) best = fmax(best, points[j].precision);
    sum += best / 11;
  }
  assert_int_equal(vloss_coco_average_precision(points, n, VLOSS_COCO_ALL_POINTS, &all), VLOSS_OK);
  assert_int_equal(vloss_coco_average_precision(points, n, VLOSS_COCO_ELEVEN_POINTS, &eleven),
                   VLOSS_OK);
  assert_close(all, expected);
  assert_close(eleven, sum);
}

static void check_curve(size_t count, const vloss_coco_options *o, int64_t class_id) {
  size_t n, expected = count_scores(count, class_id);
  vloss_coco_point best, highest = {0, 0, 0, 0};
  assert_int_equal(vloss_coco_curve(records, count, o, class_id, THRESHOLD, workspace, WORKSPACE,
                                    MOST_RECORDS, points, &n, &best),
                   VLOSS_OK);
  assert_int_equal(n, expected);
  for (size_t i = 0; i < n; i++) {
    vloss_coco_point p = point_at(count, class_id, points[i].score);
    assert_memory_equal(&p, &points[i], sizeof p);
    assert_true(i == 0 || points[i].score < points[i - 1].score);
    if (i == 0 || p.f1 > highest.f1) highest = p;
  }
  assert_memory_equal(&best, &highest, sizeof best);
  check_average_precision(n);
  if (!n) return;
  best.score = 7;
  n = 0;
  assert_int_equal(vloss_coco_curve(records, count, o, class_id, THRESHOLD, workspace, WORKSPACE,
                                    expected - 1, points, &n, &best),
                   VLOSS_ERROR_CAPACITY);
  assert_true(n == expected && best.score == 7);
}

static void check_calibration(size_t count, const vloss_coco_options *o, size_t bins) {
  double error, expected = 0, total = 0;
  for (size_t b = 0; b < bins; b++) {
    double n = 0, tp = 0, sum = 0;
    for (size_t i = 0; i < count; i++) {
      if (!counts(i, VLOSS_COCO_RECORD_DETECTION, records[i].class_id)) continue;
      size_t bin = (size_t)floor(records[i].score * (double)bins);
      if ((bin < bins ? bin : bins - 1) != b) continue;
      n++;
      tp += is_hit(i);
      sum += records[i].score;
    }
    if (n > 0) expected += n * fabs(tp / n - sum / n);
    total += n;
  }
  assert_int_equal(
      vloss_coco_calibration(records, count, o, THRESHOLD, bins, workspace, WORKSPACE, &error),
      VLOSS_OK);
  assert_close(error, total > 0 ? expected / total : 0);
}

static void test_records(void **unused) {
  (void)unused;
  for (uint64_t seed = 0; seed < (mode_emulated() ? 5u : 200u); seed++) {
    data_seed(seed);
    data_fill(&data, 0);
    vloss_coco_options o = data_options(&data, VLOSS_COCO_DETECTION);
    size_t count = match_all(&o);
    for (size_t k = 0; k < o.class_count; k++) check_curve(count, &o, o.classes[k]);
    check_curve(count, &o, 0); /* has no records */
    check_calibration(count, &o, 1);
    check_calibration(count, &o, 10);
    check_calibration(count, &o, 1000);
  }
}

/* Sums of thirds and tenths, which rounding up would make larger. */
static void test_rounding(void **unused) {
  (void)unused;
  enum { COUNT = 9 };
  vloss_coco_point curve[COUNT];
  for (size_t i = 0; i < COUNT; i++)
    curve[i] = (vloss_coco_point){1. / (double)(i + 1), 1. / (double)(i + 1), (double)i / 10, 0};
  for (int integral = 0; integral < 2; integral++) {
    double usual, upward;
    assert_int_equal(
        vloss_coco_average_precision(curve, COUNT, (vloss_coco_integral)integral, &usual),
        VLOSS_OK);
    assert_int_equal(fesetround(FE_UPWARD), 0);
    vloss_status status =
        vloss_coco_average_precision(curve, COUNT, (vloss_coco_integral)integral, &upward);
    assert_int_equal(fegetround(), FE_UPWARD);
    assert_int_equal(fesetround(FE_TONEAREST), 0);
    assert_int_equal(status, VLOSS_OK);
    assert_true(usual == upward);
  }
}

static void test_confusion(void **unused) {
  (void)unused;
  int64_t found[(MOST_CLASSES + 1) * (MOST_CLASSES + 1)], wanted[sizeof found / sizeof *found];
  for (uint64_t seed = 0; seed < (mode_emulated() ? 5u : 300u); seed++) {
    data_seed(seed);
    data_fill(&data, (int)data_below(2));
    vloss_coco_options o = data_options(&data, VLOSS_COCO_DETECTION);
    if (data_below(3) == 0) o.class_count--; /* one is no longer evaluated */
    double least = data_below(2) ? .25 : -1, threshold = data_below(2) ? .5 : .25;
    for (size_t i = 0; i < sizeof found / sizeof *found; i++) found[i] = wanted[i] = (int64_t)i;
    for (size_t i = 0; i < data.count; i++) {
      const vloss_coco_image *image = &data.scenes[i].image;
      size_t size = vloss_coco_confusion_workspace(image->detections, image->targets);
      char *exact = malloc(size);
      assert_non_null(exact);
      assert_int_equal(vloss_coco_confusion(image, &o, least, threshold, exact, size, found),
                       VLOSS_OK);
      free(exact);
      oracle_confusion(&data.scenes[i], &o, least, threshold, wanted);
    }
    assert_memory_equal(found, wanted, sizeof found);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_records),
      cmocka_unit_test(test_rounding),
      cmocka_unit_test(test_confusion),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
