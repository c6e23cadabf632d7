/* SPDX-License-Identifier: Apache-2.0 */
/* What calls with masks check. */
#ifndef VLOSS_API_MASKS_H
#define VLOSS_API_MASKS_H

#include "api/score.h"
#include "score/masks.h"

/* Starts a call; the options with all fields go to `own`. */
static inline int mask_open(score_request *s, const vloss_mask_options *options,
                            vloss_mask_options *own) {
  *own = (vloss_mask_options)VLOSS_MASK_OPTIONS_INIT;
  if (!vloss_score_options(s, "options", options, STRUCT_SIZES(vloss_mask_options, report), own))
    return 0;
  vloss_score_open(s, own->report, own->executor);
  return 1;
}

/* The pixels of an image, or a fault. */
static inline uint32_t mask_pixels(score_request *s, size_t height, size_t width) {
  uint32_t pixels;
  if (!mask_fits(height, width, &pixels)) vloss_score_fail(s, VLOSS_ERROR_SIZE, "height");
  return pixels;
}

static inline void mask_layout(score_request *s, vloss_mask_layout layout) {
  if (layout != VLOSS_COLUMN_MAJOR && layout != VLOSS_ROW_MAJOR)
    vloss_score_fail(s, VLOSS_ERROR_ENUM, "layout");
}

/* Masks that the call reads, of one size if `same`; behind its outputs. */
void vloss_masks_input(score_request *s, const char *name, const vloss_mask *masks, size_t n,
                       int same);

/* Masks that the call reads, of one size if `same`; behind its outputs. */
void vloss_masks_input(score_request *s, const char *name, const vloss_mask *masks, size_t n,
                       int same);

#endif
