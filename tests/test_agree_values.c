/* SPDX-License-Identifier: Apache-2.0 */
/* Does every instruction set treat special values alike, in every lane, and does a NaN stay in its
 * sample? */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agree.h"
#include "mode.h"
#include "testing.h"

enum { SPECIALS = 20 };

static const double *specials(dtype type) {
  static const double narrow[SPECIALS] = {0,
                                          -0.0,
                                          0x1p-149,
                                          -0x1p-149,
                                          0x1.8p-128,
                                          -0x1.8p-128,
                                          0x1p-126,
                                          -0x1p-126,
                                          1,
                                          -1,
                                          0.5,
                                          -0.5,
                                          0x1p-24,
                                          -3,
                                          (double)FLT_MAX,
                                          -(double)FLT_MAX,
                                          (double)INFINITY,
                                          -(double)INFINITY,
                                          (double)NAN,
                                          1.0 + 0x1p-23};
  static const double broad[SPECIALS] = {0,
                                         -0.0,
                                         0x1p-1074,
                                         -0x1p-1074,
                                         0x1.8p-1024,
                                         -0x1.8p-1024,
                                         0x1p-1022,
                                         -0x1p-1022,
                                         1,
                                         -1,
                                         0.5,
                                         -0.5,
                                         0x1p-53,
                                         -3,
                                         DBL_MAX,
                                         -DBL_MAX,
                                         (double)INFINITY,
                                         -(double)INFINITY,
                                         (double)NAN,
                                         1.0 + 0x1p-52};
  return type == F32 ? narrow : broad;
}

/* Pairs: the whole cross product. Else: seeded draws, so that most samples hold several. */
static void fill_specials(rng *r, problem *p) {
  dtype type = p->call.dtype;
  const double *values = specials(type);
  for (size_t i = 0; i < p->elements; i++) {
    size_t pair = i % (SPECIALS * SPECIALS);
    int crossed = p->call.loss->family == VLOSS_ELEMENTS;
    double a = values[crossed ? pair % SPECIALS : rng_below(r, SPECIALS)];
    double b = values[crossed ? pair / SPECIALS : rng_below(r, SPECIALS)];
    data_set(type, p->input, i, a);
    if (p->target != NULL) data_set(type, p->target, i, b);
    if (p->variance != NULL) data_set(type, p->variance, i, values[rng_below(r, SPECIALS)]);
  }
}

static void cross(rng *r, const vloss_loss *loss, dtype type) {
  static const size_t shapes[][3] = {[VLOSS_ELEMENTS] = {SPECIALS * SPECIALS + 3, 1, 1},
                                     [VLOSS_BOXES] = {2000, 1, 1},
                                     [VLOSS_ROWS] = {300, 3, 1},
                                     [VLOSS_OVERLAP] = {90, 6, 3}};
  size_t shape[3];
  memcpy(shape, shapes[loss->family], sizeof shape);
  for (size_t setting = 0; setting < case_settings(loss); setting++) {
    if (mode_emulated() && setting % 7 != 0) continue;
    if (mode_emulated() && loss->family == VLOSS_BOXES) shape[0] = 200;
    call c = case_call(loss, type, setting);
    vloss_reduction reduction = setting % 4 == 3 ? VLOSS_SUM : VLOSS_NONE;
    problem *p =
        problem_new(r, &c, shape, DATA_PLAIN, reduction, (unsigned)rng_below(r, EXTRA_ALL + 1));
    fill_specials(r, p);
    agree_all(p, mode_emulated() ? 12 : 3);
    problem_free(p);
  }
}

static void test_cross_product(void **state) {
  (void)state;
  agree_for_each(cross);
}

static int is_nan(dtype type, const void *array, size_t index) {
  return isnan(data_get(type, array, index));
}

/* What an ignored row holds does not matter. */
static int is_ignored(const problem *p, size_t sample) {
  const call *c = &p->call;
  if (!(c->loss->arrays & VLOSS_ARRAY_LABELS)) return 0;
  vloss_labels labels = {p->labels, c->labels.type};
  return data_label(&labels, sample) == (int64_t)call_get(c, "ignore_index");
}

/* Whether a loss of log-probabilities does not read an element: another class than the label's. */
static int is_unread(const problem *p, size_t element) {
  const call *c = &p->call;
  if (strcmp(c->loss->name, "nll") != 0) return 0;
  vloss_labels labels = {p->labels, c->labels.type};
  size_t label = element / c->shape[2] % c->shape[1];
  return data_label(&labels, call_sample_of(c, element)) != (int64_t)label;
}

static const char *describe_case(const problem *p) {
  static char name[CASE_NAME];
  return case_name(&p->call, name, sizeof name);
}

