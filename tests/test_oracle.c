/* SPDX-License-Identifier: Apache-2.0 */
/* How far is the library from the truth, against the promised bound? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "mode.h"
#include "oracle.h"
#include "testing.h"

/* Worst errors of a loss in one dtype, in units of the bound. */
enum { MOST_LOSSES = 256 };
static verdict verdicts[MOST_LOSSES][DTYPE_COUNT];
static size_t calls;

static void every_loss_has_an_oracle(void **state) {
  (void)state;
  size_t count;
  const vloss_loss *losses = chosen_losses(&count);
  assert_in_range(count, 1, MOST_LOSSES);
  for (size_t i = 0; i < count; i++)
    if (oracle_find(losses[i].name) == NULL) fail_msg("no oracle for %s", losses[i].name);
}

static void run(const call *c) {
  char name[CASE_NAME];
  vloss_status status = call_run(c);
  if (status != VLOSS_OK)
    fail_msg("%s: %s (%s)", case_name(c, name, sizeof name), vloss_status_string(status),
             c->options->report->argument);
  calls++;
}

static void *copy(const void *from, size_t bytes) {
  void *to = malloc(bytes + 1);
  assert_non_null(to);
  return memcpy(to, from, bytes);
}

/* The gradient written over the input must have the bits of the one written beside it. */
static void check_in_place(const problem *p) {
  call c = p->call;
  size_t size = dtype_size(c.dtype), bytes = p->elements * size, where = 0;
  char name[CASE_NAME];
  void *both = copy(p->input, bytes), *loss = malloc(p->loss_count * size + 1);
  assert_non_null(loss);
  memset(loss, 0x5a, p->loss_count * size);
  c.input = c.grad = both;
  c.loss_out = loss;
  if (p->variance != NULL) c.variance = c.grad_variance = copy(p->variance, bytes);
  run(&c);
  if (!data_same(c.dtype, both, p->grad, p->elements, &where))
    fail_msg("%s: in place, gradient %zu differs", case_name(&c, name, sizeof name), where);
  if (!data_same(c.dtype, loss, p->loss, p->loss_count, &where))
    fail_msg("%s: in place, loss %zu differs", case_name(&c, name, sizeof name), where);
  if (p->variance != NULL &&
      !data_same(c.dtype, c.grad_variance, p->grad_variance, p->elements, &where))
    fail_msg("%s: in place, slope of variance %zu differs", case_name(&c, name, sizeof name),
             where);
  if (p->variance != NULL) free(c.grad_variance);
  free(both);
  free(loss);
}

static verdict *verdict_of(const call *c) {
  return &verdicts[c->loss - vloss_losses(NULL)][c->dtype];
}

static double larger(double a, double b) { return a > b ? a : b; }

/* The first failures are shown, all of them with VLOSS_TEST_SHOW_ALL=1. */
static void merge(verdict *all, const verdict *one, data_kind kind) {
  enum { SHOWN = 5 };
  all->loss = larger(all->loss, one->loss);
  all->reduced = larger(all->reduced, one->reduced);
  all->grad = larger(all->grad, one->grad);
  if (one->failures == 0) return;
  if (++all->failures <= SHOWN || mode_set("VLOSS_TEST_SHOW_ALL"))
    printf("%s: %s\n", data_kind_name(kind), one->first);
}

static void check(rng *r, const call *c, const size_t shape[3], data_kind kind,
                  vloss_reduction reduction, unsigned extras) {
  problem *p = problem_new(r, c, shape, kind, reduction, extras);
  verdict v = {0, 0, 0, 0, ""};
  run(&p->call);
  oracle_check(&p->call, p->input, &v);
  merge(verdict_of(c), &v, kind);
  check_in_place(p);
  problem_free(p);
}

static void check_setting(rng *r, const call *c) {
  size_t n = mode_full() ? 1000 : mode_emulated() ? 3 : 40, shape[3];
  for (size_t variant = 0; case_shape(c->loss->family, n, variant, shape); variant++)
    for (data_kind kind = 0; kind < DATA_KINDS; kind++)
      for (vloss_reduction reduction = VLOSS_MEAN; reduction <= VLOSS_NONE; reduction++) {
        unsigned some = (unsigned)rng_below(r, EXTRA_ALL + 1);
        if (!mode_thorough() && rng_below(r, 2) > 0) continue;
        check(r, c, shape, kind, reduction, 0);
        check(r, c, shape, kind, reduction, some);
      }
}

