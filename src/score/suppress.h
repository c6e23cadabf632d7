/* SPDX-License-Identifier: Apache-2.0 */
/* Hard suppression: by IoU or by DIoU. */
#ifndef VLOSS_SCORE_SUPPRESS_H
#define VLOSS_SCORE_SUPPRESS_H

#include "score/cells.h"

/* The windows of boxes by rank, from a multiple of RANKS on. */
static void make_windows(suppression *s, size_t rank) {
  const grid *g = &s->grid;
  for (size_t i = 0; i < RANKS && rank + i < s->job->n; i += LANES) {
    box b = load_corners(&s->ranked, rank + i);
    near x = near_cells(b.x1, b.x2, g->widest, g->origin_x, g);
    near y = near_cells(b.y1, b.y2, g->highest, g->origin_y, g);
    vstore(s->left + i, x.first);
    vstore(s->right + i, x.last);
    vstore(s->top + i, y.first);
    vstore(s->bottom + i, y.last);
  }
}

/* Whether one of the boxes from i on that `bits` names suppresses the own one; `sure` names some
 * that do if their class is right. */
OUT_OF_LINE int confirm(const suppression *s, size_t rank, const box_arrays *others, size_t i,
                        unsigned bits, unsigned sure, const uint32_t *classes, uint32_t class) {
  for (unsigned left = s->job->classes ? bits : 0; left; left &= left - 1) {
    size_t lane = (size_t)__builtin_ctz(left);
    if (classes[i + lane] != class) bits &= ~(1u << lane);
  }
  if (!bits || bits & sure) return bits != 0;
  box own = broadcast_corners(&s->ranked, rank), other = load_corners(others, i);
  vec value = measure(&other, &own, (measure_form){s->kind, 1, 0}, vset1(0));
  return (bits & vbits(vlt(s->threshold, value))) != 0;
}

/* What decides most comparisons without a division. */
typedef struct comparison {
  vec intersection, united;
} comparison;

ALWAYS_INLINE comparison compare(const box *own, const box_arrays *others, size_t i) {
  box other = load_corners(others, i);
  vec width = vsub(vmin(other.x2, own->x2), vmax(other.x1, own->x1));
  vec height = vsub(vmin(other.y2, own->y2), vmax(other.y1, own->y1));
  vec intersection = vmul(width, vmax(height, vset1(0)));
  return (comparison){intersection, union_of(&other, own, intersection)};
}

/* Not exceeds: rounding may make both the same number where they are tiny. */
ALWAYS_INLINE unsigned reaches(comparison c, vec part) {
  return vbits(vle(vmul(part, c.united), c.intersection));
}

/* Compares with all that are kept and may overlap. */
OUT_OF_LINE int suppressed_by_any(const suppression *s, size_t rank, uint32_t class) {
  const box own = broadcast_corners(&s->ranked, rank);
  for (size_t i = 0; i < s->listed; i += LANES) {
    unsigned valid = (1u << smaller(s->listed - i, LANES)) - 1;
    unsigned bits = s->everyone ? valid : reaches(compare(&own, &s->ranked, i), s->cheap) & valid;
    if (bits && confirm(s, rank, &s->ranked, i, bits, 0, s->job->classes, class)) return 1;
  }
  return 0;
}

/* Compares with the boxes of a cell. What stands behind them is NaN or kept, too. */
ALWAYS_INLINE int suppressed_in(const suppression *s, const box *own, size_t rank, cell_span used,
                                uint32_t class) {
  for (size_t i = used.begin; i < used.end; i += LANES) {
    comparison c = compare(own, &s->slots, i);
    unsigned bits = reaches(c, s->cheap);
    if (!bits) continue;
    unsigned sure = reaches(c, s->sure);
    if (sure && !s->job->classes) return 1;
    if (confirm(s, rank, &s->slots, i, bits, sure, s->job->slot_classes, class)) return 1;
  }
  return 0;
}

