/* SPDX-License-Identifier: Apache-2.0 */
/* Does a call allocate, print or abort? And do AVX2 kernels leave the upper halves of the registers
 * clean? */
#include "cases.h"
#include "dispatch.h"
#include "executors.h"
#include "testing.h"
#include "watch.h"

/* Some shape and setting of every loss, good calls and refused ones, one by one. */
static void each_call(void (*check)(problem *p)) {
  static const size_t shapes[][3][3] = {
      [VLOSS_ELEMENTS] = {{77, 1, 1}, {3, 1, 1}, {70001, 1, 1}},
      [VLOSS_BOXES] = {{77, 1, 1}, {3, 1, 1}, {10001, 1, 1}},
      [VLOSS_ROWS] = {{40, 10, 1}, {3, 1000, 2}, {2, 20001, 1}},
      [VLOSS_OVERLAP] = {{7, 33, 3}, {100, 40, 5}, {2, 70002, 6}}};
  size_t count;
  const vloss_loss *losses = chosen_losses(&count);
  for (size_t i = 0; i < count * DTYPE_COUNT * 9; i++) {
    const vloss_loss *loss = &losses[i % count];
    size_t variant = i / count / DTYPE_COUNT;
    rng r = rng_init(data_seed(), i);
    call c = case_call(loss, (dtype)(i / count % DTYPE_COUNT), rng_below(&r, case_settings(loss)));
    problem *p =
        problem_new(&r, &c, shapes[loss->family][variant % 3], DATA_SPECIAL,
                    (vloss_reduction)(variant / 3), (unsigned)rng_below(&r, EXTRA_ALL + 1));
    if (i % 4 == 1) p->options.executor = &executor_reversed;
    check(p);
    p->options.divisor = -1; /* an error takes other paths */
    check(p);
    problem_free(p);
  }
}

static void quiet(problem *p) {
  watch_begin();
  vloss_status status = call_run(&p->call);
  const char *forbidden = watch_end();
  assert_int_equal(status, p->options.divisor < 0 ? VLOSS_ERROR_PARAMETER : VLOSS_OK);
  if (forbidden != NULL) fail_msg("%s calls %s()", p->call.loss->name, forbidden);
}

static void test_quiet(void **state) {
  (void)state;
  watch_check();
  watch_begin(); /* first use */
  const char *names[] = {vloss_isa(), vloss_version(), vloss_status_string(VLOSS_OK),
                         vloss_isa_name(0)};
  vloss_status status = vloss_set_isa("none");
  assert_null(watch_end());
  assert_int_equal(status, VLOSS_ERROR_ISA);
  assert_non_null(names[0]);
  each_call(quiet);
  for (size_t i = 0; i < vloss_isa_count(); i++)
    if (vloss_set_isa(vloss_isa_name(i)) == VLOSS_OK) each_call(quiet);
}

static void clean(problem *p) {
  upper_halves_clear();
  vloss_status status = call_run(&p->call);
  int dirty = upper_halves_dirty();
  upper_halves_clear();
  assert_int_equal(status, p->options.divisor < 0 ? VLOSS_ERROR_PARAMETER : VLOSS_OK);
  if (dirty) fail_msg("%s leaves upper halves in use", p->call.loss->name);
}

static void test_vzeroupper(void **state) {
  (void)state;
  if (!upper_halves_told()) skip();
  for (size_t i = 0; i < vloss_isas_count; i++) {
    vloss_isa_force(&vloss_isas[i]);
    each_call(clean);
  }
}

int main(void) {
  (void)data_seed();
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_quiet),
                                     cmocka_unit_test(test_vzeroupper)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
