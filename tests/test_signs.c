/* SPDX-License-Identifier: Apache-2.0 */
/* Is -0 the same number as 0, whatever a loss reads it as? Samples of 0, -0, 1/2 and 1 in all
 * combinations, with such weights, upstream gradients, options and parameters, give what they give
 * without the signs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "mode.h"
#include "testing.h"

enum { VALUES = 4, MOST_SAMPLES = 1 << 12 };
static const double values[VALUES] = {0, -0.0, 0.5, 1};

/* Numbers that a sample is made of, and a shape of some samples. */
static size_t shape_of(const call *c, size_t samples, size_t shape[3]) {
  size_t digits = 1;
  if (c->loss->arrays & VLOSS_ARRAY_TARGET) digits++;
  if (c->loss->arrays & VLOSS_ARRAY_VARIANCE) digits++;
  shape[0] = samples;
  shape[1] = shape[2] = 1;
  switch (c->loss->family) {
    case VLOSS_ELEMENTS: return digits;
    case VLOSS_BOXES: return 4 * digits;
    case VLOSS_ROWS: shape[1] = 3; break;
    case VLOSS_OVERLAP: shape[1] = shape[2] = 3; break;
  }
  return 3 * digits;
}

/* Every combination takes its turn, from setting to setting too. */
static void fill(problem *p, size_t digits, size_t *turn) {
  void *const arrays[] = {p->input, p->target, p->variance};
  size_t combinations = (size_t)1 << (2 * digits), count = p->elements / p->call.shape[0];
  for (size_t sample = 0; sample < p->call.shape[0]; sample++) {
    size_t combination = (*turn)++ * 10007 % combinations; /* a prime */
    for (size_t i = 0; i < 3; i++)
      for (size_t k = 0; k < count && arrays[i] != NULL; k++, combination /= VALUES)
        data_set(p->call.dtype, arrays[i], sample * count + k, values[combination % VALUES]);
  }
}

static void draw(rng *r, dtype type, void *array, size_t count) {
  for (size_t i = 0; array != NULL && i < count; i++)
    data_set(type, array, i, values[rng_below(r, VALUES)]);
}

static void without_sign(double *value) {
  if (*value == 0) *value = 0;
}

static void without_signs(dtype type, void *array, size_t count) {
  for (size_t i = 0; array != NULL && i < count; i++)
    if (data_get(type, array, i) == 0) data_set(type, array, i, 0);
}

/* Every 0 of a problem has a sign, or none. */
static void sign_numbers(problem *p) {
  for (size_t i = 0; i < p->call.loss->parameter_count; i++)
    if (p->call.parameters[i] == 0) p->call.parameters[i] = -0.0;
  if (p->options.scale == 0) p->options.scale = -0.0;
  p->options.divisor = -0.0;
}

static void remove_signs(problem *p) {
  dtype type = p->call.dtype;
  void *const samples[] = {p->input, p->target, p->variance};
  for (size_t i = 0; i < 3; i++) without_signs(type, samples[i], p->elements);
  without_signs(type, p->weight, p->samples);
  without_signs(type, p->grad_output, p->options.reduction == VLOSS_NONE ? p->samples : 1);
  without_signs(type, p->class_weight, p->call.shape[1]);
  for (size_t i = 0; i < p->call.loss->parameter_count; i++) without_sign(&p->call.parameters[i]);
  without_sign(&p->options.scale);
  without_sign(&p->options.divisor);
}

static int same(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

static void compare(const problem *p, const void *signs, const void *none, size_t count,
                    const char *what) {
  dtype type = p->call.dtype;
  char name[CASE_NAME];
  for (size_t i = 0; none != NULL && i < count; i++)
    if (!same(data_get(type, signs, i), data_get(type, none, i)))
      fail_msg("%s reduction=%d on %s, VLOSS_TEST_SEED=%llu: %s[%zu] is %g, without signs %g",
               case_name(&p->call, name, sizeof name), (int)p->options.reduction, vloss_isa(),
               (unsigned long long)data_seed(), what, i, data_get(type, signs, i),
               data_get(type, none, i));
}

static void *moved(const void *from, size_t bytes) {
  void *to = malloc(bytes + 1);
  assert_non_null(to);
  if (from != NULL) memcpy(to, from, bytes);
  return to;
}

static void check_problem(problem *p) {
  size_t size = dtype_size(p->call.dtype);
  sign_numbers(p);
  assert_int_equal(call_run(&p->call), VLOSS_OK);
  vloss_report report = p->report;
  void *loss = moved(p->loss, p->loss_count * size), *grad = moved(p->grad, p->elements * size);
  void *grad_variance = moved(p->grad_variance, p->elements * size);
  remove_signs(p);
  assert_int_equal(call_run(&p->call), VLOSS_OK);
  compare(p, loss, p->loss, p->loss_count, "loss");
  compare(p, grad, p->grad, p->elements, "gradient");
  compare(p, grad_variance, p->grad_variance, p->elements, "slope of variance");
  assert_true(same(report.sum, p->report.sum) && same(report.weight, p->report.weight));
  assert_true(report.ignored == p->report.ignored && report.degenerate == p->report.degenerate);
  free(loss);
  free(grad);
  free(grad_variance);
}

static void check_setting(rng *r, const call *c, size_t setting, size_t *turn) {
  size_t shape[3], digits = shape_of(c, 1, shape), most = mode_emulated() ? 64 : MOST_SAMPLES;
  size_t combinations = (size_t)1 << (2 * digits);
  (void)shape_of(c, combinations < most ? combinations : most, shape);
  vloss_reduction reduction = (vloss_reduction)(setting % (VLOSS_NONE + 1));
  unsigned extras = setting % 2 ? EXTRA_ALL & ~(unsigned)EXTRA_IGNORED : 0;
  problem *p = problem_new(r, c, shape, DATA_PLAIN, reduction, extras);
  fill(p, digits, turn);
  draw(r, c->dtype, p->weight, p->samples);
  draw(r, c->dtype, p->class_weight, p->call.shape[1]);
  draw(r, c->dtype, p->grad_output, reduction == VLOSS_NONE ? p->samples : 1);
  if (setting % 4 == 3) p->options.scale = 0;
  check_problem(p);
  problem_free(p);
}

static void check_isa(const void *nothing) {
  (void)nothing;
  size_t count;
  const vloss_loss *losses = chosen_losses(&count);
  for (size_t i = 0; i < count; i++)
    for (dtype type = F32; type < DTYPE_COUNT; type++) {
      rng r = rng_init(data_seed(), i * DTYPE_COUNT + type);
      size_t turn = 0, settings = case_settings(&losses[i]);
      for (size_t k = 0; k < settings || k < 2 * 3 * 4; k++) {
        call c = case_call(&losses[i], type, k % settings);
        check_setting(&r, &c, k, &turn);
      }
    }
}

static void zeros_have_no_sign(void **state) {
  (void)state;
  for_each_isa(check_isa, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(zeros_have_no_sign)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
