/* SPDX-License-Identifier: Apache-2.0 */
#include "score/masks.h"

/* A change between background and foreground as a sortable number. */
static inline uint64_t change_at(uint64_t place, int ends) { return place << 1 | (uint64_t)ends; }

static size_t changes_of(const vloss_mask *mask, uint64_t *changes) {
  uint64_t place = 0;
  for (size_t i = 0; i + 1 < mask->count; i++) {
    place += mask->counts[i];
    changes[i] = change_at(place, i & 1);
  }
  return mask->count ? mask->count - 1 : 0;
}

/* The runs of where at least `need` masks have foreground. */
static size_t write_level(const uint64_t *changes, size_t n, uint32_t pixels, size_t need,
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

/* Changes of all masks: one less than their runs, which may be 0 of a mask without pixels. */
static size_t total_runs(const vloss_mask *masks, size_t n) {
  size_t total = 0;
  for (size_t i = 0; masks && i < n; i++)
    if (__builtin_add_overflow(total, masks[i].count, &total)) return SIZE_MAX;
  return total;
}

/* Bytes for that many changes twice, 0 for none, SIZE_MAX for more than there can be. */
static size_t changes_size(size_t changes) {
  size_t bytes;
  if (!changes) return 0;
  return __builtin_mul_overflow(changes, 16, &bytes) || bytes > PTRDIFF_MAX - 8 ? SIZE_MAX
                                                                                : bytes + 8;
}

size_t vloss_mask_merge_workspace(const vloss_mask *masks, size_t n) {
  return changes_size(total_runs(masks, n));
}

vloss_status vloss_mask_merge(const vloss_mask *masks, size_t n, vloss_mask_operation operation,
                              const vloss_mask_options *options, void *workspace,
                              size_t workspace_size, size_t capacity, uint32_t *counts,
                              size_t *count) {
  score_request s;
  vloss_mask_options o;
  if (!mask_open(&s, options, &o)) return vloss_score_close(&s);
  if (operation != VLOSS_MASK_UNION && operation != VLOSS_MASK_INTERSECTION)
    vloss_score_fail(&s, VLOSS_ERROR_ENUM, "operation");
  vloss_score_output(&s, "counts", counts, capacity, sizeof *counts);
  vloss_score_output(&s, "count", count, 1, sizeof *count);
  size_t runs = total_runs(masks, n);
  vloss_score_workspace(&s, workspace, workspace_size, changes_size(runs));
  vloss_masks_input(&s, "masks", masks, n, 1);
  if (!vloss_score_ready(&s)) return vloss_score_close(&s);
  if (!n) {
    *count = 0;
    return vloss_score_close(&s);
  }
  uint64_t *changes = aligned_workspace(workspace), *sorted = changes;
  size_t found = 0, need = operation == VLOSS_MASK_UNION ? 1 : n;
  for (size_t i = 0; i < n; i++) found += changes_of(&masks[i], changes + found);
  uint32_t pixels = (uint32_t)(masks->height * masks->width);
  if (found) sorted = vloss_sort_keys(changes, changes + runs, found);
  if (vloss_score_count(&s, write_level(sorted, found, pixels, need, NULL, 0), capacity, count))
    (void)write_level(sorted, found, pixels, need, counts, capacity);
  return vloss_score_close(&s);
}
