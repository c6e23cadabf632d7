/* SPDX-License-Identifier: Apache-2.0 */
/* Someone else's detector, in C and as C++: exit 0 if what was linked scores boxes and masks. */
#include <stdio.h>
#include <vloss/assign.h>
#include <vloss/coco.h>
#include <vloss/mask.h>
#include <vloss/score.h>

static const double boxes[] = {0, 0, 10, 10, 1, 0, 11, 10, 20, 20, 30, 30}, /* two are twins */
    scores[] = {0.5, 0.75, 0.25};

static int suppresses(void) {
  static char workspace[4096];
  const vloss_labels none = {NULL, VLOSS_LABEL_INT64};
  int64_t kept[3];
  size_t count, need = vloss_nms_workspace(3, NULL);
  if (need > sizeof workspace) return 0;
  return vloss_nms_f64(boxes, scores, none, 3, 0.5, NULL, workspace, need, 3, kept, &count) ==
             VLOSS_OK &&
         count == 2 && kept[0] == 1 && kept[1] == 2;
}

static int assigns(void) {
  static char workspace[4096];
  int64_t target[3];
  double iou[3];
  size_t need = vloss_assign_workspace(1);
  if (need > sizeof workspace) return 0;
  return vloss_assign_f64(boxes, 3, boxes, 1, NULL, workspace, need, target, iou) == VLOSS_OK &&
         target[0] == 0 && target[2] == VLOSS_BACKGROUND && iou[0] == 1;
}

static int measures(void) {
  static const uint32_t runs[] = {2, 3, 1};
  const vloss_mask mask = {runs, 3, 2, 3};
  int64_t area;
  return vloss_mask_area(&mask, 1, NULL, &area) == VLOSS_OK && area == 3;
}

static int evaluates(void) {
  static const vloss_coco_point points[] = {{0.5, 1, 1, 1}};
  double precision;
  return vloss_coco_average_precision(points, 1, VLOSS_COCO_ALL_POINTS, &precision) == VLOSS_OK &&
         precision == 1;
}

int main(void) {
  const int works = suppresses() && assigns() && measures() && evaluates();
  printf("vloss %s %s detections on %s\n", vloss_version(), works ? "scores" : "fails at",
         vloss_isa());
  return !works;
}
