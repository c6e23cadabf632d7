/* SPDX-License-Identifier: Apache-2.0 */
/* Does every function of scoring stay within the stack that the header promises? */
#include <stdio.h>

#include "calls.h"
#include "painted.h"
#include "testing.h"

typedef struct run {
  const score_call *function;
  scene *s;
} run;

static vloss_status run_one(const void *argument) {
  const run *r = argument;
  return r->function->run(r->s);
}

static void measure(const score_call *function, scene *s) {
  static size_t most;
  const run r = {function, s};
  size_t bytes = painted_stack(run_one, &r);
  if (bytes > most) {
    most = bytes;
    printf("%zu bytes: %s of %zu and %zu, variant %u%s on %s\n", bytes, function->name, s->n, s->m,
           s->variant, s->executor ? ", executor" : "", vloss_isa());
  }
  if (bytes > VLOSS_STACK_SIZE) fail_msg("more than %d", VLOSS_STACK_SIZE);
}

static void test_stack(void **state) {
  (void)state;
  each_score_call(measure);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_stack)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
