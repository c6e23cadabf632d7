/* SPDX-License-Identifier: Apache-2.0 */
#include "score/mask_measure.h"

int64_t vloss_mask_foreground(const vloss_mask *mask) {
  int64_t area = 0;
  for (size_t i = 1; i < mask->count; i += 2) area += mask->counts[i];
  return area;
}

pixel_box vloss_mask_extent(const vloss_mask *mask) {
  uint32_t height = (uint32_t)mask->height;
  pixel_box b = {UINT32_MAX, height, 0, 0};
  uint32_t place = 0;
  for (size_t i = 0; i + 1 < mask->count; i += 2) {
    uint32_t first = place + mask->counts[i], run = mask->counts[i + 1];
    place = first + run;
    if (!run) continue;
    uint32_t column = first / height, row = first - column * height;
    uint32_t last_column = column, last_row = row + run - 1;
    if (run > height - row) { /* on to another column: down to the bottom, and from the top */
      last_column = (place - 1) / height;
      row = 0;
      last_row = height - 1;
    }
    if (b.left > column) b.left = column;
    if (b.top > row) b.top = row;
    if (b.right < last_column + 1) b.right = last_column + 1;
    if (b.bottom < last_row + 1) b.bottom = last_row + 1;
  }
  return b.right ? b : (pixel_box){0, 0, 0, 0};
}
