/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the instruction set in use, then a hash of loss and gradient for every loss and dtype:
 * what dispatch-under-qemu compares between CPUs. */
#include <inttypes.h>
#include <stdio.h>

#include "cases.h"

int main(void) {
  static const size_t shapes[][3] = {[VLOSS_ELEMENTS] = {1111, 1, 1},
                                     [VLOSS_BOXES] = {333, 1, 1},
                                     [VLOSS_ROWS] = {40, 19, 1},
                                     [VLOSS_OVERLAP] = {3, 333, 3}};
  size_t count;
  const vloss_loss *losses = vloss_losses(&count);
  printf("isa %s\n", vloss_isa());
  for (size_t i = 0; i < count * DTYPE_COUNT; i++) {
    const vloss_loss *loss = &losses[i / DTYPE_COUNT];
    rng r = rng_init(1, i);
    call c = case_call(loss, (dtype)(i % DTYPE_COUNT), 0);
    problem *p = problem_new(&r, &c, shapes[loss->family], DATA_NASTY, VLOSS_MEAN, 0);
    if (call_run(&p->call) != VLOSS_OK) return 1;
    uint64_t hash = data_hash(DATA_HASH_INIT, c.dtype, p->loss, p->loss_count);
    hash = data_hash(hash, c.dtype, p->grad, p->elements);
    printf("%s %s %016" PRIx64 "\n", loss->name, dtype_name(c.dtype), hash);
    problem_free(p);
  }
  return 0;
}
