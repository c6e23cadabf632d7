/* SPDX-License-Identifier: Apache-2.0 */
/* Are precision, recall and scores those of a slow evaluation by definition, to the bit, however
 * the records were split, ordered and repeated? */
#include <stdlib.h>
#include <string.h>

#include "coco_data.h"
#include "mode.h"
#include "testing.h"

enum {
  MOST_RECORDS = 2 * 2 * MOST_IMAGES * MOST_BOXES,
  MOST_ROWS = MOST_CELLS * MOST_CLASSES * MOST_LIMITS,
  MOST_RECALLS = 101
};

typedef struct tables {
  double precision[MOST_ROWS * MOST_RECALLS], recall[MOST_ROWS], scores[MOST_ROWS * MOST_RECALLS];
  vloss_coco_summary summary;
} tables;

static uint64_t set; /* the seed */
static dataset data;
static tables found, wanted, before;
static vloss_coco_record records[MOST_RECORDS];

static size_t match_all(const vloss_coco_options *o) {
  size_t total = 0;
  for (size_t i = 0; i < data.count; i++) {
    const vloss_coco_image *image = &data.scenes[i].image;
    size_t size = vloss_coco_match_workspace(image->detections, image->targets), count;
    char *workspace = malloc(size + 1);
    assert_non_null(workspace);
    assert_int_equal(vloss_coco_match(image, o, workspace + 1, size, MOST_RECORDS - total,
                                      records + total, &count),
                     VLOSS_OK);
    free(workspace);
    total += count;
  }
  return total;
}

static void accumulate(size_t count, const vloss_coco_options *o, tables *t) {
  size_t size = vloss_coco_accumulate_workspace(count);
  char *workspace = malloc(size + 1);
  assert_non_null(workspace);
  t->summary = (vloss_coco_summary)VLOSS_COCO_SUMMARY_INIT;
  assert_int_equal(vloss_coco_accumulate(records, count, o, workspace + 1, size, t->precision,
                                         t->recall, t->scores, &t->summary),
                   VLOSS_OK);
  free(workspace);
}

static size_t rows_of(const vloss_coco_options *o) {
  return o->threshold_count * o->class_count * o->area_count * o->max_detection_count;
}

static void assert_same(const tables *a, const tables *b, const vloss_coco_options *o) {
  size_t rows = rows_of(o), all = rows * o->recall_count;
  if (memcmp(a->recall, b->recall, rows * sizeof *a->recall) != 0 ||
      memcmp(a->precision, b->precision, all * sizeof *a->precision) != 0 ||
      memcmp(a->scores, b->scores, all * sizeof *a->scores) != 0)
    fail_msg("set %d differs", (int)set);
}

/* Entries > -1 whose index satisfies a range (or all), a limit, a threshold (or all) and a class of
 * one frequency (or all); plain sums, in long double. */
static double mean(const tables *t, const vloss_coco_options *o, int of_recall, size_t range,
                   size_t limit, size_t threshold, int frequency) {
  long double sum = 0;
  size_t n = 0, R = of_recall ? 1 : o->recall_count, all = rows_of(o) * R;
  for (size_t i = 0; i < all; i++) {
    size_t m = i % o->max_detection_count, rest = i / o->max_detection_count;
    size_t a = rest % o->area_count, k = rest / o->area_count % o->class_count;
    size_t at = rest / o->area_count / o->class_count / R;
    double value = of_recall ? t->recall[i] : t->precision[i];
    if (m != limit || a != range || (threshold != SIZE_MAX && at != threshold) || value < 0)
      continue;
    if (frequency >= 0 && o->frequencies[k] != frequency) continue;
    sum += value;
    n++;
  }
  return n ? (double)(sum / (long double)n) : -1;
}

static void check_summary(const vloss_coco_options *o) {
  const vloss_coco_summary *s = &found.summary;
  size_t last = o->max_detection_count - 1, small = o->kind != VLOSS_COCO_KEYPOINTS, all = SIZE_MAX;
  const double pairs[][2] = {
      {s->ap, mean(&wanted, o, 0, 0, last, all, -1)},
      {s->ap50, mean(&wanted, o, 0, 0, last, 0, -1)},
      {s->ap75, mean(&wanted, o, 0, 0, last, 5, -1)},
      {s->ap_small, small ? mean(&wanted, o, 0, 1, last, all, -1) : -1},
      {s->ap_medium, mean(&wanted, o, 0, 1 + small, last, all, -1)},
      {s->ap_large, mean(&wanted, o, 0, 2 + small, last, all, -1)},
      {s->ap_rare, mean(&wanted, o, 0, 0, last, all, VLOSS_COCO_RARE)},
      {s->ap_common, mean(&wanted, o, 0, 0, last, all, VLOSS_COCO_COMMON)},
      {s->ap_frequent, mean(&wanted, o, 0, 0, last, all, VLOSS_COCO_FREQUENT)},
      {s->ar[0], mean(&wanted, o, 1, 0, 0, all, -1)},
      {s->ar[1], mean(&wanted, o, 1, 0, 1, all, -1)},
      {s->ar[2], mean(&wanted, o, 1, 0, 2, all, -1)},
      {s->ar_all, mean(&wanted, o, 1, 0, last, all, -1)},
      {s->ar50, mean(&wanted, o, 1, 0, last, 0, -1)},
      {s->ar75, mean(&wanted, o, 1, 0, last, 5, -1)},
      {s->ar_small, small ? mean(&wanted, o, 1, 1, last, all, -1) : -1},
      {s->ar_medium, mean(&wanted, o, 1, 1 + small, last, all, -1)},
      {s->ar_large, mean(&wanted, o, 1, 2 + small, last, all, -1)},
  };
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    double error = pairs[i][0] - pairs[i][1];
    if (!(error >= -1e-14 && error <= 1e-14)) fail_msg("number %zu: off by %g", i, error);
  }
  assert_int_equal(s->class_count, o->class_count);
}

