/* SPDX-License-Identifier: Apache-2.0 */
/* Are box losses right where rounding is worst: beside an inverted axis of any length, which is its
 * centre, and where boxes have little in common? By known values, and against the oracle. */
#include <math.h>

#include "cases.h"
#include "data_values.h"
#include "mode.h"
#include "oracle.h"
#include "testing.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef struct known {
  const char *loss;
  double format, form; /* of iou */
  double input[4], target[4], expected;
} known;

static const known knowns[] = {
    {"giou", VLOSS_XYXY, 0, {0.5, 0, 0.5, 1}, {1e18, -1e18, -1e18, 1e18}, 2},
    {"eiou", VLOSS_XYXY, 0, {0.5, 0.25, 1.5, 1.25}, {1e18, -1e18, -1e18, 1e18}, 22.0 / 9},
    {"eiou", VLOSS_XYXY, 0, {0, 0, 2, 0}, {0, 0, 4, -0.0}, 1.3125},
    {"siou", VLOSS_XYXY, 0, {0, 0, 0.001, 1e18}, {1e18, -1e18, -1e18, 1e18}, 1.3473010},
    {"diou",
     VLOSS_XYXY,
     0,
     {0.10093873, 0.19702542, 0.2654449, 0.4966907},
     {3582.4099, 0.3, -3582.01, 0.6},
     1.0576358},
    {"giou", VLOSS_XYXY, 0, {0.1, 0.2, 0.25, 0.5}, {100.3, 0.3, -99.9, 0.6}, 1.25},
    {"iou", VLOSS_XYWH, VLOSS_IOU_LOG, {10, 10, 10, 10}, {0.1, 10, 9.91, 10}, 7.5959050},
};

static void known_values(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(knowns); i++) {
    const known *k = &knowns[i];
    float input[4], target[4], loss;
    for (size_t j = 0; j < 4; j++) {
      input[j] = (float)k->input[j];
      target[j] = (float)k->target[j];
    }
    call c = call_init(vloss_find_loss(k->loss), F32);
    assert_true(call_set(&c, "format", k->format));
    if (k->form != 0) assert_true(call_set(&c, "form", k->form));
    c.shape[0] = 1;
    c.input = input;
    c.target = target;
    c.loss_out = &loss;
    assert_int_equal(call_run(&c), VLOSS_OK);
    if (!(fabs(loss - k->expected) <= 5e-7 * k->expected))
      fail_msg("%s %zu: %.9g, expected %.9g", k->loss, i, loss, k->expected);
  }
}

/* One axis of a pair of boxes, as low and high corners. */
typedef struct axis_pair {
  double low, high, target_low, target_high;
} axis_pair;

typedef axis_pair make(rng *r, dtype type);

/* A length from 1 to far beyond the other box, as an inverted axis about a centre beside it. */
static void invert(rng *r, dtype type, double *low, double *high) {
  double spread = pow(10, rng_unit(r) * (type == F32 ? 17.5 : 149.5));
  double centre = rng_below(r, 2) ? 0 : rng_between(r, -1, 1);
  *low = centre + spread;
  *high = centre - spread * (rng_below(r, 4) ? 1 : rng_unit(r));
}

static axis_pair inverted(rng *r, dtype type) {
  axis_pair a;
  a.low = rng_between(r, -1, 1);
  a.high = a.low + rng_between(r, 0.01, 1);
  a.target_low = rng_between(r, -1, 1);
  a.target_high = a.target_low + rng_between(r, 0.01, 1);
  size_t which = rng_below(r, 4);
  if (which & 1) invert(r, type, &a.low, &a.high);
  if (which & 2) invert(r, type, &a.target_low, &a.target_high);
  return a;
}

/* An intersection of one in a million and up, or as thin a gap. */
static axis_pair touching(rng *r, dtype type) {
  (void)type;
  double width = rng_between(r, 0.1, 10), target_width = rng_between(r, 0.1, 10);
  double common = pow(10, rng_between(r, -6, 0)) * fmin(width, target_width);
  axis_pair a;
  a.low = rng_between(r, -10, 10);
  a.high = a.low + width;
  a.target_low = a.high - (rng_below(r, 4) ? common : -common);
  a.target_high = a.target_low + target_width;
  if (rng_below(r, 2)) return a;
  return (axis_pair){a.target_low, a.target_high, a.low, a.high};
}

