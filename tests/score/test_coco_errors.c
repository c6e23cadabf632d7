/* SPDX-License-Identifier: Apache-2.0 */
/* Does every bad argument get its status and its name, and leave all outputs alone? */
#include <math.h>
#include <string.h>

#include "coco_data.h"
#include "testing.h"

enum { RECORDS = 4, WORKSPACE = 4096 };

/* A valid call of everything; each case breaks one thing of it. */
typedef struct calls {
  double boxes[8], scores[2];
  vloss_coco_image image;
  vloss_coco_options options;
  vloss_report report;
  int64_t classes[2];
  vloss_coco_record records[RECORDS];
  size_t record_count;
  char workspace[WORKSPACE];
} calls;

static calls fresh(void) {
  static const calls model = {
      .boxes = {0, 0, 10, 10, 5, 5, 10, 10},
      .scores = {.5, .75},
      .image = VLOSS_COCO_IMAGE_INIT,
      .options = VLOSS_COCO_OPTIONS_INIT,
      .report = VLOSS_REPORT_INIT,
      .classes = {0, 7},
      .record_count = RECORDS,
  };
  return model;
}

static void link_up(calls *c) {
  c->image.boxes = c->image.target_boxes = c->boxes;
  c->image.scores = c->scores;
  c->image.detections = c->image.targets = 2;
  c->options.report = &c->report;
  c->options.classes = c->classes;
  c->options.class_count = 2;
}

static void expect(const calls *c, vloss_status found, vloss_status status, const char *argument) {
  assert_int_equal(found, status);
  if (argument) assert_string_equal(c->report.argument, argument);
}

static void expect_match(calls *c, vloss_status status, const char *argument) {
  vloss_coco_record before[RECORDS];
  size_t count = 99;
  memcpy(before, c->records, sizeof before);
  vloss_status found = vloss_coco_match(&c->image, &c->options, c->workspace, WORKSPACE, RECORDS,
                                        c->records, &count);
  expect(c, found, status, argument);
  assert_memory_equal(before, c->records, sizeof before);
  assert_int_equal(count, 99);
}

static void test_match(void **unused) {
  (void)unused;
  calls c = fresh();
  size_t count = 99;
  link_up(&c);
  size_t need = vloss_coco_match_workspace(2, 2);
  assert_true(need <= WORKSPACE);
  vloss_coco_options *o = &c.options;
  expect(&c, vloss_coco_match(NULL, o, c.workspace, need, RECORDS, c.records, &count),
         VLOSS_ERROR_NULL, "image");
  expect(&c, vloss_coco_match(&c.image, o, NULL, need, RECORDS, c.records, &count),
         VLOSS_ERROR_NULL, "workspace");
  expect(&c, vloss_coco_match(&c.image, o, c.workspace, need, RECORDS, NULL, &count),
         VLOSS_ERROR_NULL, "records");
  expect(&c, vloss_coco_match(&c.image, o, c.workspace, need, RECORDS, c.records, NULL),
         VLOSS_ERROR_NULL, "count");
  expect(&c, vloss_coco_match(&c.image, o, c.workspace, need - 1, RECORDS, c.records, &count),
         VLOSS_ERROR_WORKSPACE, "workspace");
  assert_int_equal(count, 99);
  expect(&c, vloss_coco_match(&c.image, o, c.workspace, need, 3, c.records, &count),
         VLOSS_ERROR_CAPACITY, "capacity");
  assert_int_equal(count, 4);
  for (size_t i = 0; i < sizeof c.records; i++) assert_int_equal(((char *)c.records)[i], 0);
  count = 99;
  expect(&c, vloss_coco_match(&c.image, o, c.workspace, need, 0, NULL, &count),
         VLOSS_ERROR_CAPACITY, "capacity");
  assert_int_equal(count, 4);
  assert_int_equal(vloss_coco_match(&c.image, o, c.workspace, need, 4, c.records, &count),
                   VLOSS_OK);
  assert_int_equal(c.report.counted, 2);
  assert_null(c.report.argument);
}

