/* SPDX-License-Identifier: Apache-2.0 */
/* Do overlap losses without smoothing keep what is far below 1: products of a prediction and a
 * target that are too small for the type? */
#include <math.h>
#include <string.h>

#include "cases.h"
#include "oracle.h"
#include "testing.h"

/* Faint targets, or predictions too: there the slopes exceed the type. */
static void fill_faint(rng *r, problem *p, size_t mode) {
  dtype type = p->call.dtype;
  int logits = call_get(&p->call, "activation") != 0, lowest = type == F32 ? 149 : 1000;
  for (size_t i = 0; i < p->elements; i++) {
    int small = (int)rng_below(r, (size_t)(mode == 2 ? lowest : lowest / 2));
    double x = ldexp(1 + rng_unit(r), mode == 0 ? -(int)rng_below(r, 20) : -small);
    if (logits) x = -16 * rng_unit(r) - (mode == 0 ? 0 : lowest / 4);
    data_set(type, p->input, i, x);
    data_set(type, p->target, i, ldexp(1, -lowest + (int)rng_below(r, mode == 2 ? 20 : 60)));
  }
}

static void check_faint(rng *r, const vloss_loss *loss, dtype type, const size_t shape[3]) {
  call c = call_init(loss, type);
  (void)call_set(&c, "smoothing", 0);
  (void)call_set(&c, "gamma", 1);
  (void)call_set(&c, "squared", (double)rng_below(r, 2));
  (void)call_set(&c, "activation", (double)rng_below(r, 3));
  (void)call_set(&c, "grouping", (double)rng_below(r, 4));
  problem *p = problem_new(r, &c, shape, DATA_PLAIN, VLOSS_NONE, 0);
  verdict v = {0, 0, 0, 0, ""};
  size_t mode = rng_below(r, 3);
  fill_faint(r, p, mode);
  if (mode > 0) p->call.grad = NULL;
  for (size_t isa = 0; isa < vloss_isa_count(); isa++) {
    if (vloss_set_isa(vloss_isa_name(isa)) != VLOSS_OK) continue;
    assert_int_equal(call_run(&p->call), VLOSS_OK);
    oracle_check(&p->call, p->input, &v);
  }
  if (v.failures > 0) fail_msg("%s", v.first);
  assert_int_equal(vloss_set_isa(NULL), VLOSS_OK);
  problem_free(p);
}

static void test_faint_products(void **state) {
  (void)state;
  static const size_t shapes[][3] = {{1, 1, 1}, {3, 4, 2}, {2, 700, 1}, {70, 6, 3}};
  size_t count;
  const vloss_loss *losses = chosen_losses(&count);
  for (size_t i = 0; i < count; i++)
    for (dtype type = F32; losses[i].family == VLOSS_OVERLAP && type < DTYPE_COUNT; type++) {
      rng r = rng_init(data_seed(), 2 * i + type);
      for (size_t k = 0; k < 400; k++) check_faint(&r, &losses[i], type, shapes[k % 4]);
    }
}

/* D = 2 p t / (p^2 + t^2) is above 2 t / p, so that the slope is above 0. */
static void test_sign_of_a_faint_slope(void **state) {
  (void)state;
  const float z = -15.87F, t = 1e-40F;
  float loss, grad;
  vloss_overlap_options own = VLOSS_OVERLAP_OPTIONS_INIT;
  own.activation = VLOSS_SIGMOID;
  own.smoothing = 0;
  own.squared = 1;
  assert_int_equal(vloss_dice_f32(&z, &t, 1, 1, &own, NULL, &loss, &grad), VLOSS_OK);
  assert_true(loss == 1 && grad > 1.56e-33F && grad < 1.561e-33F);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_sign_of_a_faint_slope),
                                     cmocka_unit_test(test_faint_products)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
