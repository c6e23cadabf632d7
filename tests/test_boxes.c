/* SPDX-License-Identifier: Apache-2.0 */
/* Is every box loss free of NaN on all pairs of degenerate boxes, and finite where it promises to
 * be, on each instruction set? */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cases.h"
#include "data_values.h"
#include "mode.h"
#include "testing.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* One axis of a box, and whether finite results are promised for it. */
typedef struct span {
  double low, extent;
  int promised;
} span;

enum { PLACES = 7, EXTENTS = 13, SPANS = PLACES * EXTENTS };

static void make_spans(dtype type, span spans[SPANS]) {
  double far = type == F32 ? 0x1p59 : 0x1p497, least = type == F32 ? 0x1p-60 : 0x1p-500;
  double most = value_largest(type), normal = type == F32 ? (double)FLT_MIN : DBL_MIN;
  const double places[PLACES] = {0, 1, -1, 1000.25, -far, far / 2, least};
  const double extents[EXTENTS] = {0,       1,     0.5,         least,       least * 1.75,
                                   far / 4, -1,    -least,      normal / 64, least * 0x1p-20,
                                   most,    -most, normal * 1.5};
  size_t count = 0;
  for (size_t i = 0; i < PLACES; i++)
    for (size_t k = 0; k < EXTENTS; k++) {
      double extent = extents[k], size = fabs(extent);
      int promised = size == 0 || (size >= least && size <= far);
      spans[count++] = (span){places[i], extent, promised};
    }
}

static void put(const call *c, void *array, size_t box, size_t axis, span s) {
  double most = value_largest(c->dtype), format = call_get(c, "format");
  double first = s.low, second = s.extent;
  if (format == (double)VLOSS_XYXY) second = fmin(most, fmax(-most, s.low + s.extent));
  if (format == (double)VLOSS_CXCYWH) first = s.low + s.extent / 2;
  data_set(c->dtype, array, box * 4 + axis, first);
  data_set(c->dtype, array, box * 4 + axis + 2, second);
}

/* Corners that are rounded together may leave a smaller extent than was asked for. */
static int still_promised(const call *c, const void *array, size_t box) {
  double least = c->dtype == F32 ? 0x1p-60 : 0x1p-500;
  for (size_t axis = 0; axis < 2 && call_get(c, "format") == (double)VLOSS_XYXY; axis++) {
    double low = data_get(c->dtype, array, box * 4 + axis);
    double extent = fabs(data_get(c->dtype, array, box * 4 + axis + 2) - low);
    if (extent != 0 && extent < least) return 0;
  }
  return 1;
}

enum { BOXES = 4000 };
static double input[4 * BOXES], target[4 * BOXES], loss[BOXES], grad[4 * BOXES]; /* floats too */
static int promised[BOXES];

enum { PAIRS = EXTENTS * EXTENTS * EXTENTS * EXTENTS };

/* Every pair of kinds of boxes takes its turn, by the extents of both; their places are random, and
 * some boxes are identical. `turn` goes on from setting to setting. */
static void make_boxes(rng *r, const call *c, size_t count, size_t *turn) {
  span spans[SPANS];
  make_spans(c->dtype, spans);
  for (size_t box = 0; box < count; box++) {
    size_t pair = *turn * 10007 % PAIRS; /* a prime, no factor of PAIRS */
    int same = rng_below(r, 8) == 0;
    *turn += !same;
    promised[box] = 1;
    for (size_t axis = 0; axis < 2; axis++) {
      span p = spans[rng_below(r, PLACES) * EXTENTS + pair % EXTENTS];
      span t = spans[rng_below(r, PLACES) * EXTENTS + pair / EXTENTS % EXTENTS];
      pair /= EXTENTS * EXTENTS;
      if (rng_below(r, 4) == 0) p.low = t.low;
      if (same) p = t;
      put(c, input, box, axis, p);
      put(c, target, box, axis, t);
      promised[box] &= p.promised && t.promised;
    }
    promised[box] &= still_promised(c, input, box) && still_promised(c, target, box);
  }
}

static void check_box(const call *c, size_t box) {
  char name[CASE_NAME];
  for (size_t k = 0; k < 5; k++) {
    double value = k == 4 ? data_get(c->dtype, loss, box) : data_get(c->dtype, grad, 4 * box + k);
    if (!isnan(value) && (isfinite(value) || !promised[box])) continue;
    double b[8];
    for (size_t i = 0; i < 8; i++)
      b[i] = data_get(c->dtype, i < 4 ? (void *)input : (void *)target, 4 * box + i % 4);
    fail_msg("%s on %s: %s is %g for (%a %a %a %a) and (%a %a %a %a)",
             case_name(c, name, sizeof name), vloss_isa(), k == 4 ? "the loss" : "a slope", value,
             b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]);
  }
}