static void test_images(void **unused) {
  (void)unused;
  const calls valid = fresh();
#define BROKEN(change, status, argument) \
  {                                      \
    calls c = valid;                     \
    link_up(&c);                         \
    change;                              \
    expect_match(&c, status, argument);  \
  }
  BROKEN(c.image.struct_size--, VLOSS_ERROR_STRUCT_SIZE, "image")
  BROKEN(c.image.struct_size += 8, VLOSS_ERROR_STRUCT_SIZE, "image")
  static const vloss_executor nothing = {NULL, NULL};
  BROKEN(c.options.executor = &nothing, VLOSS_ERROR_NULL, "executor")
  BROKEN(c.image.boxes = NULL, VLOSS_ERROR_NULL, "boxes")
  BROKEN(c.image.target_boxes = NULL, VLOSS_ERROR_NULL, "target_boxes")
  BROKEN(c.image.scores = NULL, VLOSS_ERROR_NULL, "scores")
  BROKEN(c.image.negative_count = 1, VLOSS_ERROR_NULL, "negative_classes")
  BROKEN(c.image.not_exhaustive_count = 1, VLOSS_ERROR_NULL, "not_exhaustive_classes")
  BROKEN(c.image.detections = (size_t)1 << 32, VLOSS_ERROR_SIZE, "detections")
  BROKEN(c.image.targets = (size_t)1 << 32, VLOSS_ERROR_SIZE, "targets")
  BROKEN((c.image.similarity = c.boxes, c.image.similarity_stride = 1), VLOSS_ERROR_PARAMETER,
         "similarity_stride")
  BROKEN(c.options.struct_size--, VLOSS_ERROR_STRUCT_SIZE, NULL)
  BROKEN(c.options.struct_size = 0, VLOSS_ERROR_STRUCT_SIZE, NULL)
  BROKEN(c.report.struct_size = 1, VLOSS_ERROR_STRUCT_SIZE, NULL)
}

static void test_options(void **unused) {
  (void)unused;
  const calls valid = fresh();
  static const double bad[] = {.5, 1.5}, none[] = {(double)NAN, 1}, falling[] = {.5, .25}, one[65];
  static const size_t zero[] = {0}, equal[] = {5, 5},
                      many[17] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17};
  static const int64_t twice[] = {3, 3};
  static const uint8_t frequencies[] = {0, 3};
#define LIST(name, list, length) (c.options.name##s = list, c.options.name##_count = length)
  BROKEN(c.options.kind = (vloss_coco_kind)3, VLOSS_ERROR_ENUM, "kind")
  BROKEN(LIST(threshold, bad, 2), VLOSS_ERROR_PARAMETER, "thresholds")
  BROKEN(LIST(threshold, none, 1), VLOSS_ERROR_PARAMETER, "thresholds")
  BROKEN(LIST(threshold, bad, 0), VLOSS_ERROR_PARAMETER, "thresholds")
  BROKEN(LIST(threshold, one, 65), VLOSS_ERROR_PARAMETER, "thresholds")
  BROKEN(LIST(threshold, one, 17), VLOSS_ERROR_PARAMETER, "areas")
  BROKEN(LIST(recall, falling, 2), VLOSS_ERROR_PARAMETER, "recalls")
  BROKEN(LIST(recall, none, 2), VLOSS_ERROR_PARAMETER, "recalls")
  BROKEN(LIST(recall, falling, 0), VLOSS_ERROR_PARAMETER, "recalls")
  BROKEN(LIST(area, none, 1), VLOSS_ERROR_PARAMETER, "areas")
  BROKEN(LIST(area, bad, 0), VLOSS_ERROR_PARAMETER, "areas")
  BROKEN(LIST(max_detection, zero, 1), VLOSS_ERROR_PARAMETER, "max_detections")
  BROKEN(LIST(max_detection, equal, 2), VLOSS_ERROR_PARAMETER, "max_detections")
  BROKEN(LIST(max_detection, many, 17), VLOSS_ERROR_PARAMETER, "max_detections")
  BROKEN(LIST(max_detection, many, 0), VLOSS_ERROR_PARAMETER, "max_detections")
  BROKEN(c.options.classes = twice, VLOSS_ERROR_PARAMETER, "classes")
  BROKEN(c.options.classes = NULL, VLOSS_ERROR_NULL, "classes")
  BROKEN(c.options.frequencies = frequencies, VLOSS_ERROR_ENUM, "frequencies")
}

