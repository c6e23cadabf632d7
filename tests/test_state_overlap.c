/* SPDX-License-Identifier: Apache-2.0 */
/* Do overlap losses whose groups are cut into parts give the same bits for every cut, and what the
 * whole call gives, within the bounds of the losses? */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <vloss/state.h>
#include <vloss/vloss.h>

#include "cases.h"
#include "data.h"
#include "guard.h"
#include "mode.h"
#include "testing.h"

enum { MOST = 1 << 15, GROUPS_MOST = 64, IMAGES_MOST = 12 };

/* Images x channels x inner, and what is done with them. */
typedef struct cut_problem {
  const vloss_loss *loss;
  dtype type;
  size_t images, channels, inner, groups;
  vloss_overlap_options overlap;
  void *input, *target;
} cut_problem;

/* Images [first, first + images), and of each run [begin, begin + inner). */
typedef struct part {
  size_t first, images, begin, inner;
} part;

static guard input_guard, target_guard, grad_guard;

static size_t group_count(const cut_problem *p, size_t images) {
  switch (p->overlap.grouping) {
    case VLOSS_GROUP_IMAGE: return images;
    case VLOSS_GROUP_IMAGE_CHANNEL: return images * p->channels;
    case VLOSS_GROUP_CHANNEL: return p->channels;
    default: return 1;
  }
}

/* The first group of a part among all. */
static size_t first_group(const cut_problem *p, const part *x) {
  int shared = p->overlap.grouping >= VLOSS_GROUP_CHANNEL;
  return shared ? 0 : group_count(p, x->first);
}

static size_t part_size(const cut_problem *p, const part *x) { return p->channels * x->inner; }

/* Copies a part of an array to or from one of its own. */
static void copy_part(const cut_problem *p, const part *x, void *all, void *own, int back) {
  size_t width = dtype_size(p->type);
  for (size_t i = 0; i < x->images; i++)
    for (size_t k = 0; k < p->channels; k++) {
      size_t at = ((x->first + i) * p->channels + k) * p->inner + x->begin;
      char *a = (char *)all + at * width;
      char *b = (char *)own + (i * p->channels + k) * x->inner * width;
      memcpy(back ? a : b, back ? b : a, x->inner * width);
    }
}

static void add_part(const cut_problem *p, const part *x, vloss_group_sums *sums) {
  size_t size = part_size(p, x), bytes = x->images * size * dtype_size(p->type);
  void *input = guard_place(&input_guard, PLACE_END, bytes, 8);
  void *target = guard_place(&target_guard, PLACE_END, bytes, 8);
  copy_part(p, x, p->input, input, 0);
  copy_part(p, x, p->target, target, 0);
  vloss_status status = p->type == F32 ? vloss_group_sums_add_f32(p->loss, input, target, x->images,
                                                                  size, &p->overlap, NULL, sums)
                                       : vloss_group_sums_add_f64(p->loss, input, target, x->images,
                                                                  size, &p->overlap, NULL, sums);
  assert_int_equal(status, VLOSS_OK);
}

/* The gradient of the part goes to its place in `grad`, its losses to theirs. */
static void finish_part(const cut_problem *p, const part *x, const vloss_group_sums *sums,
                        const vloss_options *options, void *loss, void *grad) {
  size_t size = part_size(p, x), bytes = x->images * size * dtype_size(p->type);
  void *input = guard_place(&input_guard, PLACE_END, bytes, 8);
  void *target = guard_place(&target_guard, PLACE_START, bytes, 8);
  void *out = guard_place(&grad_guard, PLACE_END, bytes, 8);
  vloss_options own = *options;
  size_t first = first_group(p, x), offset = first * dtype_size(p->type);
  copy_part(p, x, p->input, input, 0);
  copy_part(p, x, p->target, target, 0);
  own.weight = (const char *)options->weight + offset;
  own.grad_output = (const char *)options->grad_output + offset;
  loss = (char *)loss + offset;
  vloss_status status =
      p->type == F32 ? vloss_overlap_from_sums_f32(p->loss, sums + first, input, target, x->images,
                                                   size, &p->overlap, &own, loss, out)
                     : vloss_overlap_from_sums_f64(p->loss, sums + first, input, target, x->images,
                                                   size, &p->overlap, &own, loss, out);
  assert_int_equal(status, VLOSS_OK);
  copy_part(p, x, grad, out, 1);
}

/* Cuts at random: by images, and runs at multiples of 2,048 where groups are cut along their runs.
 */