/* Compares with the cells of its window and that of odd boxes, or with all where that is less. */
OUT_OF_LINE int suppressed_nearby(const suppression *s, size_t rank, uint32_t class) {
  const grid *g = &s->grid;
  const cell_span *spans = s->job->spans;
  size_t at = rank % RANKS;
  real across = s->right[at] - s->left[at], down = s->bottom[at] - s->top[at];
  int all = !(across < (real)g->mask_x && down < (real)g->mask_y);
  if (all || (across + 1) * (down + 1) > (real)(s->listed / LANES + 4))
    return suppressed_by_any(s, rank, class);
  const box own = broadcast_corners(&s->ranked, rank);
  uint32_t left = whole_number(s->left[at]) + class_x(class), columns = (uint32_t)across + 1;
  uint32_t top = whole_number(s->top[at]) + class_y(class), rows = (uint32_t)down + 1;
  for (uint32_t y = top; y != top + rows; y++) {
    const cell_span *row = spans + ((y & g->mask_y) << g->bits_x);
    for (uint32_t x = left; x != left + columns; x++)
      if (suppressed_in(s, &own, rank, row[x & g->mask_x], class)) return 1;
  }
  return suppressed_in(s, &own, rank, spans[s->odd_cell], class);
}

static void copy_box(const box_arrays *to, size_t at, const box_arrays *from, size_t i) {
  to->x1[at] = from->x1[i];
  to->y1[at] = from->y1[i];
  to->x2[at] = from->x2[i];
  to->y2[at] = from->y2[i];
  to->area[at] = from->area[i];
}

static void keep(suppression *s, size_t rank, uint32_t class) {
  const nms_job *j = s->job;
  uint32_t cell = j->cells[rank];
  j->order[s->kept++] = j->order[rank];
  if (j->per_class) j->per_class[class]++;
  if (cell == NO_CELL) return;
  size_t slot = j->spans[cell].end++;
  copy_box(&s->slots, slot, &s->ranked, rank);
  if (j->classes) j->slot_classes[slot] = class;
  if (cell > s->odd_cell) return;
  copy_box(&s->ranked, s->listed, &s->ranked, rank);
  if (j->classes) j->classes[s->listed] = class;
  s->listed++;
}

/* First its own cell, where what suppresses it is most likely. */
ALWAYS_INLINE int is_suppressed(const suppression *s, size_t rank, uint32_t class) {
  uint32_t cell = s->job->cells[rank];
  if (cell == NO_CELL) return 0;
  if (cell == s->odd_cell) return suppressed_by_any(s, rank, class);
  const box own = broadcast_corners(&s->ranked, rank);
  if (suppressed_in(s, &own, rank, s->job->spans[cell], class)) return 1;
  return cell < s->odd_cell && suppressed_nearby(s, rank, class);
}

static void suppress_all(suppression *s) {
  const nms_job *j = s->job;
  for (size_t rank = 0; rank < j->n && s->kept < j->max_output; rank++) {
    uint32_t class = class_of(j, rank);
    if (s->gridded && rank % RANKS == 0) make_windows(s, rank);
    if (j->per_class && j->per_class[class] >= j->max_per_class) continue;
    if (!is_suppressed(s, rank, class)) keep(s, rank, class);
  }
}

/* Thresholds for cheap comparisons: with rounding 2^-20 off the exact one. Without odd boxes, and
 * for an ordinary threshold, all products are normal numbers, and so many digits are sure. */
static void set_thresholds(suppression *s, real threshold, int ordinary) {
  int sure = ordinary && threshold >= (real)0x1p-20f && s->kind == VLOSS_SIMILARITY_IOU;
  s->threshold = vset1(threshold);
  s->cheap = vset1(threshold * (1 - (real)0x1p-20f));
  s->sure = vset1(sure ? threshold * (1 + (real)0x1p-20f) : (real)NAN);
}

static void nms_hard(const void *work, size_t begin, size_t end, partial *result) {
  const nms_job *j = work;
  real threshold = threshold_of(j->threshold);
  suppression s = {.job = j, .everyone = threshold < 0};
  survey found = {vset1(0), vset1(0), vset1(0), vset1(0), vset1(0), vset1(0)};
  (void)begin, (void)end, (void)result;
  s.ranked = box_arrays_in(j->numbers, j->room);
  s.slots = box_arrays_in(j->slots, j->room);
  s.kind = j->method == VLOSS_NMS_DIOU ? VLOSS_SIMILARITY_DIOU : VLOSS_SIMILARITY_IOU;
  s.odd_cell = UINT32_C(1) << j->cell_bits;
  make_lists(&s);
  set_thresholds(&s, threshold, rank_boxes(&s, &found));
  if (s.gridded) {
    grid_begin(&s.grid, &found, threshold, j->cell_bits);
    fill_cells(&s);
  }
  open_cells(&s);
  memset(j->slots, 0xff, 5 * j->room * sizeof(real)); /* NaN */
  suppress_all(&s);
  *j->kept = s.kept;
}

#endif
