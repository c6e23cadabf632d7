/* SPDX-License-Identifier: Apache-2.0 */
/* Is every label, class weight and family option checked before anything is written? */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "testing.h"
#include "untouched.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { ROWS = 600, CLASSES = 200, SEVERAL = 3 };

static void set_label(void *labels, vloss_label_type type, size_t index, int64_t value) {
  if (type == VLOSS_LABEL_INT64) ((int64_t *)labels)[index] = value;
  if (type == VLOSS_LABEL_INT32) ((int32_t *)labels)[index] = (int32_t)value;
  if (type == VLOSS_LABEL_UINT8) ((uint8_t *)labels)[index] = (uint8_t)value;
}

/* The bad labels of a type: just outside, far outside, and those that a narrowing cast would hide.
 * */
static size_t bad_labels(vloss_label_type type, const int64_t **values) {
  static const int64_t wide[] = {CLASSES,
                                 -1,
                                 -99,
                                 -101,
                                 INT64_MIN,
                                 INT64_MAX,
                                 (int64_t)1 << 32,
                                 -((int64_t)1 << 32),
                                 ((int64_t)1 << 32) - 100,
                                 INT32_MAX};
  static const int64_t narrow[] = {CLASSES, -1, -99, INT32_MIN, INT32_MAX, 256, 65536};
  static const int64_t bytes[] = {CLASSES, 255};
  *values = type == VLOSS_LABEL_INT64 ? wide : type == VLOSS_LABEL_INT32 ? narrow : bytes;
  if (type == VLOSS_LABEL_UINT8) return COUNT(bytes);
  return type == VLOSS_LABEL_INT64 ? COUNT(wide) : COUNT(narrow);
}

static void expect_bad_label(const problem *p, vloss_labels labels, size_t index) {
  call c = p->call;
  vloss_report report = VLOSS_REPORT_INIT;
  vloss_options options = p->options;
  options.report = &report;
  c.options = &options;
  c.labels = labels;
  expect_error(p, &c, VLOSS_ERROR_LABEL, "labels");
  assert_int_equal(call_run(&c), VLOSS_ERROR_LABEL);
  assert_int_equal(report.bad_label, index);
}

/* p's own labels are the ones that expect_error() watches; these calls bring others. */
static void labels_of(const problem *p, vloss_label_type type) {
  static int64_t labels[ROWS];
  static const size_t places[] = {0, 1, 31, ROWS / 2, ROWS - 2, ROWS - 1};
  const int64_t *values;
  size_t count = bad_labels(type, &values);
  vloss_labels given = {labels, type};
  for (size_t i = 0; i < ROWS; i++) set_label(labels, type, i, (int64_t)(i % CLASSES));
  for (size_t i = 0; i < COUNT(places); i++)
    for (size_t k = 0; k < count; k++) {
      set_label(labels, type, places[i], values[k]);
      expect_bad_label(p, given, places[i]);
      set_label(labels, type, ROWS - 1, values[0]); /* the first of two is reported */
      expect_bad_label(p, given, places[i]);
      set_label(labels, type, ROWS - 1, (ROWS - 1) % CLASSES);
      set_label(labels, type, places[i], (int64_t)(places[i] % CLASSES));
    }
  call c = p->call;
  c.labels = given;
  assert_int_equal(call_run(&c), VLOSS_OK);
}

/* Run f for every loss of rows that reads such an array, with ROWS rows; n and inner share them. */
static void for_each_rows(unsigned array, void (*f)(problem *p)) {
  size_t count;
  const vloss_loss *losses = chosen_losses(&count);
  for (size_t i = 0; i < count; i++)
    for (int type = 0; type < DTYPE_COUNT; type++) {
      static const size_t shape[] = {ROWS / SEVERAL, CLASSES, SEVERAL};
      if (!(losses[i].arrays & array)) continue;
      rng r = rng_init(data_seed(), i);
      call c = case_call(&losses[i], (dtype)type, 0);
      problem *p = problem_new(&r, &c, shape, DATA_PLAIN, VLOSS_NONE, EXTRA_CLASS_WEIGHT);
      f(p);
      problem_free(p);
    }
}

static void bad_labels_of_rows(problem *p) {
  for (int type = VLOSS_LABEL_INT64; type <= VLOSS_LABEL_UINT8; type++)
    labels_of(p, (vloss_label_type)type);
  static const int types[] = {-1, 3, 256};
  for (size_t i = 0; i < COUNT(types); i++) {
    call c = p->call;
    c.labels.type = (vloss_label_type)types[i];
    expect_error(p, &c, VLOSS_ERROR_ENUM, "labels");
  }
}

static void class_weights(problem *p) {
  static const double bad[] = {(double)NAN, -1, (double)INFINITY, -(double)INFINITY};
  static const size_t places[] = {0, CLASSES / 2, CLASSES - 1};
  for (size_t i = 0; i < COUNT(places); i++)
    for (size_t k = 0; k < COUNT(bad); k++) {
      double good = data_get(p->call.dtype, p->class_weight, places[i]);
      data_set(p->call.dtype, p->class_weight, places[i], bad[k]);
      expect_error(p, &p->call, VLOSS_ERROR_PARAMETER, "class_weight");
      data_set(p->call.dtype, p->class_weight, places[i], good);
    }
  assert_int_equal(call_run(&p->call), VLOSS_OK);
}

static void test_labels(void **state) {
  (void)state;
  for_each_rows(VLOSS_ARRAY_LABELS, bad_labels_of_rows);
}

static void test_class_weights(void **state) {
  (void)state;
  for_each_rows(VLOSS_ARRAY_CLASS_WEIGHT, class_weights);
}

