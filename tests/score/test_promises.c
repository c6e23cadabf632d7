/* SPDX-License-Identifier: Apache-2.0 */
/* Does a function of scoring allocate, print or abort, or leave the upper halves of registers in
 * use? */
#include "calls.h"
#include "testing.h"
#include "watch.h"

static void expect_status(const score_call *function, const scene *s, vloss_status status) {
  if ((status != VLOSS_OK) != s->refused)
    fail_msg("%s: %s", function->name, vloss_status_string(status));
}

/* A good call and a refused one, which takes other paths. */
static void quiet(const score_call *function, scene *s) {
  for (s->refused = 0; s->refused < 2; s->refused++) {
    watch_begin();
    vloss_status status = function->run(s);
    const char *forbidden = watch_end();
    expect_status(function, s, status);
    if (forbidden != NULL) fail_msg("%s calls %s()", function->name, forbidden);
  }
}

static void test_quiet(void **state) {
  (void)state;
  watch_check();
  each_score_call(quiet);
}

static void clean(const score_call *function, scene *s) {
  for (s->refused = 0; s->refused < 2; s->refused++) {
    upper_halves_clear();
    vloss_status status = function->run(s);
    int dirty = upper_halves_dirty();
    upper_halves_clear();
    expect_status(function, s, status);
    if (dirty) fail_msg("%s leaves upper halves in use", function->name);
  }
}

static void test_vzeroupper(void **state) {
  (void)state;
  if (!upper_halves_told()) skip();
  each_score_call(clean);
}

int main(void) {
  (void)data_seed();
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_quiet),
                                     cmocka_unit_test(test_vzeroupper)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