static void check_boxes(const call *c, size_t count) {
  assert_int_equal(call_run(c), VLOSS_OK);
  for (size_t box = 0; box < count; box++) check_box(c, box);
}

static void check_zero(const call *c, const void *array, size_t i, const char *what) {
  char name[CASE_NAME];
  if (data_get(c->dtype, array, i) != 0)
    fail_msg("%s on %s: 0 times %s is not 0", case_name(c, name, sizeof name), vloss_isa(), what);
}

/* A weight of 0 must not meet an infinity; every third box has it. */
static void check_weights(const call *c, vloss_options *options, size_t count) {
  static double weight[BOXES]; /* or floats */
  for (size_t box = 0; box < count; box++) data_set(c->dtype, weight, box, box % 3 ? 0.75 : 0);
  options->weight = weight;
  check_boxes(c, count);
  for (size_t box = 0; box < count; box += 3) {
    check_zero(c, loss, box, "a loss");
    for (size_t k = 0; k < 4; k++) check_zero(c, grad, 4 * box + k, "a slope");
  }
  options->weight = NULL;
}

/* Nor an upstream gradient of 0; and the sum of any losses is a number. */
static void check_reduced(const call *c, vloss_options *options, size_t count) {
  double upstream = 0;
  options->grad_output = &upstream;
  for (vloss_reduction reduction = VLOSS_MEAN; reduction <= VLOSS_SUM; reduction++) {
    char name[CASE_NAME];
    options->reduction = reduction;
    assert_int_equal(call_run(c), VLOSS_OK);
    if (isnan(data_get(c->dtype, loss, 0)))
      fail_msg("%s on %s: the reduced loss is NaN", case_name(c, name, sizeof name), vloss_isa());
    for (size_t k = 0; k < 4 * count; k++) check_zero(c, grad, k, "a slope");
  }
  options->grad_output = NULL;
}

static void check_setting(rng *r, call c, size_t count, size_t *turn) {
  vloss_options options = VLOSS_OPTIONS_INIT;
  make_boxes(r, &c, count, turn);
  options.reduction = VLOSS_NONE;
  c.options = &options;
  c.shape[0] = count;
  c.input = input;
  c.target = target;
  c.loss_out = loss;
  c.grad = grad;
  check_boxes(&c, count);
  check_weights(&c, &options, count);
  check_reduced(&c, &options, count);
}

static void check_isa(const void *nothing) {
  (void)nothing;
  size_t count, boxes = mode_emulated() ? 60 : BOXES;
  const vloss_loss *losses = chosen_losses(&count);
  for (size_t i = 0; i < count; i++) {
    if (losses[i].family != VLOSS_BOXES) continue;
    for (dtype type = F32; type < DTYPE_COUNT; type++) {
      rng r = rng_init(data_seed(), i * DTYPE_COUNT + type);
      size_t turn = 0;
      for (size_t setting = 0; setting < case_settings(&losses[i]); setting++)
        check_setting(&r, case_call(&losses[i], type, setting), boxes, &turn);
      if (!mode_emulated()) assert_true(turn >= PAIRS);
    }
  }
}

static void test_degenerate_boxes(void **state) {
  (void)state;
  for_each_isa(check_isa, NULL);
}

/* Half inner and half outer, the edges of identical boxes cancel: to the last bit. */
static void test_identical_boxes(void **state) {
  (void)state;
  size_t count;
  const vloss_loss *losses = chosen_losses(&count);
  for (size_t i = 0; i < count; i++) {
    if (losses[i].family != VLOSS_BOXES) continue;
    for (dtype type = F32; type < DTYPE_COUNT; type++) {
      rng r = rng_init(data_seed(), type);
      call c = call_init(&losses[i], type);
      for (size_t k = 0; k < 4 * BOXES; k++) {
        double value = k % 4 < 2 ? rng_between(&r, -1, 1) : rng_between(&r, 1, 3);
        data_set(type, input, k, value);
        data_set(type, target, k, value);
      }
      c.shape[0] = BOXES;
      c.input = input;
      c.target = target;
      c.grad = grad;
      assert_int_equal(call_run(&c), VLOSS_OK);
      for (size_t k = 0; k < 4 * BOXES; k++)
        if (data_get(type, grad, k) != 0) fail_msg("%s: %zu moves", losses[i].name, k);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_degenerate_boxes),
                                     cmocka_unit_test(test_identical_boxes)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