/* Labels of 64 bits may be too many where logits of 32 are not. */
static void test_too_many_labels(void **state) {
  (void)state;
  float logit = 0, loss = 5;
  int64_t label = 0;
  vloss_labels labels = {&label, VLOSS_LABEL_INT64};
  size_t n = PTRDIFF_MAX / sizeof label + 1;
  assert_int_equal(vloss_cross_entropy_f32(&logit, labels, n, 1, 1, NULL, NULL, &loss, NULL),
                   VLOSS_ERROR_SIZE);
  assert_true(loss == 5);
}

static const size_t unknown_sizes[] = {0, 1, 8, 12, 1000, SIZE_MAX};

/* The structs that only a direct call can spoil, once per dtype and struct. */
static void test_struct_sizes(void **state) {
  (void)state;
  float f[20] = {0}, f_loss = 5, f_grad[20] = {5};
  double d[20] = {0}, d_loss = 5, d_grad[20] = {5};
  static const int64_t label[5] = {0};
  vloss_labels labels = {label, VLOSS_LABEL_INT64};
  vloss_report report = VLOSS_REPORT_INIT;
  vloss_options options = VLOSS_OPTIONS_INIT;
  options.report = &report;
  for (size_t i = 0; i < COUNT(unknown_sizes); i++) {
    vloss_box_options box = VLOSS_BOX_OPTIONS_INIT;
    vloss_cross_entropy_options ce = VLOSS_CROSS_ENTROPY_OPTIONS_INIT;
    vloss_overlap_options overlap = VLOSS_OVERLAP_OPTIONS_INIT;
    vloss_soft_options soft = VLOSS_SOFT_OPTIONS_INIT;
    vloss_teacher_options teacher = VLOSS_TEACHER_OPTIONS_INIT;
    box.struct_size = ce.struct_size = overlap.struct_size = unknown_sizes[i];
    soft.struct_size = teacher.struct_size = unknown_sizes[i];
#define BAD(call, name)                            \
  assert_int_equal(call, VLOSS_ERROR_STRUCT_SIZE); \
  assert_string_equal(report.argument, name)
    BAD(vloss_giou_f32(f, f + 8, 2, &box, &options, &f_loss, f_grad), "box");
    BAD(vloss_giou_f64(d, d + 8, 2, &box, &options, &d_loss, d_grad), "box");
    BAD(vloss_cross_entropy_f32(f, labels, 2, 3, 1, &ce, &options, &f_loss, f_grad),
        "cross_entropy");
    BAD(vloss_cross_entropy_f64(d, labels, 2, 3, 1, &ce, &options, &d_loss, d_grad),
        "cross_entropy");
    BAD(vloss_nll_f32(f, labels, 2, 3, 1, &ce, &options, &f_loss, f_grad), "cross_entropy");
    BAD(vloss_focal_softmax_f64(d, labels, 2, 3, 1, &ce, &options, &d_loss, d_grad),
        "cross_entropy");
    BAD(vloss_cross_entropy_soft_f32(f, f + 8, 2, 3, 1, &soft, &options, &f_loss, f_grad), "soft");
    BAD(vloss_cross_entropy_soft_f64(d, d + 8, 2, 3, 1, &soft, &options, &d_loss, d_grad), "soft");
    BAD(vloss_kl_div_with_logits_f32(f, f + 8, 2, 3, 1, &teacher, &options, &f_loss, f_grad),
        "teacher");
    BAD(vloss_js_div_with_logits_f64(d, d + 8, 2, 3, 1, &teacher, &options, &d_loss, d_grad),
        "teacher");
    BAD(vloss_dice_f32(f, f + 8, 2, 3, &overlap, &options, &f_loss, f_grad), "overlap");
    BAD(vloss_dice_f64(d, d + 8, 2, 3, &overlap, &options, &d_loss, d_grad), "overlap");
    BAD(vloss_tversky_f32(f, f + 8, 2, 3, &overlap, &options, &f_loss, f_grad), "overlap");
    BAD(vloss_tversky_f64(d, d + 8, 2, 3, &overlap, &options, &d_loss, d_grad), "overlap");
#undef BAD
    assert_true(f_loss == 5 && f_grad[0] == 5 && d_loss == 5 && d_grad[0] == 5);
  }
}

/* A field that only a neighbour has is not looked at; a loss's own flag is. */
static void test_foreign_options(void **state) {
  (void)state;
  float x[4] = {0, 1, 0, 1}, t[4] = {1, 0, 1, 1}, plain, loss = 5;
  vloss_report report = VLOSS_REPORT_INIT;
  vloss_options options = VLOSS_OPTIONS_INIT;
  options.report = &report;
  vloss_overlap_options overlap = VLOSS_OVERLAP_OPTIONS_INIT;
  assert_int_equal(vloss_tversky_f32(x, t, 1, 4, NULL, &options, &plain, NULL), VLOSS_OK);
  static const int flags[] = {-1, 1, 2, 256};
  for (size_t i = 0; i < COUNT(flags); i++) {
    overlap.squared = flags[i];
    assert_int_equal(vloss_tversky_f32(x, t, 1, 4, &overlap, &options, &loss, NULL), VLOSS_OK);
    assert_true(loss == plain);
    if (flags[i] == 1) continue;
    loss = 5;
    assert_int_equal(vloss_dice_f32(x, t, 1, 4, &overlap, &options, &loss, NULL), VLOSS_ERROR_ENUM);
    assert_string_equal(report.argument, "squared");
    assert_true(loss == 5);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_labels), cmocka_unit_test(test_class_weights),
      cmocka_unit_test(test_too_many_labels), cmocka_unit_test(test_struct_sizes),
      cmocka_unit_test(test_foreign_options)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
