/* SPDX-License-Identifier: Apache-2.0 */
/* Is every loss bit-identical on each instruction set, for every n from 0 to 1025, between guard
 * pages? n runs along every axis of the shape; parameters, data, reductions, extras take turns. */

#include "agree.h"
#include "mode.h"
#include "testing.h"

/* Beyond HEAVY, or where repetition is not wanted: edges and one in four of the other lengths. */
enum { LAST = 1025, SMALL = 160, HEAVY = 10 * LAST };

static void every_setting(rng *r, const vloss_loss *loss, dtype type, const size_t shape[3]) {
  for (size_t setting = 0; setting < case_settings(loss); setting++) {
    call c = case_call(loss, type, setting);
    for (int reduction = VLOSS_MEAN; reduction <= VLOSS_NONE; reduction++)
      agree_case(r, &c, shape, (data_kind)rng_below(r, DATA_KINDS), (vloss_reduction)reduction, 1);
  }
}

static void some_setting(rng *r, const vloss_loss *loss, dtype type, const size_t shape[3],
                         size_t thin) {
  call c = case_call(loss, type, rng_below(r, case_settings(loss)));
  agree_case(r, &c, shape, (data_kind)rng_below(r, DATA_KINDS), (vloss_reduction)rng_below(r, 3),
             thin);
}

/* Lengths at which every setting runs: all remainders of every vector width, and both sides of the
 * limits of blocks and chunks. */
static int is_edge(size_t n) { return n <= 9 || (n + 1) % 16 <= 2; }

static void one_length(rng *r, const vloss_loss *loss, dtype type, size_t n) {
  size_t shape[3];
  for (size_t variant = 0; case_shape(loss->family, n, variant, shape); variant++) {
    size_t elements = shape[0] * shape[1] * shape[2];
    if ((elements > HEAVY || !mode_thorough()) && !is_edge(n) && rng_below(r, 4) > 0) continue;
    if (elements <= SMALL && is_edge(n) && !mode_emulated())
      every_setting(r, loss, type, shape);
    else
      some_setting(r, loss, type, shape, mode_emulated() ? 12 : 4);
  }
}

static void every_length(rng *r, const vloss_loss *loss, dtype type) {
  for (size_t n = 0; n <= LAST; n++)
    if (!mode_emulated() || n <= 9 || (n + 1) % 128 <= 2) one_length(r, loss, type, n);
}

static void test_every_length(void **state) {
  (void)state;
  agree_for_each(every_length);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_length)};
  return cmocka_run_group_tests(tests, agree_start, agree_stop) != 0;
}
