/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <vloss/vloss.h>

int main(void) {
  const float logits[] = {2.0F, 1.0F, 0.1F, 0.5F, 2.5F, 0.3F}; /* 2 rows of 3 classes */
  const uint8_t classes[] = {0, 1};
  const vloss_labels labels = {classes, VLOSS_LABEL_UINT8};
  float loss, grad[6];
  vloss_status status = vloss_cross_entropy_f32(logits, labels, 2, 3, 1, NULL, NULL, &loss, grad);
  if (status == VLOSS_OK)
    printf("loss %.6f, gradient at the first logit %+.6f\n", (double)loss, (double)grad[0]);
  else
    fprintf(stderr, "%s\n", vloss_status_string(status));
  return status != VLOSS_OK;
}