static void expect_tables(calls *c, size_t workspace_size, vloss_status status,
                          const char *argument) {
  double table[3] = {7, 7, 7}, error = 7;
  vloss_coco_summary summary = VLOSS_COCO_SUMMARY_INIT;
  vloss_coco_point best = {7, 7, 7, 7};
  size_t count = 99;
  const vloss_coco_options *o = &c->options;
  expect(c,
         vloss_coco_accumulate(c->records, c->record_count, o, c->workspace, workspace_size, table,
                               table + 1, table + 2, &summary),
         status, argument);
  assert_true(table[0] == 7 && table[1] == 7 && table[2] == 7 && summary.ap == 0);
  expect(c,
         vloss_coco_curve(c->records, c->record_count, o, 0, 0, c->workspace, workspace_size, 0,
                          NULL, &count, &best),
         status, argument);
  expect(c,
         vloss_coco_calibration(c->records, c->record_count, o, 0, 10, c->workspace, workspace_size,
                                &error),
         status, argument);
  assert_true(count == 99 && best.score == 7 && error == 7);
}

static void test_records(void **unused) {
  (void)unused;
  const calls valid = fresh();
#define BROKEN_TABLES(change, size, status, argument) \
  {                                                   \
    calls c = valid;                                  \
    link_up(&c);                                      \
    change;                                           \
    expect_tables(&c, size, status, argument);        \
  }
  size_t need = vloss_coco_accumulate_workspace(RECORDS);
  BROKEN_TABLES(c.records[2].score = (double)NAN, need, VLOSS_ERROR_PARAMETER, "records")
  BROKEN_TABLES(c.records[3].kind = 2, need, VLOSS_ERROR_PARAMETER, "records")
  BROKEN_TABLES((void)0, need - 1, VLOSS_ERROR_WORKSPACE, "workspace")
  BROKEN_TABLES(c.record_count = SIZE_MAX / 4, need, VLOSS_ERROR_SIZE, "count")
  BROKEN_TABLES(c.options.classes = NULL, need, VLOSS_ERROR_NULL, "classes")
}

/* Outputs in the middle of other arrays. */
static void test_overlaps(void **unused) {
  (void)unused;
  calls c = fresh();
  link_up(&c);
  const vloss_coco_options *o = &c.options;
  vloss_coco_image *image = &c.image;
  vloss_coco_record *r = c.records;
  size_t need = vloss_coco_accumulate_workspace(RECORDS), count;
  double *table = (double *)(void *)(r + 1);
  expect(&c, vloss_coco_match(image, o, r, WORKSPACE, RECORDS, r, &count), VLOSS_ERROR_OVERLAP,
         "workspace");
  image->scores = table;
  expect(&c, vloss_coco_match(image, o, c.workspace, need, RECORDS, r, &count), VLOSS_ERROR_OVERLAP,
         "records");
  image->similarity = &r[0].score;
  expect(&c, vloss_coco_match(image, o, c.workspace, need, RECORDS, r, &count), VLOSS_ERROR_OVERLAP,
         "records");
  expect(&c, vloss_coco_accumulate(r, 4, o, c.workspace, need, NULL, table, NULL, NULL),
         VLOSS_ERROR_OVERLAP, "recall");
  expect(&c,
         vloss_coco_accumulate(r, 4, o, c.workspace, need, (double *)(void *)c.workspace, NULL,
                               NULL, NULL),
         VLOSS_ERROR_OVERLAP, "precision");
  expect(&c, vloss_coco_calibration(r, 4, o, 0, 10, c.workspace, need, table), VLOSS_ERROR_OVERLAP,
         "records");
  assert_int_equal(
      vloss_coco_average_precision((vloss_coco_point *)(void *)r, 2, VLOSS_COCO_ALL_POINTS, table),
      VLOSS_ERROR_OVERLAP);
  assert_memory_equal(r, fresh().records, sizeof c.records);
}

