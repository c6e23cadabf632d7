/* SPDX-License-Identifier: Apache-2.0 */
/* Three predicted boxes descend to a target along the distance IoU loss: one that overlaps it, one
 * beside it, one around it. `vloss simulate boxes` does this for 1,715,000 cases and every loss. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <vloss/vloss.h>

enum { BOXES = 3, STEPS = 200 };

/* |dx| + |dy| + |dw| + |dh| */
static float error_of(const float *box, const float *target) {
  float error = 0;
  for (int k = 0; k < 4; k++) error += fabsf(box[k] - target[k]);
  return error;
}

static int all_right(vloss_status status) {
  if (status == VLOSS_OK) return 1;
  fprintf(stderr, "box_regression: %s\n", vloss_status_string(status));
  return 0;
}

int main(void) {
  float boxes[BOXES][4] = {{9.6F, 10.3F, 1, 1}, {12, 9, 0.5F, 2}, {10, 10, 3, 3}};
  float targets[BOXES][4], grad[BOXES][4], iou_loss[BOXES];
  vloss_box_options format = VLOSS_BOX_OPTIONS_INIT;
  format.format = VLOSS_CXCYWH;
  vloss_options sum = VLOSS_OPTIONS_INIT, each = VLOSS_OPTIONS_INIT;
  sum.reduction = VLOSS_SUM; /* the gradient of each box is its own */
  each.reduction = VLOSS_NONE;
  for (int i = 0; i < BOXES; i++) {
    targets[i][0] = targets[i][1] = 10;
    targets[i][2] = targets[i][3] = 1;
  }

  printf("step  overlapping       beside       around\n");
  for (int step = 0; step <= STEPS; step++) {
    if (step % 40 == 0) {
      printf("%4d", step);
      for (int i = 0; i < BOXES; i++) printf(" %12.6f", (double)error_of(boxes[i], targets[i]));
      putchar('\n');
    }
    if (!all_right(vloss_diou_f32(boxes[0], targets[0], BOXES, &format, &sum, NULL, grad[0])) ||
        !all_right(vloss_iou_f32(boxes[0], targets[0], BOXES, &format, &each, iou_loss, NULL)))
      return EXIT_FAILURE;
    float rate = step < 160 ? 0.1F : step < 180 ? 0.01F : 0.001F;
    for (int i = 0; i < BOXES; i++)
      for (int k = 0; k < 4; k++) boxes[i][k] -= rate * (1 + iou_loss[i]) * grad[i][k];
  }
  for (int i = 0; i < BOXES; i++)
    if (!(error_of(boxes[i], targets[i]) < 0.1F)) return EXIT_FAILURE;
  return EXIT_SUCCESS;
}
