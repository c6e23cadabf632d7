/* SPDX-License-Identifier: Apache-2.0 */
/* Several masks or polygons at once. */
#include <math.h>

#include "api/masks.h"

size_t vloss_mask_iou_workspace(const vloss_mask *a, size_t n, const vloss_mask *b, size_t m) {
  return a && b ? vloss_mask_outlines_size(a, n, b, m) : 0;
}

/* All masks of a call have the size of the first. */
static void check_sizes(score_request *s, const vloss_mask *a, const vloss_mask *b, size_t m) {
  for (size_t k = 0; k < m && s->status == VLOSS_OK; k++)
    if (a->height != b[k].height || a->width != b[k].width)
      vloss_score_fail_at(s, VLOSS_ERROR_PARAMETER, "b", k);
}

vloss_status vloss_mask_iou(const vloss_mask *a, size_t n, const vloss_mask *b, size_t m,
                            const vloss_mask_options *options, void *workspace,
                            size_t workspace_size, double *out) {
  score_request s;
  vloss_mask_options o;
  if (!mask_open(&s, options, &o)) return vloss_score_close(&s);
  vloss_score_matrix(&s, out, n, m, o.row_stride ? o.row_stride : m, sizeof *out);
  if (n && m && a && b)
    vloss_score_workspace(&s, workspace, workspace_size, vloss_mask_outlines_size(a, n, b, m));
  vloss_score_input_or_null(&s, "crowd", o.crowd, m, 1);
  vloss_masks_input(&s, "a", a, n, 1);
  vloss_masks_input(&s, "b", b, m, 1);
  if (n && m) check_sizes(&s, a, b, m);
  if (vloss_score_ready(&s) && n && m)
    vloss_mask_compare(a, n, b, m, &o, aligned_workspace(workspace), out);
  return vloss_score_close(&s);
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
  for (size_t i = 0; i < n; i++) found += vloss_mask_changes(&masks[i], changes + found);
  uint32_t pixels = (uint32_t)(masks->height * masks->width);
  if (found) sorted = vloss_sort_keys(changes, changes + runs, found);
  if (vloss_score_count(&s, vloss_mask_write_level(sorted, found, pixels, need, NULL, 0), capacity,
                        count))
    (void)vloss_mask_write_level(sorted, found, pixels, need, counts, capacity);
  return vloss_score_close(&s);
}

#define COORDINATE_MOST 0x1p26

static void check_polygons(score_request *s, const vloss_polygon *polygons, size_t n) {
  vloss_score_input(s, "polygons", polygons, n, sizeof *polygons);
  if (n > UINT32_MAX) vloss_score_fail(s, VLOSS_ERROR_SIZE, "polygon_count");
  for (size_t i = 0; i < n && s->status == VLOSS_OK; i++) {
    const vloss_polygon *p = &polygons[i];
    size_t coordinates =
        vloss_score_bytes(s, "polygons", p->count, 2 * sizeof(double)) / sizeof(double);
    if (p->count && !p->vertices) vloss_score_fail_at(s, VLOSS_ERROR_NULL, "polygons", i);
    for (size_t k = 0; k < coordinates && s->status == VLOSS_OK; k++)
      if (!(fabs(p->vertices[k]) <= COORDINATE_MOST))
        vloss_score_fail_at(s, VLOSS_ERROR_PARAMETER, "polygons", i);
    vloss_score_apart(s, p->vertices, coordinates * sizeof(double));
  }
}

size_t vloss_mask_polygons_workspace(const vloss_polygon *polygons, size_t polygon_count,
                                     size_t height, size_t width) {
  score_request s;
  vloss_score_open(&s, NULL, NULL);
  uint32_t pixels = mask_pixels(&s, height, width);
  check_polygons(&s, polygons, polygon_count);
  size_t bytes = 0;
  if (s.status == VLOSS_OK)
    bytes = vloss_mask_crossings_size(
        pixels ? vloss_mask_find_crossings(polygons, polygon_count, height, width, NULL) : 0,
        polygon_count);
  (void)vloss_score_close(&s);
  return bytes;
}

vloss_status vloss_mask_from_polygons(const vloss_polygon *polygons, size_t polygon_count,
                                      size_t height, size_t width,
                                      const vloss_mask_options *options, void *workspace,
                                      size_t workspace_size, size_t capacity, uint32_t *counts,
                                      size_t *count) {
  score_request s;
  vloss_mask_options o;
  size_t found = 0;
  if (!mask_open(&s, options, &o)) return vloss_score_close(&s);
  uint32_t pixels = mask_pixels(&s, height, width);
  vloss_score_output(&s, "counts", counts, capacity, sizeof *counts);
  vloss_score_output(&s, "count", count, 1, sizeof *count);
  check_polygons(&s, polygons, polygon_count);
  if (s.status == VLOSS_OK && pixels)
    found = vloss_mask_find_crossings(polygons, polygon_count, height, width, NULL);
  vloss_score_workspace(&s, workspace, workspace_size,
                        vloss_mask_crossings_size(found, polygon_count));
  if (!vloss_score_ready(&s)) return vloss_score_close(&s);

  uint64_t *crossings = aligned_workspace(workspace), *sorted = crossings;
  uint8_t *inside = (uint8_t *)(crossings + 2 * found);
  if (found) {
    (void)vloss_mask_find_crossings(polygons, polygon_count, height, width, crossings);
    sorted = vloss_sort_keys(crossings, crossings + found, found);
  }
  size_t runs = vloss_mask_write_union(sorted, found, pixels, inside, polygon_count, NULL, 0);
  if (vloss_score_count(&s, runs, capacity, count))
    (void)vloss_mask_write_union(sorted, found, pixels, inside, polygon_count, counts, capacity);
  s.counted = polygon_count;
  return vloss_score_close(&s);
}
