/* SPDX-License-Identifier: Apache-2.0 */
/* The foreground of a good mask: its pixels, and the box around it, zeros if there are none. */
#ifndef VLOSS_MASK_MEASURE_H
#define VLOSS_MASK_MEASURE_H

#include "score/masks.h"

typedef struct pixel_box {
  uint32_t left, top, right, bottom; /* the latter two behind the last pixel */
} pixel_box;

int64_t vloss_mask_foreground(const vloss_mask *mask);
pixel_box vloss_mask_extent(const vloss_mask *mask);

#endif