static void test_readings(void **unused) {
  (void)unused;
  calls c = fresh();
  link_up(&c);
  const vloss_coco_options *o = &c.options;
  size_t need = vloss_coco_accumulate_workspace(RECORDS), count;
  vloss_coco_record *r = c.records;
  double error;
  int64_t matrix[9] = {0};
  vloss_coco_summary summary = VLOSS_COCO_SUMMARY_INIT;
  summary.struct_size = 1;
  expect(&c, vloss_coco_accumulate(r, 4, o, c.workspace, need, NULL, NULL, NULL, &summary),
         VLOSS_ERROR_STRUCT_SIZE, "summary");
  expect(&c, vloss_coco_curve(r, 4, o, 0, 10, c.workspace, need, 0, NULL, &count, NULL),
         VLOSS_ERROR_PARAMETER, "threshold_index");
  expect(&c, vloss_coco_curve(r, 4, o, 0, 0, c.workspace, need, 1, NULL, &count, NULL),
         VLOSS_ERROR_NULL, "points");
  expect(&c, vloss_coco_calibration(r, 4, o, 0, 0, c.workspace, need, &error),
         VLOSS_ERROR_PARAMETER, "bins");
  expect(&c, vloss_coco_calibration(r, 4, o, 0, 1001, c.workspace, need, &error),
         VLOSS_ERROR_PARAMETER, "bins");
  assert_int_equal(vloss_coco_average_precision(NULL, 1, VLOSS_COCO_ALL_POINTS, &error),
                   VLOSS_ERROR_NULL);
  assert_int_equal(vloss_coco_average_precision(NULL, 0, (vloss_coco_integral)2, &error),
                   VLOSS_ERROR_ENUM);
  need = vloss_coco_confusion_workspace(2, 2);
  vloss_coco_image *image = &c.image;
  expect(&c, vloss_coco_confusion(image, o, (double)NAN, .5, c.workspace, need, matrix),
         VLOSS_ERROR_PARAMETER, "score_threshold");
  expect(&c, vloss_coco_confusion(image, o, .25, 1.5, c.workspace, need, matrix),
         VLOSS_ERROR_PARAMETER, "threshold");
  expect(&c, vloss_coco_confusion(image, o, .25, .5, c.workspace, need - 1, matrix),
         VLOSS_ERROR_WORKSPACE, "workspace");
  expect(&c, vloss_coco_confusion(image, o, .25, .5, c.workspace, need, NULL), VLOSS_ERROR_NULL,
         "matrix");
  for (int i = 0; i < 9; i++) assert_int_equal(matrix[i], 0);
}

/* Nothing anywhere is a success. */
static void test_nothing(void **unused) {
  (void)unused;
  vloss_coco_image image = VLOSS_COCO_IMAGE_INIT;
  vloss_coco_summary summary = VLOSS_COCO_SUMMARY_INIT;
  char workspace[64];
  size_t count = 99;
  assert_int_equal(vloss_coco_match(&image, NULL, workspace, sizeof workspace, 0, NULL, &count),
                   VLOSS_OK);
  assert_int_equal(count, 0);
  assert_int_equal(vloss_coco_accumulate(NULL, 0, NULL, NULL, 0, NULL, NULL, NULL, &summary),
                   VLOSS_OK);
  assert_true(summary.ap == -1 && summary.ar_large == -1 && summary.class_count == 0);
  assert_int_equal(vloss_coco_match_workspace(SIZE_MAX, 0) == SIZE_MAX, 1);
  assert_int_equal(vloss_coco_accumulate_workspace(SIZE_MAX) == SIZE_MAX, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_match),    cmocka_unit_test(test_images),
      cmocka_unit_test(test_options),  cmocka_unit_test(test_records),
      cmocka_unit_test(test_overlaps), cmocka_unit_test(test_readings),
      cmocka_unit_test(test_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
