/* SPDX-License-Identifier: Apache-2.0 */
/* What there is to do with masks, which are good ones, and what that shares. */
#ifndef VLOSS_MASKS_H
#define VLOSS_MASKS_H

#include <string.h>

#include <vloss/mask.h>

/* Whether an image has no more pixels than a run can count. */
static inline int mask_fits(size_t height, size_t width, uint32_t *pixels) {
  size_t product;
  *pixels = 0;
  if (__builtin_mul_overflow(height, width, &product) || product > UINT32_MAX) return 0;
  *pixels = (uint32_t)product;
  return 1;
}

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

/* The runs of pixels that are not 0; beyond the capacity they are only counted. */
size_t vloss_mask_scan(const uint8_t *pixels, size_t height, size_t width, vloss_mask_layout layout,
                       uint32_t *counts, size_t capacity);

/* 0 and 1 for all pixels of a mask. */
void vloss_mask_fill(const vloss_mask *mask, vloss_mask_layout layout, uint8_t *pixels);

/* The characters of a mask; without `text` they are only counted. */
size_t vloss_mask_put_text(const vloss_mask *mask, char *text);

/* Reads runs up to the end of the text, which gives SIZE_MAX, or to what is wrong, and returns
 * where that is. Without `counts` they are only counted and checked. */
size_t vloss_mask_get_text(const char *text, size_t length, uint64_t pixels, uint32_t *counts,
                           size_t *count);

/* A change between background and foreground as a sortable number: those of a mask, one less than
 * its runs; and the runs of where at least `need` masks have foreground, by all changes in
 * order. */
size_t vloss_mask_changes(const vloss_mask *mask, uint64_t *changes);
size_t vloss_mask_write_level(const uint64_t *changes, size_t n, uint32_t pixels, size_t need,
                              uint32_t *counts, size_t capacity);

/* IoU of all pairs; and bytes of its workspace, 0 for no pairs, SIZE_MAX for more than there can
 * be. */
size_t vloss_mask_outlines_size(const vloss_mask *a, size_t n, const vloss_mask *b, size_t m);
void vloss_mask_compare(const vloss_mask *a, size_t n, const vloss_mask *b, size_t m,
                        const vloss_mask_options *o, void *workspace, double *out);

/* Where polygons cross the columns, in the upper half of a number, and their index below. Without
 * `crossings` they are only counted. */
size_t vloss_mask_find_crossings(const vloss_polygon *polygons, size_t n, size_t height,
                                 size_t width, uint64_t *crossings);

/* Bytes for the crossings twice and a flag of each polygon. */
size_t vloss_mask_crossings_size(size_t crossings, size_t polygons);

/* The runs of where any polygon has foreground, which each crossing of it, in order, turns on or
 * off; `inside` has a flag for each. */
size_t vloss_mask_write_union(const uint64_t *crossings, size_t n, uint32_t pixels, uint8_t *inside,
                              size_t polygons, uint32_t *counts, size_t capacity);

#endif
