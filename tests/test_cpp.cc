// SPDX-License-Identifier: Apache-2.0
// Does a C++11 program link with the library, and do the initialisers work there?
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
  return std::strcmp(vloss_status_string(VLOSS_OK), "") == 0;
}
