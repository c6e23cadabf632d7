// SPDX-License-Identifier: Apache-2.0
// Does a C++11 program link with the library, and do the initialisers of all headers work there?
#include <vloss/assign.h>
#include <vloss/coco.h>
#include <vloss/mask.h>
#include <vloss/score.h>
#include <vloss/vloss.h>

#include <cstring>

int main() {
  const double input[] = {1, 2, 4}, target[] = {1, 1, 1};
  double loss = -1, grad[3];
  vloss_report report = VLOSS_REPORT_INIT;
  vloss_options options = VLOSS_OPTIONS_INIT;
  vloss_box_options box = VLOSS_BOX_OPTIONS_INIT;
  vloss_cross_entropy_options cross_entropy = VLOSS_CROSS_ENTROPY_OPTIONS_INIT;
  vloss_overlap_options overlap = VLOSS_OVERLAP_OPTIONS_INIT;
  options.reduction = VLOSS_SUM;
  options.report = &report;
  if (vloss_mse_f64(input, target, 3, &options, &loss, grad) != VLOSS_OK) return 1;
  if (loss != 10 || grad[2] != 6 || report.counted != 3) return 2;
  if (box.struct_size != sizeof box || cross_entropy.struct_size != sizeof cross_entropy) return 3;
  if (overlap.struct_size != sizeof overlap || overlap.gamma != 1) return 4;
  vloss_similarity_options similarity = VLOSS_SIMILARITY_OPTIONS_INIT;
  vloss_select_options select = VLOSS_SELECT_OPTIONS_INIT;
  vloss_nms_options nms = VLOSS_NMS_OPTIONS_INIT;
  vloss_assign_options assign = VLOSS_ASSIGN_OPTIONS_INIT;
  vloss_fusion_options fusion = VLOSS_FUSION_OPTIONS_INIT;
  vloss_mask_options mask = VLOSS_MASK_OPTIONS_INIT;
  vloss_oks_options oks = VLOSS_OKS_OPTIONS_INIT;
  vloss_coco_options coco = VLOSS_COCO_OPTIONS_INIT, whole;
  vloss_coco_image image = VLOSS_COCO_IMAGE_INIT;
  vloss_coco_summary summary = VLOSS_COCO_SUMMARY_INIT;
  if (similarity.struct_size != sizeof similarity || select.struct_size != sizeof select) return 5;
  if (nms.struct_size != sizeof nms || nms.score_threshold != -HUGE_VAL) return 6;
  if (assign.positive != 0.5 || assign.struct_size != sizeof assign) return 7;
  if (fusion.model_count != 1 || fusion.struct_size != sizeof fusion) return 8;
  if (mask.struct_size != sizeof mask || oks.struct_size != sizeof oks) return 9;
  if (image.struct_size != sizeof image || summary.struct_size != sizeof summary) return 10;
  const double one[] = {0, 0, 2, 2}, other[] = {1, 0, 3, 2};
  double iou = -1;
  if (vloss_similarity_matrix_f64(one, 1, other, 1, &similarity, &iou) != VLOSS_OK) return 11;
  if (iou != 2.0 / 6 || vloss_oks_sigmas()[0] != .026) return 12;
  if (vloss_coco_complete(&coco, &whole) != VLOSS_OK || whole.threshold_count != 10) return 13;
  return std::strcmp(vloss_status_string(VLOSS_OK), "") == 0;
}