static size_t cut(rng *r, const cut_problem *p, size_t most, part *parts) {
  size_t count = 0;
  int along = p->channels == 1 || p->overlap.grouping == VLOSS_GROUP_CHANNEL ||
              p->overlap.grouping == VLOSS_GROUP_IMAGE_CHANNEL;
  int together = p->inner * p->channels < 64 || (p->channels > 1 && p->inner < 64);
  for (size_t i = 0, images; i < p->images; i += images) {
    images = p->images - i;
    if (!together && most > 1)
      images = 1 + rng_below(r, images);
    else if (p->inner == 1 && most > 1 && images > 2048)
      images = 2048;
    for (size_t at = 0, inner; at < p->inner; at += inner) {
      inner = p->inner - at;
      if (along && !together && most > 1 && inner > 2048)
        inner = 2048 * (1 + rng_below(r, inner / 2048));
      parts[count++] = (part){i, images, at, inner};
    }
  }
  for (size_t i = 0; i < count; i++) { /* in any order */
    size_t k = i + rng_below(r, count - i);
    part swap = parts[i];
    parts[i] = parts[k];
    parts[k] = swap;
  }
  return count;
}

typedef struct result {
  double loss[GROUPS_MOST], grad[MOST];
} result;

/* Sums of the parts in states of their own, which are merged in random order; then all results. */
static void run_parts(rng *r, const cut_problem *p, size_t most, const vloss_options *options,
                      result *to) {
  static vloss_group_sums states[4][GROUPS_MOST];
  part parts[IMAGES_MOST * 16];
  size_t count = cut(r, p, most, parts), live = 4;
  memset(states, 0, sizeof states);
  memset(to, 0, sizeof *to);
  for (size_t i = 0; i < count; i++)
    add_part(p, &parts[i], states[rng_below(r, 4)] + first_group(p, &parts[i]));
  for (; live > 1; live--)
    assert_int_equal(
        vloss_group_sums_merge(states[live - 1], p->groups, NULL, states[rng_below(r, live - 1)]),
        VLOSS_OK);
  for (size_t i = 0; i < count; i++)
    finish_part(p, &parts[i], states[0], options, to->loss, to->grad);
}

static void run_whole(const cut_problem *p, const vloss_options *options, result *to) {
  call c = call_init(p->loss, p->type);
  c.input = p->input;
  c.target = p->target;
  c.shape[0] = p->images;
  c.shape[1] = p->channels * p->inner;
  c.shape[2] = p->overlap.channels;
  c.options = options;
  c.loss_out = to->loss;
  c.grad = to->grad;
  call_set(&c, "activation", p->overlap.activation);
  call_set(&c, "grouping", p->overlap.grouping);
  call_set(&c, "smoothing", p->overlap.smoothing);
  call_set(&c, "gamma", p->overlap.gamma);
  call_set(&c, "log", p->overlap.log);
  call_set(&c, "squared", p->overlap.squared);
  assert_int_equal(call_run(&c), VLOSS_OK);
}

/* Two evaluations, each within the bounds of the losses: 5e-7 (1e-14) of max(loss, 1), twice that
 * of the largest gradient, times gamma, and times a weight of at most 4 that multiplies a loss. */
static void assert_close(const cut_problem *p, const result *a, const result *b) {
  double bound = 2 * (p->type == F32 ? 5e-7 : 1e-14) * fmax(1, p->overlap.gamma), steepest = 0;
  size_t count = p->images * p->channels * p->inner;
  for (size_t i = 0; i < count; i++) steepest = fmax(steepest, fabs(data_get(p->type, b->grad, i)));
  for (size_t i = 0; i < p->groups; i++) {
    double x = data_get(p->type, a->loss, i), y = data_get(p->type, b->loss, i);
    if (!(fabs(x - y) <= bound * fmax(4, fabs(y)))) fail_msg("loss %g, not %g", x, y);
  }
  for (size_t i = 0; i < count; i++) {
    double x = data_get(p->type, a->grad, i), y = data_get(p->type, b->grad, i);
    if (!(fabs(x - y) <= 2 * bound * steepest)) fail_msg("gradient %g, not %g", x, y);
  }
}

static void fill(rng *r, cut_problem *p) {
  size_t count = p->images * p->channels * p->inner;
  int logits = p->overlap.activation == VLOSS_SIGMOID;
  for (size_t i = 0; i < count; i++) {
    double x = logits ? rng_between(r, -6, 6) : rng_unit(r);
    data_set(p->type, p->input, i, x);
    data_set(p->type, p->target, i, rng_below(r, 4) == 0 ? 1 : 0);
  }
}

