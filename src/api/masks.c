/* SPDX-License-Identifier: Apache-2.0 */
/* One mask, or each of several. */
#include "api/masks.h"

#include "score/mask_measure.h"

static vloss_status mask_fault(const vloss_mask *mask, const vloss_mask *first) {
  uint32_t pixels;
  uint64_t sum = 0;
  if (!mask_fits(mask->height, mask->width, &pixels)) return VLOSS_ERROR_SIZE;
  if (first && (mask->height != first->height || mask->width != first->width))
    return VLOSS_ERROR_PARAMETER;
  if (mask->count && !mask->counts) return VLOSS_ERROR_NULL;
  if (mask->count > PTRDIFF_MAX / sizeof *mask->counts) return VLOSS_ERROR_SIZE;
  for (size_t i = 0; i < mask->count; i++) sum += mask->counts[i];
  return sum == pixels ? VLOSS_OK : VLOSS_ERROR_PARAMETER;
}

void vloss_masks_input(score_request *s, const char *name, const vloss_mask *masks, size_t n,
                       int same) {
  vloss_score_input(s, name, masks, n, sizeof *masks);
  if (s->status != VLOSS_OK) return;
  for (size_t i = 0; i < n; i++) {
    vloss_status fault = mask_fault(&masks[i], same ? masks : NULL);
    if (fault != VLOSS_OK) vloss_score_fail_at(s, fault, name, i);
    if (s->status != VLOSS_OK) return;
    vloss_score_apart(s, masks[i].counts, masks[i].count * sizeof *masks[i].counts);
  }
  s->counted += n;
}

/* With so many runs, an image need not be read twice. */
enum { FEW_RUNS = 4096 };

vloss_status vloss_mask_encode(const uint8_t *pixels, size_t height, size_t width,
                               const vloss_mask_options *options, size_t capacity, uint32_t *counts,
                               size_t *count) {
  score_request s;
  vloss_mask_options o;
  if (!mask_open(&s, options, &o)) return vloss_score_close(&s);
  uint32_t n = mask_pixels(&s, height, width);
  vloss_score_input(&s, "pixels", pixels, n, 1);
  vloss_score_output(&s, "counts", counts, capacity, sizeof *counts);
  vloss_score_output(&s, "count", count, 1, sizeof *count);
  mask_layout(&s, o.layout);
  if (!vloss_score_ready(&s)) return vloss_score_close(&s);
  uint32_t few[FEW_RUNS];
  size_t runs = vloss_mask_scan(pixels, height, width, o.layout, few, FEW_RUNS);
  if (vloss_score_count(&s, runs, capacity, count)) {
    if (runs <= FEW_RUNS)
      memcpy(counts, few, runs * sizeof *counts);
    else
      (void)vloss_mask_scan(pixels, height, width, o.layout, counts, capacity);
  }
  s.counted = 1;
  return vloss_score_close(&s);
}

vloss_status vloss_mask_decode(const vloss_mask *mask, const vloss_mask_options *options,
                               uint8_t *pixels) {
  score_request s;
  vloss_mask_options o;
  if (!mask_open(&s, options, &o)) return vloss_score_close(&s);
  mask_layout(&s, o.layout);
  uint32_t size = 0;
  if (mask && mask_fits(mask->height, mask->width, &size))
    vloss_score_output(&s, "pixels", pixels, size, 1);
  vloss_masks_input(&s, "mask", mask, 1, 0);
  if (!vloss_score_ready(&s)) return vloss_score_close(&s);
  vloss_mask_fill(mask, o.layout, pixels);
  return vloss_score_close(&s);
}

vloss_status vloss_mask_area(const vloss_mask *masks, size_t n, const vloss_mask_options *options,
                             int64_t *area) {
  score_request s;
  vloss_mask_options o;
  if (!mask_open(&s, options, &o)) return vloss_score_close(&s);
  vloss_score_output(&s, "area", area, n, sizeof *area);
  vloss_masks_input(&s, "masks", masks, n, 0);
  if (!vloss_score_ready(&s)) return vloss_score_close(&s);
  for (size_t i = 0; i < n; i++) area[i] = vloss_mask_foreground(&masks[i]);
  return vloss_score_close(&s);
}

vloss_status vloss_mask_box(const vloss_mask *masks, size_t n, const vloss_mask_options *options,
                            double *boxes) {
  score_request s;
  vloss_mask_options o;
  if (!mask_open(&s, options, &o)) return vloss_score_close(&s);
  vloss_score_output(&s, "boxes", boxes, n, 4 * sizeof *boxes);
  vloss_masks_input(&s, "masks", masks, n, 0);
  if (!vloss_score_ready(&s)) return vloss_score_close(&s);
  for (size_t i = 0; i < n; i++) {
    pixel_box b = vloss_mask_extent(&masks[i]);
    boxes[4 * i] = b.left;
    boxes[4 * i + 1] = b.top;
    boxes[4 * i + 2] = b.right - b.left;
    boxes[4 * i + 3] = b.bottom - b.top;
  }
  return vloss_score_close(&s);
}

vloss_status vloss_mask_to_text(const vloss_mask *mask, const vloss_mask_options *options,
                                size_t capacity, char *text, size_t *length) {
  score_request s;
  vloss_mask_options o;
  if (!mask_open(&s, options, &o)) return vloss_score_close(&s);
  vloss_score_output(&s, "text", text, capacity, 1);
  vloss_score_output(&s, "length", length, 1, sizeof *length);
  vloss_masks_input(&s, "mask", mask, 1, 0);
  if (!vloss_score_ready(&s)) return vloss_score_close(&s);
  if (vloss_score_count(&s, vloss_mask_put_text(mask, NULL), capacity, length))
    (void)vloss_mask_put_text(mask, text);
  return vloss_score_close(&s);
}

vloss_status vloss_mask_from_text(const char *text, size_t length, size_t height, size_t width,
                                  const vloss_mask_options *options, size_t capacity,
                                  uint32_t *counts, size_t *count) {
  score_request s;
  vloss_mask_options o;
  size_t found = 0;
  if (!mask_open(&s, options, &o)) return vloss_score_close(&s);
  uint32_t pixels = mask_pixels(&s, height, width);
  vloss_score_input(&s, "text", text, length, 1);
  vloss_score_output(&s, "counts", counts, capacity, sizeof *counts);
  vloss_score_output(&s, "count", count, 1, sizeof *count);
  if (!vloss_score_ready(&s)) return vloss_score_close(&s);
  size_t wrong = vloss_mask_get_text(text, length, pixels, NULL, &found);
  if (wrong != SIZE_MAX)
    vloss_score_fail_at(&s, VLOSS_ERROR_PARAMETER, "text", wrong);
  else if (vloss_score_count(&s, found, capacity, count))
    (void)vloss_mask_get_text(text, length, pixels, counts, &found);
  s.counted = 1;
  return vloss_score_close(&s);
}
