/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel of softmax states for one ISA and dtype; compiled like kernels.c. */
#include "vec.h"

#include "frame/rows/states.h"

kernel KERNEL(softmax_states, VLOSS_TABLE);
void KERNEL(softmax_states, VLOSS_TABLE)(const void *work, size_t begin, size_t end,
                                         partial *result) {
  const state_job *j = work;
  if (j->phase == STATE_TOPS)
    states_find_tops(j, begin, end);
  else if (j->phase == STATE_SUMS)
    states_add(j, begin, end);
  else
    states_finish(j, begin, end, result);
}