static void shuffle(size_t count) {
  for (size_t i = count; i > 1; i--) {
    size_t j = data_below(i);
    vloss_coco_record r = records[j];
    records[j] = records[i - 1];
    records[i - 1] = r;
  }
}

static void check(uint64_t seed) {
  static const vloss_coco_kind kinds[] = {VLOSS_COCO_DETECTION, VLOSS_COCO_KEYPOINTS,
                                          VLOSS_COCO_LVIS};
  uint8_t frequencies[MOST_CLASSES];
  data_seed(set = seed);
  vloss_coco_kind kind = kinds[data_below(3)];
  data_fill(&data, kind == VLOSS_COCO_KEYPOINTS || data_below(3) == 0);
  vloss_coco_options o = data_options(&data, kind);
  for (size_t k = 0; k < MOST_CLASSES; k++) frequencies[k] = (uint8_t)data_below(3);
  o.frequencies = frequencies;
  size_t count = match_all(&o);
  oracle_tables(&data, &o, wanted.precision, wanted.recall, wanted.scores);
  accumulate(count, &o, &found);
  assert_same(&found, &wanted, &o);
  check_summary(&o);
  before = found;
  shuffle(count);
  size_t repeated = data_below(count + 1); /* counts once */
  memcpy(records + count, records, repeated * sizeof *records);
  shuffle(count + repeated);
  accumulate(count + repeated, &o, &found);
  assert_same(&found, &wanted, &o);
  assert_memory_equal(&found.summary, &before.summary, sizeof before.summary);
  accumulate(count + repeated, &o, &found); /* in order already */
  assert_same(&found, &wanted, &o);
}

static void test_random_sets(void **unused) {
  (void)unused;
  uint64_t sets = mode_emulated() ? 12 : mode_full() ? 3000 : 300;
  for (uint64_t s = 0; s < sets; s++) check(s);
}

/* Own lists: one threshold, unordered ones, few recalls, 64 cells. */
static void test_own_lists(void **unused) {
  (void)unused;
  static const double thresholds[] = {.75, .5,  0,   1,   .3, .31, .32, .33,
                                      .34, .35, .36, .37, .4, .6,  .7,  .9};
  static const double recalls[] = {0, 0, .5, .5, 1};
  static const double areas[] = {0, 1e10, 5000, 1024, 0, 1024, -1e300, 1e300};
  static const size_t limits[] = {2, 3};
  for (uint64_t seed = 0; seed < (mode_emulated() ? 4u : 60u); seed++) {
    data_seed(set = seed);
    data_fill(&data, (int)data_below(2));
    vloss_coco_options o = data_options(&data, VLOSS_COCO_DETECTION);
    o.thresholds = thresholds;
    o.threshold_count = data_below(2) ? 16 : 1;
    o.recalls = recalls;
    o.recall_count = 1 + data_below(5);
    o.areas = areas;
    o.area_count = 4;
    o.max_detections = limits;
    o.max_detection_count = 1 + data_below(2);
    size_t count = match_all(&o);
    shuffle(count);
    accumulate(count, &o, &found);
    oracle_tables(&data, &o, wanted.precision, wanted.recall, wanted.scores);
    assert_same(&found, &wanted, &o);
  }
}

/* Parts of the images on their own give the records of all. */
static void test_classes_of_records(void **unused) {
  (void)unused;
  int64_t classes[MOST_CLASSES];
  for (uint64_t seed = 0; seed < 20; seed++) {
    data_seed(set = seed);
    data_fill(&data, 0);
    vloss_coco_options o = data_options(&data, VLOSS_COCO_DETECTION);
    size_t count = match_all(&o), listed;
    char *workspace = malloc(vloss_coco_accumulate_workspace(count));
    assert_non_null(workspace);
    assert_int_equal(
        vloss_coco_classes(records, count, workspace, vloss_coco_accumulate_workspace(count),
                           MOST_CLASSES, classes, &listed),
        VLOSS_OK);
    free(workspace);
    for (size_t i = 0, k = 0; i < count; i++) {
      if (i > 0 && records[i].class_id != records[i - 1].class_id) k++;
      assert_true(k < listed && classes[k] == records[i].class_id);
      assert_true(i + 1 < count || k + 1 == listed);
    }
    o.classes = classes;
    o.class_count = listed;
    accumulate(count, &o, &wanted);
    vloss_coco_options none = o;
    none.classes = NULL;
    none.class_count = 0;
    accumulate(count, &none, &found);
    assert_same(&found, &wanted, &o);
    assert_memory_equal(&found.summary, &wanted.summary, sizeof found.summary);
  }
}

/* Defaults as numpy.linspace gives them. */
static void test_defaults(void **unused) {
  (void)unused;
  vloss_coco_options o;
  assert_int_equal(vloss_coco_complete(NULL, &o), VLOSS_OK);
  assert_int_equal(o.threshold_count, 10);
  assert_int_equal(o.recall_count, 101);
  assert_true(o.thresholds[1] == .55 && o.thresholds[8] == .8999999999999999);
  assert_true(o.thresholds[9] == .95 && o.recalls[29] == .29 &&
              o.recalls[35] == .35000000000000003);
  assert_true(o.recalls[100] == 1 && o.areas[3] == 1024 && o.areas[7] == 1e10);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_defaults),
      cmocka_unit_test(test_random_sets),
      cmocka_unit_test(test_own_lists),
      cmocka_unit_test(test_classes_of_records),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
