/* SPDX-License-Identifier: Apache-2.0 */
/* Someone else's program: exit 0 if the library that was linked computes. */
#include <stdio.h>
#include <string.h>
#include <vloss/vloss.h>

int main(void) {
  const float input[3] = {1, 2, 4}, target[3] = {1, 1, 1};
  float loss, grad[3];
  vloss_options options = VLOSS_OPTIONS_INIT;
  options.reduction = VLOSS_SUM;
  if (vloss_mse_f32(input, target, 3, &options, &loss, grad) != VLOSS_OK) return 1;
  printf("vloss %s on %s: %g\n", vloss_version(), vloss_isa(), (double)loss);
  return loss != 10 || grad[0] != 0 || grad[1] != 2 || grad[2] != 6;
}