static int choose(rng *r, cut_problem *p) {
  static const char *const names[] = {"dice", "tversky", "jaccard", "focal_tversky"};
  static const size_t inners[] = {1, 7, 63, 64, 100, 2048, 2500, 6200};
  size_t which = rng_below(r, 4);
  p->loss = vloss_find_loss(names[which]);
  p->type = rng_below(r, 2) ? F64 : F32;
  p->images = 1 + rng_below(r, IMAGES_MOST);
  p->channels = 1 + rng_below(r, 4);
  p->inner = inners[rng_below(r, sizeof inners / sizeof *inners)];
  p->overlap = (vloss_overlap_options)VLOSS_OVERLAP_OPTIONS_INIT;
  if (which == 3) p->overlap = (vloss_overlap_options)VLOSS_FOCAL_TVERSKY_OPTIONS_INIT;
  p->overlap.activation = (vloss_activation)rng_below(r, 2);
  p->overlap.grouping = (vloss_grouping)rng_below(r, 4);
  p->overlap.channels = p->channels;
  if (p->inner == 1 && rng_below(r, 2)) p->images = 3000 + rng_below(r, 4000);
  p->overlap.squared = which == 0 && rng_below(r, 2);
  p->overlap.log = which != 3 && rng_below(r, 3) == 0;
  p->groups = group_count(p, p->images);
  return p->images * p->channels * p->inner <= MOST && p->groups <= GROUPS_MOST;
}

static void check_cuts(const void *context) {
  (void)context;
  static double input[MOST], target[MOST], weight[GROUPS_MOST], upstream[GROUPS_MOST];
  static result whole, one, cut_result;
  rng r = rng_init(data_seed(), 803);
  for (size_t round = 0; round < (mode_emulated() ? 20 : 300);) {
    cut_problem p = {.input = input, .target = target};
    if (!choose(&r, &p)) continue;
    round++;
    vloss_options options = VLOSS_OPTIONS_INIT;
    options.reduction = VLOSS_NONE;
    options.weight = weight;
    options.grad_output = upstream;
    fill(&r, &p);
    data_fill_weights(&r, p.type, p.groups, weight);
    data_fill_upstream(&r, p.type, p.groups, upstream);
    memset(&whole, 0, sizeof whole);
    run_whole(&p, &options, &whole);
    run_parts(&r, &p, 1, &options, &one);
    assert_close(&p, &one, &whole);
    for (size_t k = 0; k < 3; k++) {
      run_parts(&r, &p, 64, &options, &cut_result);
      assert_memory_equal(&one, &cut_result, sizeof one);
    }
  }
}

static void test_cuts(void **state) {
  (void)state;
  for_each_isa(check_cuts, NULL);
}

/* The same bits on every instruction set: a hash of sums and gradients. */
static void note_hash(const void *context) {
  static double input[MOST], target[MOST], ones[GROUPS_MOST];
  static result found;
  uint64_t *expected = *(uint64_t *const *)context, hash = DATA_HASH_INIT;
  rng r = rng_init(data_seed(), 804);
  for (size_t round = 0; round < 40;) {
    cut_problem p = {.input = input, .target = target};
    if (!choose(&r, &p)) continue;
    round++;
    vloss_options options = VLOSS_OPTIONS_INIT;
    options.reduction = VLOSS_NONE;
    fill(&r, &p);
    for (size_t i = 0; i < GROUPS_MOST; i++) data_set(p.type, ones, i, 1);
    options.weight = options.grad_output = ones;
    run_parts(&r, &p, 64, &options, &found);
    hash = data_hash(hash, p.type, found.grad, p.images * p.channels * p.inner);
    hash = data_hash(hash, p.type, found.loss, p.groups);
  }
  if (*expected == 0) *expected = hash;
  assert_true(hash == *expected);
}

static void test_instruction_sets(void **state) {
  (void)state;
  uint64_t expected = 0, *where = &expected;
  for_each_isa(note_hash, &where);
}

/* An empty part returns the loss of its groups; a NaN reaches all of a group,
 * unless that has no weight. */
static void test_edges(void **state) {
  (void)state;
  const vloss_loss *dice = vloss_find_loss("dice");
  const float input[4] = {1, 0, .5f, (float)NAN}, target[4] = {1, 0, 1, 0};
  float loss = 9, whole = 8, grad[4];
  vloss_overlap_options o = VLOSS_OVERLAP_OPTIONS_INIT;
  vloss_group_sums sums = VLOSS_GROUP_SUMS_INIT;
  o.grouping = VLOSS_GROUP_BATCH;
  assert_int_equal(vloss_group_sums_add_f32(dice, input, target, 1, 3, &o, NULL, &sums), VLOSS_OK);
  assert_int_equal(vloss_group_sums_add_f32(dice, NULL, NULL, 0, 3, &o, NULL, &sums), VLOSS_OK);
  assert_int_equal(
      vloss_overlap_from_sums_f32(dice, &sums, NULL, NULL, 0, 3, &o, NULL, &loss, NULL), VLOSS_OK);
  assert_int_equal(vloss_dice_f32(input, target, 1, 3, &o, NULL, &whole, NULL), VLOSS_OK);
  assert_true(loss == whole);
  assert_int_equal(vloss_group_sums_add_f32(dice, input + 3, target + 3, 1, 1, &o, NULL, &sums),
                   VLOSS_OK);
  assert_int_equal(
      vloss_overlap_from_sums_f32(dice, &sums, input, target, 1, 3, &o, NULL, &loss, grad),
      VLOSS_OK);
  assert_true(isnan(loss) && isnan(grad[0]) && isnan(grad[1]) && isnan(grad[2]));
  const float nothing = 0;
  vloss_options weightless = VLOSS_OPTIONS_INIT;
  weightless.weight = &nothing;
  assert_int_equal(
      vloss_overlap_from_sums_f32(dice, &sums, input, target, 1, 3, &o, &weightless, &loss, grad),
      VLOSS_OK);
  assert_true(loss == 0 && grad[0] == 0 && grad[1] == 0 && grad[2] == 0);
}

