/* SPDX-License-Identifier: Apache-2.0 */
/* Do the gradients of oracle and library match central differences of the oracle? Where a softmax
 * couples samples the library gives the sum of their gradients; test_oracle.c compares that. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cases.h"
#include "mode.h"
#include "oracle.h"
#include "testing.h"

/* Relative step; by five points the difference has an error near 2^-45 with 64 bits of digits. */
#define STEP 0x1p-16L
#define SLACK 0x1p-32L
/* Differences over one and two steps are this close where the loss is smooth. */
#define SMOOTH 0x1p-22L

typedef struct tally {
  size_t compared, kinks;
  wide oracle, library; /* worst errors */
} tally;

/* A sample whose inputs can be moved, and what the oracle says there. */
typedef struct probe {
  walk walk;
  wide *moved, held;
  truth there;
} probe;

static wide loss_at(probe *p, size_t k, wide x) {
  sample s = p->walk.sample;
  wide kept = p->moved[k];
  p->moved[k] = x;
  s.input = p->moved;
  s.held = &p->held;
  p->walk.function(&s, &p->there);
  p->moved[k] = kept;
  return p->there.loss;
}

/* The derivative by input k, or NaN where there is none. */
static wide derivative(probe *p, size_t k) {
  wide x = p->moved[k], h = STEP * fmaxl(fabsl(x), 0x1p-4L), f[5];
  for (int i = 0; i < 5; i++) f[i] = loss_at(p, k, x + (i - 2) * h);
  wide left = (f[2] - f[0]) / (2 * h), right = (f[4] - f[2]) / (2 * h);
  wide near = (f[3] - f[1]) / (2 * h), far = (f[4] - f[0]) / (4 * h);
  wide size = fmaxl(1, fmaxl(fabsl(left), fabsl(right)));
  if (fabsl(right - left) > 0x1p-8L * size || fabsl(near - far) > SMOOTH * size) return (wide)NAN;
  return near + (near - far) / 3;
}

static void compare(const call *c, probe *p, size_t k, tally *t) {
  char name[CASE_NAME];
  size_t at = walk_element(&p->walk, k);
  wide d = derivative(p, k), oracle = p->walk.truth.grad[k];
  wide library = walk_written(&p->walk, k);
  wide size = fmaxl(1, fmaxl(fabsl(oracle), p->walk.truth.grad_size[k]));
  if (isnan(d)) {
    t->kinks++;
    return;
  }
  t->compared++;
  t->oracle = fmaxl(t->oracle, fabsl(oracle - d) / size);
  if (!oracle_is_coupled(c)) t->library = fmaxl(t->library, fabsl(library - d) / size);
  if (!(fabsl(oracle - d) <= SLACK * size))
    fail_msg("%s: the oracle's gradient %zu is %.15Lg, differences give %.15Lg",
             case_name(c, name, sizeof name), at, oracle, d);
  if (!oracle_is_coupled(c) &&
      !(fabsl(library - d) <= (SLACK + oracle_grad_bound(c->dtype)) * size))
    fail_msg("%s: gradient %zu is %.15Lg, differences give %.15Lg", case_name(c, name, sizeof name),
             at, library, d);
}

static void compare_samples(const problem *from, tally *t) {
  probe p = {.walk = walk_begin(&from->call, from->input)};
  size_t count = p.walk.sample.count;
  wide *memory = malloc(3 * count * sizeof(wide));
  assert_non_null(memory);
  p.moved = memory;
  p.there.grad = memory + count;
  p.there.grad_size = memory + 2 * count;
  for (size_t i = 0; i < from->samples; i++) {
    walk_truth(&p.walk, i);
    for (size_t k = 0; k < count; k++) p.moved[k] = p.walk.sample.input[k];
    p.held = p.walk.truth.held;
    if (p.walk.ignored) continue;
    for (size_t k = 0; k < count; k++) compare(&from->call, &p, k, t);
  }
  free(memory);
  walk_end(&p.walk);
}

/* Values in the middle of a loss's domain. */
static void check_loss(const vloss_loss *loss, dtype type) {
  static const size_t shapes[][3] = {[VLOSS_ELEMENTS] = {60, 1, 1},
                                     [VLOSS_BOXES] = {60, 1, 1},
                                     [VLOSS_ROWS] = {12, 5, 2},
                                     [VLOSS_OVERLAP] = {6, 12, 3}};
  tally t = {0, 0, 0, 0};
  rng r = rng_init(data_seed(), type);
  size_t count = case_settings(loss);
  for (size_t setting = 0; setting < count; setting += mode_emulated() ? 7 : 1) {
    call c = case_call(loss, type, setting);
    unsigned extras = setting % 2 ? EXTRA_CLASS_WEIGHT | EXTRA_IGNORED : 0;
    problem *p = problem_new(&r, &c, shapes[loss->family], DATA_PLAIN, VLOSS_SUM, extras);
    assert_int_equal(call_run(&p->call), VLOSS_OK);
    compare_samples(p, &t);
    problem_free(p);
  }
  printf("%-24s %s: %zu slopes, worst error oracle %.1Le, library %.1Le, %zu at kinks\n",
         loss->name, dtype_name(type), t.compared, t.oracle, t.library, t.kinks);
  assert_in_range(t.kinks, 0, t.compared / 4);
}

static void gradients(void **state) {
  (void)state;
  size_t count;
  const vloss_loss *losses = chosen_losses(&count);
  for (size_t i = 0; i < count; i++)
    for (dtype type = F32; type < DTYPE_COUNT; type++) check_loss(&losses[i], type);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(gradients)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