/* The same edges, edges that meet, or one inside the other: but for a ten millionth and up. */
static axis_pair aligned(rng *r, dtype type) {
  (void)type;
  double off[4], low = rng_between(r, -1, 1), extent = rng_between(r, 0.1, 1), part = extent / 4;
  for (size_t k = 0; k < 4; k++) off[k] = rng_between(r, -1, 1) * pow(10, rng_between(r, -7, -2));
  axis_pair a = {low + off[0], low + extent + off[1], low + off[2], low + extent + off[3]};
  switch (rng_below(r, 3)) {
    case 0: return a;
    case 1: return (axis_pair){a.low, a.high, a.high + off[2], a.high + part};
    default: return (axis_pair){a.low, a.high, a.low + part, a.high - part};
  }
}

static void put(const call *c, void *array, size_t at, double low, double high) {
  double format = call_get(c, "format"), extent = high - low;
  data_set(c->dtype, array, at, format == (double)VLOSS_CXCYWH ? low + extent / 2 : low);
  data_set(c->dtype, array, at + 2, format == (double)VLOSS_XYXY ? high : extent);
}

static void check(rng *r, const call *c, make *axis) {
  size_t count = mode_emulated() ? 8 : 200, shape[3] = {count, 1, 1};
  problem *p = problem_new(r, c, shape, DATA_PLAIN, VLOSS_NONE, 0);
  verdict v = {0, 0, 0, 0, ""};
  for (size_t i = 0; i < 4 * count; i += i % 4 + 1 == 2 ? 3 : 1) {
    axis_pair a = axis(r, c->dtype);
    put(c, p->input, i, a.low, a.high);
    put(c, p->target, i, a.target_low, a.target_high);
  }
  assert_int_equal(call_run(&p->call), VLOSS_OK);
  oracle_check(&p->call, p->input, &v);
  if (v.failures > 0)
    fail_msg("on %s, VLOSS_TEST_SEED=%llu: %s", vloss_isa(), (unsigned long long)data_seed(),
             v.first);
  problem_free(p);
}

static void check_losses(const void *axis_maker) {
  make *axis = *(make *const *)axis_maker;
  size_t count;
  const vloss_loss *losses = chosen_losses(&count);
  for (size_t i = 0; i < count; i++)
    for (dtype type = F32; losses[i].family == VLOSS_BOXES && type < DTYPE_COUNT; type++) {
      rng r = rng_init(data_seed(), i * DTYPE_COUNT + type);
      for (size_t setting = 0; setting < case_settings(&losses[i]); setting++) {
        call c = case_call(&losses[i], type, setting);
        check(&r, &c, axis);
      }
    }
}

static void inverted_axes(void **state) {
  (void)state;
  for_each_isa(check_losses, &(make *){inverted});
}

static void little_in_common(void **state) {
  (void)state;
  for_each_isa(check_losses, &(make *){touching});
}

/* Powers between 1 and 2, whose slopes change fast next to 0. */
static void powers_next_to_zero(void **state) {
  (void)state;
  for (dtype type = F32; type < DTYPE_COUNT; type++) {
    rng r = rng_init(data_seed(), type);
    for (double format = VLOSS_XYXY; format <= VLOSS_CXCYWH; format++)
      for (double base = VLOSS_BASE_IOU; base <= VLOSS_BASE_CIOU; base++)
        for (double alpha = 1.1; alpha < 2; alpha += 0.4) {
          call c = call_init(vloss_find_loss("alpha_iou"), type);
          assert_true(call_set(&c, "format", format) && call_set(&c, "base", base));
          assert_true(call_set(&c, "alpha", alpha));
          check(&r, &c, aligned);
        }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(known_values), cmocka_unit_test(inverted_axes),
      cmocka_unit_test(little_in_common), cmocka_unit_test(powers_next_to_zero)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
