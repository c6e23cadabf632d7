/* SPDX-License-Identifier: Apache-2.0 */
/* Do probabilities that rounding has left outside [0, 1] give the bits of 0 and 1, in every loss
 * that takes probabilities and on every instruction set, and those further outside NaN? */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "oracle.h"
#include "testing.h"

static const double units[] = {0x1p-23, 0x1p-52};

static void *copy(const void *from, size_t bytes) {
  void *to = malloc(bytes + 1);
  assert_non_null(to);
  return memcpy(to, from, bytes);
}

/* Some are certain or impossible. */
static void make_ends(rng *r, dtype type, void *array, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (i == 0 || rng_below(r, 3) == 0) data_set(type, array, i, (double)rng_below(r, 2));
}

/* Those at an end by up to 16 units in the last place of 1 outside; returns how many. */
static size_t push_ends(rng *r, dtype type, void *array, size_t count) {
  size_t pushed = 0;
  for (size_t i = 0; i < count; i++) {
    double value = data_get(type, array, i), off = (double)(1 + rng_below(r, 16)) * units[type];
    if ((value != 0 && value != 1) || (pushed > 0 && rng_below(r, 8))) continue;
    data_set(type, array, i, value == 0 ? -off : 1 + off);
    pushed++;
  }
  return pushed;
}

/* Loss and gradient, beside the input or over it. */
static void run(problem *p, int in_place, void *loss, void *grad) {
  size_t bytes = p->elements * dtype_size(p->call.dtype);
  call c = p->call;
  c.loss_out = loss;
  c.grad = grad;
  if (in_place) c.input = memcpy(grad, p->input, bytes);
  assert_int_equal(call_run(&c), VLOSS_OK);
}

static const char *name_of(const problem *p) {
  static char text[CASE_NAME];
  return case_name(&p->call, text, sizeof text);
}

static void expect_same_bits(rng *r, problem *p, void *array) {
  dtype type = p->call.dtype;
  size_t size = dtype_size(type), where = 0;
  make_ends(r, type, array, p->elements);
  run(p, 0, p->loss, p->grad);
  assert_int_equal(p->report.degenerate, 0);
  void *loss = copy(p->loss, p->loss_count * size), *grad = copy(p->grad, p->elements * size);
  assert_true(push_ends(r, type, array, p->elements) > 0);
  for (int in_place = 0; in_place < 2; in_place++) {
    run(p, in_place, loss, grad);
    if (!data_same(type, loss, p->loss, p->loss_count, &where))
      fail_msg("%s: loss %zu is %g, not %g", name_of(p), where, data_get(type, loss, where),
               data_get(type, p->loss, where));
    if (!data_same(type, grad, p->grad, p->elements, &where))
      fail_msg("%s: gradient %zu is %g, not %g", name_of(p), where, data_get(type, grad, where),
               data_get(type, p->grad, where));
    assert_int_equal(p->report.degenerate, 0);
  }
  free(loss);
  free(grad);
}

/* One unit further it is no probability: NaN in its sample, and counted. */
static void expect_nan(rng *r, problem *p, void *array) {
  dtype type = p->call.dtype;
  size_t at = rng_below(r, p->elements), sick = call_sample_of(&p->call, at);
  double off = 17 * units[type];
  data_set(type, array, at, rng_below(r, 2) ? -off : 1 + off);
  run(p, (int)rng_below(r, 2), p->loss, p->grad);
  assert_int_equal(p->report.degenerate, 1);
  for (size_t i = 0; i < p->samples; i++)
    assert_int_equal(isnan(data_get(type, p->loss, i)) != 0, i == sick);
  for (size_t i = 0; i < p->elements; i++)
    assert_int_equal(isnan(data_get(type, p->grad, i)) != 0, call_sample_of(&p->call, i) == sick);
}

static void check_shape(rng *r, const call *c, const size_t shape[3]) {
  for (int input = 0; input < 2; input++) {
    if (!(input ? oracle_probable_input(c) : oracle_probable_target(c))) continue;
    problem *p = problem_new(r, c, shape, DATA_PLAIN, VLOSS_NONE, 0);
    expect_same_bits(r, p, input ? p->input : p->target);
    expect_nan(r, p, input ? p->input : p->target);
    problem_free(p);
  }
}

/* Loops and their ends; few classes, many, and rows that lie in lanes. */
static void check_loss(rng *r, const vloss_loss *loss, dtype type) {
  static const size_t lengths[][3] = {{3000, 1, 1}, {37, 1, 1}};
  static const size_t rows[][3] = {{41, 5, 1}, {3, 700, 1}, {2, 4, 45}, {2, 110, 3}, {33, 2, 1}};
  int pairs = loss->family == VLOSS_ELEMENTS;
  for (size_t setting = 0; setting < case_settings(loss); setting++)
    for (size_t k = 0; k < (pairs ? 2 : 5); k++) {
      call c = case_call(loss, type, setting);
      if (loss->family <= VLOSS_ROWS) check_shape(r, &c, pairs ? lengths[k] : rows[k]);
    }
}

static void test_ends(void **state) {
  (void)state;
  size_t count;
  const vloss_loss *losses = chosen_losses(&count);
  for (size_t isa = 0; isa < vloss_isa_count(); isa++) {
    if (vloss_set_isa(vloss_isa_name(isa)) != VLOSS_OK) continue;
    for (size_t i = 0; i < count; i++)
      for (dtype type = F32; type < DTYPE_COUNT; type++) {
        rng r = rng_init(data_seed(), 2 * i + type);
        check_loss(&r, &losses[i], type);
      }
  }
  assert_int_equal(vloss_set_isa(NULL), VLOSS_OK);
}

/* Seven normalised weights, and PyTorch's value for what their sum may be. */
static void test_sum_of_weights(void **state) {
  (void)state;
  const float z = 0, t = 1 + 0x1p-23F;
  float loss, grad;
  assert_int_equal(vloss_binary_cross_entropy_with_logits_f32(&z, &t, 1, NULL, NULL, &loss, &grad),
                   VLOSS_OK);
  assert_true(fabsf(loss - 0.693147181F) < 1e-7F && grad == -0.5F);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_ends),
                                     cmocka_unit_test(test_sum_of_weights)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
