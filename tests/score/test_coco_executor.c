/* SPDX-License-Identifier: Apache-2.0 */
/* Do an image and the tables have the same bits whatever runs their tasks, and those of each class
 * on its own? */
#include <stdlib.h>
#include <string.h>

#include "coco_data.h"
#include "executors.h"
#include "testing.h"

enum { CLASSES = 300, DETECTIONS = 30000, TARGETS = 15000, RECORDS = DETECTIONS + TARGETS };

static const vloss_executor *const executors[] = {NULL, &executor_reversed, &executor_threads};
enum { EXECUTORS = sizeof executors / sizeof *executors };

static double boxes[4 * DETECTIONS], scores[DETECTIONS], target_boxes[4 * TARGETS];
static int64_t classes[DETECTIONS], target_classes[TARGETS];
static uint8_t crowd[TARGETS];
static vloss_coco_record found[RECORDS], wanted[RECORDS];

/* Rare classes and one with half of everything. */
static int64_t draw_class(void) {
  return INT64_MAX - (data_below(2) ? 7 : (int64_t)data_below(CLASSES));
}

static void draw_box(double *box) {
  for (int c = 0; c < 4; c++) box[c] = (double)(1 + data_below(30));
}

static vloss_coco_image draw_image(void) {
  vloss_coco_image image = VLOSS_COCO_IMAGE_INIT;
  data_seed(1);
  for (size_t i = 0; i < DETECTIONS; i++) {
    draw_box(boxes + 4 * i);
    scores[i] = (double)data_below(50) / 50;
    classes[i] = draw_class();
  }
  for (size_t i = 0; i < TARGETS; i++) {
    draw_box(target_boxes + 4 * i);
    target_classes[i] = draw_class();
    crowd[i] = data_below(20) == 0;
  }
  image.detections = DETECTIONS;
  image.boxes = boxes;
  image.scores = scores;
  image.classes = classes;
  image.targets = TARGETS;
  image.target_boxes = target_boxes;
  image.target_classes = target_classes;
  image.target_crowd = crowd;
  return image;
}

static size_t match(const vloss_coco_image *image, const vloss_executor *executor,
                    vloss_coco_record *records) {
  vloss_coco_options o = VLOSS_COCO_OPTIONS_INIT;
  size_t size = vloss_coco_match_workspace(image->detections, image->targets), count;
  char *workspace = malloc(size + 1);
  o.executor = executor;
  assert_non_null(workspace);
  assert_int_equal(vloss_coco_match(image, &o, workspace + 1, size, RECORDS, records, &count),
                   VLOSS_OK);
  free(workspace);
  return count;
}

/* A class of the image alone, with a task of its own. */
static size_t match_class(const vloss_coco_image *whole, int64_t class_id,
                          vloss_coco_record *records) {
  vloss_coco_image image = VLOSS_COCO_IMAGE_INIT;
  double *own = malloc(9 * (DETECTIONS + TARGETS) * sizeof *own);
  uint8_t *flags = malloc(TARGETS);
  assert_true(own != NULL && flags != NULL);
  double *own_scores = own + 4 * DETECTIONS, *own_targets = own_scores + DETECTIONS;
  for (size_t i = 0; i < whole->detections; i++) {
    if (classes[i] != class_id) continue;
    memcpy(own + 4 * image.detections, boxes + 4 * i, 4 * sizeof *own);
    own_scores[image.detections++] = scores[i];
  }
  for (size_t i = 0; i < whole->targets; i++) {
    if (target_classes[i] != class_id) continue;
    memcpy(own_targets + 4 * image.targets, target_boxes + 4 * i, 4 * sizeof *own);
    flags[image.targets++] = crowd[i];
  }
  image.boxes = own;
  image.scores = own_scores;
  image.target_boxes = own_targets;
  image.target_crowd = flags;
  size_t count = match(&image, NULL, records);
  for (size_t i = 0; i < count; i++) records[i].class_id = class_id;
  free(own);
  free(flags);
  return count;
}

static void test_image(void **unused) {
  (void)unused;
  vloss_coco_image image = draw_image();
  size_t count = 0;
  for (size_t k = CLASSES; k-- > 0;)
    count += match_class(&image, INT64_MAX - (int64_t)k, wanted + count);
  for (size_t e = 0; e < EXECUTORS; e++) {
    size_t before = executor_most_tasks();
    memset(found, 0x55, sizeof found);
    assert_int_equal(match(&image, executors[e], found), count);
    assert_memory_equal(found, wanted, count * sizeof *found);
    if (e == 1) assert_true(executor_most_tasks() > before && executor_most_tasks() >= 50);
  }
}

