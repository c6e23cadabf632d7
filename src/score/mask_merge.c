/* SPDX-License-Identifier: Apache-2.0 */
#include "score/masks.h"

static inline uint64_t change_at(uint64_t place, int ends) { return place << 1 | (uint64_t)ends; }

size_t vloss_mask_changes(const vloss_mask *mask, uint64_t *changes) {
  uint64_t place = 0;
  for (size_t i = 0; i + 1 < mask->count; i++) {
    place += mask->counts[i];
    changes[i] = change_at(place, i & 1);
  }
  return mask->count ? mask->count - 1 : 0;
}

size_t vloss_mask_write_level(const uint64_t *changes, size_t n, uint32_t pixels, size_t need,
                              uint32_t *counts, size_t capacity) {
  run_writer w = {counts, capacity, 0, 0};
  size_t level = 0;
  for (size_t i = 0; i < n;) {
    uint64_t place = changes[i] >> 1;
    int before = level >= need;
    for (; i < n && changes[i] >> 1 == place; i++) level += changes[i] & 1 ? SIZE_MAX : 1;
    if (before != (level >= need)) run_turn(&w, (uint32_t)place);
  }
  run_end(&w, pixels);
  return w.count;
}
