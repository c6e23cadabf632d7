/* SPDX-License-Identifier: Apache-2.0 */
/* Does scoring give the same bits whatever the caller's floating point control word, and leave it
 * as it was? */
#include "calls.h"
#include "control.h"
#include "mode.h"
#include "testing.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void same_bits(const score_call *function, scene *s) {
  uint64_t expected = 0, before = get_control();
  if (s->executor != NULL || s->n > (mode_emulated() ? 10 : 400)) return; /* nothing new */
  for (size_t i = 0; i <= COUNT(controls); i++) {
    if (i > 0) set_control(controls[i - 1]);
    uint64_t set = get_control(); /* what the CPU took of it */
    vloss_status status = function->run(s);
    uint64_t after = get_control();
    set_control(before);
    if (status != VLOSS_OK) fail_msg("%s: %s", function->name, vloss_status_string(status));
    if (after != set) fail_msg("%s loses the control word", function->name);
    uint64_t results = scene_results(s);
    if (i == 0) expected = results;
    if (results != expected) fail_msg("%s: other bits under control word %zu", function->name, i);
  }
}

static void test_control_words(void **state) {
  (void)state;
  each_score_call(same_bits);
}

int main(void) {
  (void)data_seed();
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_control_words)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
