/* SPDX-License-Identifier: Apache-2.0 */
/* Does a program that was compiled against the header of 0.1 get what it got, and do structs grow
 * as the header says? */
#include <vloss/vloss.h>

#include "abi_0_1.h"
#include "api/check.h"
#include "testing.h"

#define OLD(type, name, ...) type##_0_1 name = {sizeof name, __VA_ARGS__}
#define AS(name, old) ((const vloss_##name##_options *)(const void *)&(old))
#define OPTIONS(old) ((const vloss_options *)(const void *)&(old))

static const double x[] = {0.25, 0.5, 0.75, 0.875}, t[] = {0.5, 0.25, 1, 0.75};
static const double variances[] = {1, 2, 0.5, 4};
enum { COUNT = 4 };

/* A call with the structs of 0.1 is one with the defaults. */
static void same(vloss_status old_status, vloss_status status, const double *old,
                 const double *now) {
  assert_int_equal(old_status, VLOSS_OK);
  assert_int_equal(status, VLOSS_OK);
  for (int i = 0; i <= COUNT; i++) assert_true(old[i] == now[i]);
}

#define SAME(function, own, ...)                                                        \
  do {                                                                                  \
    report_0_1 report = {sizeof report, 0, 0, 0, 0, 0, 0, NULL};                        \
    OLD(options, options, VLOSS_MEAN, NULL, 0, 1, NULL, NULL, &report);                 \
    double old[COUNT + 1] = {0}, now[COUNT + 1] = {0};                                  \
    same(function(__VA_ARGS__, own, OPTIONS(options), old, old + 1),                    \
         function(__VA_ARGS__, NULL, NULL, now, now + 1), old, now);                    \
    assert_true(report.weight > 0 && report.bad_label == SIZE_MAX && !report.argument); \
  } while (0)

static void test_first_release(void **state) {
  (void)state;
  static const uint8_t classes[] = {1, 0};
  const vloss_labels labels = {classes, VLOSS_LABEL_UINT8};
  OLD(poisson_nll, poisson_nll, 1, 0, 1e-8);
  OLD(binary, binary, NULL, 1, 1);
  OLD(focal, focal, 0.25, 2, 2);
  OLD(focal, varifocal, 0.75, 2, 2);
  OLD(box, box, VLOSS_XYXY, 0, VLOSS_IOU_LINEAR, 1e-6, 0, 0.5, 0, VLOSS_BASE_IOU, 1, 3, 4);
  OLD(cross_entropy, cross_entropy, NULL, 0, -100, 2);
  OLD(soft, soft, NULL, 0);
  OLD(teacher, teacher, VLOSS_TEACHER_PROBABILITIES, 1, 0);
  OLD(overlap, overlap, VLOSS_IDENTITY, 1e-5, 1, 0, 0, 0.5, 0.5, VLOSS_GROUP_IMAGE, 0);
  OLD(overlap, focal_tversky, VLOSS_IDENTITY, 1e-5, 4.0 / 3, 0, 0, 0.7, 0.3, VLOSS_GROUP_IMAGE, 0);
  SAME(vloss_poisson_nll_f64, AS(poisson_nll, poisson_nll), x, t, COUNT);
  SAME(vloss_binary_cross_entropy_with_logits_f64, AS(binary, binary), x, t, COUNT);
  SAME(vloss_focal_f64, AS(focal, focal), x, t, COUNT);
  SAME(vloss_varifocal_f64, AS(focal, varifocal), x, t, COUNT);
  SAME(vloss_siou_f64, AS(box, box), x, t, 1);
  SAME(vloss_focal_softmax_f64, AS(cross_entropy, cross_entropy), x, labels, 2, 2, 1);
  SAME(vloss_cross_entropy_soft_f64, AS(soft, soft), x, t, 2, 2, 1);
  SAME(vloss_kl_div_with_logits_f64, AS(teacher, teacher), x, t, 2, 2, 1);
  SAME(vloss_dice_f64, AS(overlap, overlap), x, t, 1, COUNT);
  SAME(vloss_focal_tversky_f64, AS(overlap, focal_tversky), x, t, 1, COUNT);
}

static void test_first_release_two_gradients(void **state) {
  (void)state;
  OLD(gaussian_nll, gaussian_nll, 0, 1e-6);
  double old[COUNT + 1], now[COUNT + 1];
  same(vloss_gaussian_nll_f64(x, t, variances, COUNT, AS(gaussian_nll, gaussian_nll), NULL, old,
                              old + 1, NULL),
       vloss_gaussian_nll_f64(x, t, variances, COUNT, NULL, NULL, now, now + 1, NULL), old, now);
}

/* A struct with fields from three releases. */
typedef struct grown {
  size_t struct_size;
  double alpha;
  double beta;
  int flag;
} grown;

static const vloss_parameter grown_fields[] = {
    {"alpha", 1, 0, 9, NULL, 0, offsetof(grown, alpha)},
    {"beta", 2, 0, 9, NULL, 0, offsetof(grown, beta)},
    {"flag", 1, 0, 1, "no|yes", 0, offsetof(grown, flag)},
};
static const vloss_loss grown_loss = {"grown", VLOSS_ELEMENTS, 0, grown_fields, 3};

/* Reads a struct of the size that a release knew, where everything beyond is out of range. */
static vloss_status read_grown(size_t size, grown *to) {
  const grown from = {size, 5, size > offsetof(grown, beta) ? 6 : -1,
                      size > offsetof(grown, flag) ? 0 : 7};
  request r = {.status = VLOSS_OK};
  const void *given = request_struct(&r, "grown", &from, STRUCT_SIZES(grown, alpha));
  request_fields(&r, &grown_loss, given, to);
  return r.status;
}

static void test_growth(void **state) {
  (void)state;
  grown to = {0};
  assert_int_equal(read_grown(offsetof(grown, beta), &to), VLOSS_OK);
  assert_true(to.alpha == 5 && to.beta == 2 && to.flag == 1);
  assert_int_equal(read_grown(offsetof(grown, flag), &to), VLOSS_OK);
  assert_true(to.alpha == 5 && to.beta == 6 && to.flag == 1);
  assert_int_equal(read_grown(sizeof to, &to), VLOSS_OK);
  assert_true(to.alpha == 5 && to.beta == 6 && to.flag == 0);
  assert_int_equal(read_grown(offsetof(grown, alpha), &to), VLOSS_ERROR_STRUCT_SIZE);
  assert_int_equal(read_grown(sizeof to + 8, &to), VLOSS_ERROR_STRUCT_SIZE);
}

/* A report is written as far as the program knows it. */
static void test_growth_of_outputs(void **state) {
  (void)state;
  const grown whole = {0, 5, 6, 7};
  grown to = {offsetof(grown, beta), 1, 2, 3};
  struct_put(&to, &whole);
  assert_true(to.struct_size == offsetof(grown, beta) && to.alpha == 5 && to.beta == 2);
  to.struct_size = sizeof to;
  struct_put(&to, &whole);
  assert_true(to.struct_size == sizeof to && to.beta == 6 && to.flag == 7);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_first_release), cmocka_unit_test(test_first_release_two_gradients),
      cmocka_unit_test(test_growth), cmocka_unit_test(test_growth_of_outputs)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