/* Elements whose samples a softmax couples with those of element 0, element `count`, ... */
static size_t coupled(const call *c) {
  double grouping = call_get(c, "grouping");
  if (c->loss->family != VLOSS_OVERLAP || call_get(c, "activation") != VLOSS_SOFTMAX) return 1;
  return grouping == VLOSS_GROUP_IMAGE || grouping == VLOSS_GROUP_IMAGE_CHANNEL
             ? c->shape[1]
             : c->shape[0] * c->shape[1];
}

/* With NaN at `where` of the input or (`own`) the target, loss and gradient are NaN in that sample,
 * and what it is coupled with, and as before in all others. */
static void check_contained(const problem *p, size_t where, int own, const void *loss,
                            const void *grad) {
  dtype type = p->call.dtype;
  size_t size = dtype_size(type), sick = call_sample_of(&p->call, where), span = coupled(&p->call);
  if (is_ignored(p, sick) || is_unread(p, where)) sick = SIZE_MAX;
  unsigned char *ill = calloc(p->samples, 1);
  assert_non_null(ill);
  for (size_t i = 0; i < p->elements; i++) {
    const char *now = (const char *)p->grad + i * size, *before = (const char *)grad + i * size;
    size_t sample = call_sample_of(&p->call, i);
    int reached = sample == sick || (span > 1 && i / span == where / span);
    if (sample == sick || (reached && !own)) ill[sample] = 1;
    if (reached ? !is_nan(type, p->grad, i) : memcmp(now, before, size) != 0)
      fail_msg("%s: NaN at %zu, gradient[%zu]", describe_case(p), where, i);
  }
  for (size_t i = 0; i < p->samples; i++) {
    const char *now = (const char *)p->loss + i * size, *before = (const char *)loss + i * size;
    if (ill[i] ? !is_nan(type, p->loss, i) : memcmp(now, before, size) != 0)
      fail_msg("%s: NaN at %zu, loss[%zu]", describe_case(p), where, i);
  }
  free(ill);
}

static void *copy(const void *from, size_t bytes) {
  void *to = malloc(bytes);
  assert_non_null(to);
  return memcpy(to, from, bytes);
}

/* The gradient of a variance is NaN with that of the input, and there only. */
static void check_variance(const problem *p, size_t where) {
  for (size_t i = 0; p->variance != NULL && i < p->elements; i++)
    if (is_nan(p->call.dtype, p->grad_variance, i) != (i == where))
      fail_msg("%s: NaN at %zu, slope of variance %zu", describe_case(p), where, i);
}

static void one_nan(problem *p, void *array, size_t where, const void *loss, const void *grad) {
  double healthy = data_get(p->call.dtype, array, where);
  data_set(p->call.dtype, array, where, (double)NAN);
  agree_reference(p);
  check_contained(p, where, array == p->target, loss, grad);
  check_variance(p, where);
  for (size_t i = 0; i < agree_isas(); i++)
    agree_repeat(p, i, (repetition){PLACE_END, WANT_BOTH, NULL});
  data_set(p->call.dtype, array, where, healthy);
}

static void nan_everywhere(rng *r, const vloss_loss *loss, dtype type) {
  static const size_t shapes[][2][3] = {[VLOSS_ELEMENTS] = {{67, 1, 1}, {5, 1, 1}},
                                        [VLOSS_BOXES] = {{37, 1, 1}, {3, 1, 1}},
                                        [VLOSS_ROWS] = {{3, 5, 7}, {2, 67, 1}},
                                        [VLOSS_OVERLAP] = {{2, 66, 3}, {33, 4, 2}}};
  for (size_t setting = 0; setting < case_settings(loss); setting += mode_emulated() ? 9 : 3)
    for (size_t k = 0; k < 2; k++) {
      call c = case_call(loss, type, setting);
      problem *p = problem_new(r, &c, shapes[loss->family][k], DATA_PLAIN, VLOSS_NONE, 0);
      agree_reference(p);
      void *loss_before = copy(p->loss, p->samples * dtype_size(type));
      void *grad_before = copy(p->grad, p->elements * dtype_size(type));
      for (size_t i = 0; i < p->elements; i += mode_emulated() ? 11 : 1) {
        one_nan(p, p->input, i, loss_before, grad_before);
        if (p->target != NULL) one_nan(p, p->target, i, loss_before, grad_before);
        if (p->variance != NULL) one_nan(p, p->variance, i, loss_before, grad_before);
      }
      free(loss_before);
      free(grad_before);
      problem_free(p);
    }
}

static void test_nan_stays(void **state) {
  (void)state;
  agree_for_each(nan_everywhere);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_cross_product),
                                     cmocka_unit_test(test_nan_stays)};
  return cmocka_run_group_tests(tests, agree_start, agree_stop) != 0;
}