/* Every setting of every loss on every kind of data. */
static void settings(void **state) {
  (void)state;
  size_t count;
  const vloss_loss *losses = chosen_losses(&count);
  for (size_t i = 0; i < count; i++)
    for (dtype type = F32; type < DTYPE_COUNT; type++) {
      rng r = rng_init(data_seed(), i * DTYPE_COUNT + type);
      size_t settings_count = case_settings(&losses[i]);
      for (size_t setting = 0; setting < settings_count; setting++) {
        call c = case_call(&losses[i], type, setting);
        check_setting(&r, &c);
      }
    }
}

/* Many samples of one call: rare bad luck, and long sums. */
static void check_long(const vloss_loss *loss, dtype type, size_t elements, data_kind kind) {
  static const size_t shapes[][3] = {[VLOSS_ELEMENTS] = {1, 1, 1},
                                     [VLOSS_BOXES] = {4, 1, 1},
                                     [VLOSS_ROWS] = {1000, 1000, 1},
                                     [VLOSS_OVERLAP] = {4, 1, 1}};
  size_t shape[3];
  memcpy(shape, shapes[loss->family], sizeof shape);
  shape[0] = elements / shape[0];
  if (loss->family == VLOSS_OVERLAP) {
    shape[1] = shape[0];
    shape[0] = 4;
  }
  rng r = rng_init(data_seed(), elements + type);
  call c = case_call(loss, type, 0);
  if (kind != DATA_PLAIN) {
    check(&r, &c, shape, kind, VLOSS_NONE, 0);
    return;
  }
  check(&r, &c, shape, kind, VLOSS_MEAN, 0);
  if (loss->family != VLOSS_ROWS || type == F32) return;
  /* the mean's denominator is a long sum too */
  shape[0] = (size_t)1 << 20;
  shape[1] = 5;
  check(&r, &c, shape, kind, VLOSS_MEAN, EXTRA_CLASS_WEIGHT);
}

static void long_calls(void **state) {
  (void)state;
  size_t count, longest = (size_t)1 << 24,
                usual = (size_t)1 << (mode_full()       ? 22
                                      : mode_thorough() ? 18
                                                        : 16);
  const vloss_loss *losses = chosen_losses(&count);
  unsigned families = 0;
  if (mode_emulated()) skip();
  for (size_t i = 0; i < count; i++) {
    int first = !(families >> losses[i].family & 1);
    families |= 1u << losses[i].family;
    if (first || mode_full()) check_long(&losses[i], F32, longest, DATA_PLAIN);
    for (dtype type = F32; type < DTYPE_COUNT; type++) {
      check_long(&losses[i], type, usual, DATA_PLAIN);
      check_long(&losses[i], type, usual, DATA_NASTY);
    }
  }
}

static void within_the_bound(void **state) {
  (void)state;
  size_t count, failures = 0;
  const vloss_loss *losses = chosen_losses(&count);
  printf("largest error over %zu calls on %s, in units of the bound\n", calls, vloss_isa());
  printf("%-24s %-4s %10s %10s %10s\n", "loss", "", "sample", "reduced", "gradient");
  for (size_t i = 0; i < count; i++)
    for (dtype type = F32; type < DTYPE_COUNT; type++) {
      const verdict *v = &verdicts[&losses[i] - vloss_losses(NULL)][type];
      printf("%-24s %-4s %10.3g %10.3g %10.3g\n", losses[i].name, dtype_name(type), v->loss,
             v->reduced, v->grad);
      if (v->failures > 0) printf("  %zu calls outside the bound\n", v->failures);
      failures += v->failures;
    }
  assert_int_equal(failures, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_loss_has_an_oracle),
      cmocka_unit_test(settings),
      cmocka_unit_test(long_calls),
      cmocka_unit_test(within_the_bound),
  };
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