static void expect_errors(const vloss_loss *loss, const vloss_overlap_options *o, size_t groups,
                          vloss_status status, const char *argument) {
  const float input[4] = {0, 0, 0, 0};
  vloss_group_sums sums[4] = {VLOSS_GROUP_SUMS_INIT};
  float grad[4] = {7, 7, 7, 7}, out = 7;
  vloss_report report = VLOSS_REPORT_INIT;
  vloss_options options = VLOSS_OPTIONS_INIT;
  sums[0].product.limb[3] = 5;
  vloss_group_sums before = sums[0];
  assert_int_equal(vloss_group_sums_add_f32(loss, input, input, groups, 4, o, &report, sums),
                   status);
  assert_string_equal(report.argument, argument);
  report.argument = "";
  options.report = &report;
  assert_int_equal(
      vloss_overlap_from_sums_f32(loss, sums, input, input, groups, 4, o, &options, &out, grad),
      status);
  assert_string_equal(report.argument, argument);
  assert_memory_equal(&before, &sums[0], sizeof before);
  assert_true(out == 7 && grad[0] == 7 && grad[3] == 7);
}

static void test_errors(void **state) {
  (void)state;
  const vloss_loss *dice = vloss_find_loss("dice");
  vloss_overlap_options o = VLOSS_OVERLAP_OPTIONS_INIT;
  expect_errors(NULL, &o, 1, VLOSS_ERROR_NULL, "about");
  expect_errors(vloss_find_loss("mse"), &o, 1, VLOSS_ERROR_PARAMETER, "about");
  expect_errors(dice, &o, SIZE_MAX / 2, VLOSS_ERROR_SIZE, "size");
  o.activation = VLOSS_SOFTMAX;
  o.channels = 2;
  expect_errors(dice, &o, 1, VLOSS_ERROR_ENUM, "activation");
  o.activation = VLOSS_IDENTITY;
  o.channels = 3;
  expect_errors(dice, &o, 1, VLOSS_ERROR_PARAMETER, "channels");
  o.channels = 0;
  o.grouping = VLOSS_GROUP_CHANNEL;
  expect_errors(dice, &o, 1, VLOSS_ERROR_PARAMETER, "channels");
  o.struct_size = 2;
  expect_errors(dice, &o, 1, VLOSS_ERROR_STRUCT_SIZE, "overlap");

  vloss_report report = VLOSS_REPORT_INIT;
  vloss_options options = VLOSS_OPTIONS_INIT;
  vloss_group_sums sums = VLOSS_GROUP_SUMS_INIT;
  double loss;
  const double input[2] = {0, 1};
  options.report = &report;
  assert_int_equal(vloss_group_sums_add_f64(dice, input, NULL, 1, 2, NULL, &report, &sums),
                   VLOSS_ERROR_NULL);
  assert_string_equal(report.argument, "target");
  assert_int_equal(vloss_group_sums_add_f64(dice, input, input, 1, 2, NULL, &report, NULL),
                   VLOSS_ERROR_NULL);
  assert_string_equal(report.argument, "sums");
  assert_int_equal(
      vloss_group_sums_add_f64(dice, (double *)&sums, input, 1, 2, NULL, &report, &sums),
      VLOSS_ERROR_OVERLAP);
  assert_string_equal(report.argument, "sums");
  assert_int_equal(
      vloss_overlap_from_sums_f64(dice, NULL, input, input, 1, 2, NULL, &options, &loss, NULL),
      VLOSS_ERROR_NULL);
  assert_string_equal(report.argument, "sums");
  assert_int_equal(vloss_overlap_from_sums_f64(dice, &sums, input, input, 1, 2, NULL, &options,
                                               (double *)&sums, NULL),
                   VLOSS_ERROR_OVERLAP);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_cuts),
      cmocka_unit_test(test_instruction_sets),
      cmocka_unit_test(test_edges),
      cmocka_unit_test(test_errors),
  };
  input_guard = guard_new(MOST * 8 + 8);
  target_guard = guard_new(MOST * 8 + 8);
  grad_guard = guard_new(MOST * 8 + 8);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
