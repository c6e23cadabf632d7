/* SPDX-License-Identifier: Apache-2.0 */
/* What the functions of masks share. */
#ifndef VLOSS_MASKS_H
#define VLOSS_MASKS_H

#include <vloss/mask.h>

#include "api/score.h"

/* Starts a call; the options with all fields go to `own`. */
static inline int mask_open(score_request *s, const vloss_mask_options *options,
                            vloss_mask_options *own) {
  *own = (vloss_mask_options)VLOSS_MASK_OPTIONS_INIT;
  if (!vloss_score_options(s, "options", options, STRUCT_SIZES(vloss_mask_options, report), own))
    return 0;
  vloss_score_open(s, own->report, own->executor);
  return 1;
}

/* Whether an image has no more pixels than a run can count. */
static inline int mask_fits(size_t height, size_t width, uint32_t *pixels) {
  size_t product;
  *pixels = 0;
  if (__builtin_mul_overflow(height, width, &product) || product > UINT32_MAX) return 0;
  *pixels = (uint32_t)product;
  return 1;
}

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

/* Runs as they come, by the places where foreground and background change, which ascend. Those
 * beyond the capacity are only counted. */
typedef struct run_writer {
  uint32_t *counts;
  size_t capacity, count;
  uint32_t last;
} run_writer;

static inline void run_turn(run_writer *w, uint32_t place) {
  if (w->count < w->capacity) w->counts[w->count] = place - w->last;
  w->count++;
  w->last = place;
}

static inline void run_end(run_writer *w, uint32_t pixels) {
  if (w->last < pixels || !w->count) run_turn(w, pixels);
}

/* Sorts by ascending value, fast where stretches are in order. Both arrays have n elements; returns
 * the one that holds the result. */
uint64_t *vloss_sort_keys(uint64_t *keys, uint64_t *spare, size_t n);

#endif