typedef struct tables {
  double precision[10 * 101 * CLASSES * 4 * 3], scores[10 * 101 * CLASSES * 4 * 3];
  double recall[10 * CLASSES * 4 * 3];
  vloss_coco_summary summary;
} tables;

static tables first, other, one;

static void accumulate(const int64_t *list, size_t count, const vloss_executor *executor,
                       tables *t) {
  vloss_coco_options o = VLOSS_COCO_OPTIONS_INIT;
  size_t size = vloss_coco_accumulate_workspace(RECORDS);
  char *workspace = malloc(size + 1);
  assert_non_null(workspace);
  o.classes = list;
  o.class_count = count;
  o.executor = executor;
  memset(t, 0x55, sizeof *t);
  t->summary = (vloss_coco_summary)VLOSS_COCO_SUMMARY_INIT;
  assert_int_equal(vloss_coco_accumulate(found, RECORDS, &o, workspace + 1, size, t->precision,
                                         t->recall, t->scores, &t->summary),
                   VLOSS_OK);
  free(workspace);
}

/* The columns of one class have what its own tables have. */
static void assert_column(const double *all, const double *alone, size_t rows, size_t k) {
  const size_t inner = 4 * 3;
  for (size_t r = 0; r < rows; r++) {
    const double *row = all + (r * CLASSES + k) * inner;
    if (memcmp(row, alone + r * inner, inner * sizeof *row) != 0) fail_msg("class %zu differs", k);
  }
}

/* Records of all images as they may come: in any order, without a rule behind them. */
static void draw_records(void) {
  data_seed(2);
  for (size_t i = 0; i < RECORDS; i++) {
    uint32_t kind = data_below(3) ? VLOSS_COCO_RECORD_DETECTION : VLOSS_COCO_RECORD_TARGET;
    int target = kind == VLOSS_COCO_RECORD_TARGET;
    found[i] = (vloss_coco_record){.image_id = (int64_t)data_below(5000) - 2500,
                                   .class_id = draw_class(),
                                   .score = target ? 0 : (double)data_below(50) / 50,
                                   .matched = target ? 0 : data_below((uint64_t)1 << 40),
                                   .ignored = data_below((uint64_t)1 << 40),
                                   .rank = (uint32_t)data_below(120),
                                   .kind = kind};
  }
}

/* The summary of all tasks is that of the tables and records. */
static void check_summary(const tables *t) {
  size_t cells = 0, detections = 0, targets = 0;
  long double sum = 0;
  for (size_t i = 2; i < sizeof t->precision / sizeof(double); i += 3) { /* 100 detections */
    if (i / 3 % 4 != 0 || t->precision[i] < 0) continue;                 /* all areas */
    sum += t->precision[i];
    cells++;
  }
  for (size_t i = 0; i < RECORDS; i++) { /* none is there twice */
    if (found[i].kind == VLOSS_COCO_RECORD_TARGET)
      targets++;
    else
      detections += found[i].rank < 100;
  }
  double error = t->summary.ap - (double)(sum / (long double)cells);
  assert_true(error >= -1e-14 && error <= 1e-14);
  assert_int_equal(t->summary.detections, detections);
  assert_int_equal(t->summary.targets, targets);
}

static void test_tables(void **unused) {
  (void)unused;
  static int64_t list[CLASSES];
  for (size_t k = 0; k < CLASSES; k++) list[k] = INT64_MAX - CLASSES + 1 + (int64_t)k;
  size_t before = executor_most_tasks();
  for (size_t e = 0; e < EXECUTORS; e++) {
    for (int listed = 0; listed < 2; listed++) {
      tables *t = e || listed ? &other : &first;
      draw_records();
      accumulate(listed ? list : NULL, listed ? CLASSES : 0, executors[e], t);
      assert_int_equal(t->summary.class_count, CLASSES);
      assert_memory_equal(t, &first, sizeof first);
      if (!e && !listed) memcpy(wanted, found, sizeof found);
      assert_memory_equal(found, wanted, sizeof found);
    }
  }
  check_summary(&first);
  assert_true(before < 256 && executor_most_tasks() == 256);
  for (size_t k = 0; k < CLASSES; k += 13) {
    accumulate(list + k, 1, NULL, &one);
    assert_column(first.precision, one.precision, 10 * 101, k);
    assert_column(first.scores, one.scores, 10 * 101, k);
    assert_column(first.recall, one.recall, 10, k);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_image), cmocka_unit_test(test_tables)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
