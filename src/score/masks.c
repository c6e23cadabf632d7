/* SPDX-License-Identifier: Apache-2.0 */
#include "score/masks.h"

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

/* The end of the stretch in order that begins at `from`. */
static size_t stretch_end(const uint64_t *keys, size_t from, size_t n) {
  size_t end = from + 1;
  while (end < n && keys[end - 1] <= keys[end]) end++;
  return end < n ? end : n;
}

static void merge_stretches(const uint64_t *from, size_t begin, size_t middle, size_t end,
                            uint64_t *to) {
  size_t i = begin, k = middle;
  for (size_t at = begin; at < end; at++) {
    int second = i == middle || (k < end && from[k] < from[i]);
    to[at] = from[second ? k : i];
    i += !second;
    k += (size_t)second;
  }
}

uint64_t *vloss_sort_keys(uint64_t *keys, uint64_t *spare, size_t n) {
  while (stretch_end(keys, 0, n) < n) {
    for (size_t begin = 0; begin < n;) {
      size_t middle = stretch_end(keys, begin, n);
      size_t end = middle < n ? stretch_end(keys, middle, n) : n;
      merge_stretches(keys, begin, middle, end, spare);
      begin = end;
    }
    uint64_t *swap = keys;
    keys = spare;
    spare = swap;
  }
  return keys;
}
