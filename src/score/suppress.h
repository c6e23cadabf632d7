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

/* What decides most comparisons without a division. */
typedef struct comparison {
  vec intersection, united;
} comparison;

ALWAYS_INLINE comparison compare(const box *own, box other) {
  vec width = vsub(vmin(other.x2, own->x2), vmax(other.x1, own->x1));
  vec height = vsub(vmin(other.y2, own->y2), vmax(other.y1, own->y1));
  vec intersection = vmul(width, vmax(height, vset1(0)));
  return (comparison){intersection, union_of(&other, own, intersection)};
}

/* Not exceeds: rounding may make both the same number where they are tiny. */
ALWAYS_INLINE mask reaches(comparison c, vec part) {
  return vle(vmul(part, c.united), c.intersection);
}

/* Which of some boxes suppress the own one. */
OUT_OF_LINE unsigned confirmed(const suppression *s, size_t rank, const box *others) {
  box own = broadcast_corners(&s->ranked, rank);
  vec value = measure(others, &own, (measure_form){s->kind, 1, 0}, vset1(0));
  return vbits(vlt(s->threshold, value));
}

static unsigned of_class(const nms_job *j, size_t i, unsigned bits, uint32_t class) {
  for (unsigned left = j->classes ? bits : 0; left; left &= left - 1) {
    size_t lane = (size_t)__builtin_ctz(left);
    if (j->classes[i + lane] != class) bits &= ~(1u << lane);
  }
  return bits;
}

/* Compares with all that are kept and may overlap. */
OUT_OF_LINE int suppressed_by_any(const suppression *s, size_t rank, uint32_t class) {
  const box own = broadcast_corners(&s->ranked, rank);
  for (size_t i = 0; i < s->listed; i += LANES) {
    const box others = load_corners(&s->ranked, i);
    unsigned bits = (1u << smaller(s->listed - i, LANES)) - 1;
    if (!s->everyone) bits &= vbits(reaches(compare(&own, others), s->cheap));
    bits = of_class(s->job, i, bits, class);
    if (bits && bits & confirmed(s, rank, &others)) return 1;
  }
  return 0;
}

ALWAYS_INLINE box load_slots(const block *b, size_t slot) {
  return (box){vload(b->x1 + slot),
               vload(b->y1 + slot),
               vload(b->x2 + slot),
               vload(b->y2 + slot),
               vload(b->area + slot),
               vset1(0),
               vset1(0)};
}

/* Which of LANES slots reach a part of the union with a box, and are of its class. */
ALWAYS_INLINE unsigned slots_that(mask reach, const block *b, size_t slot, ivec minus_class,
                                  int by_class) {
  const unsigned slots = (int)LANES > (int)SLOTS ? (1u << SLOTS) - 1 : ~0u;
  if (by_class) {
    vec difference = as_real(iadd(as_int(vload(b->class + slot)), minus_class));
    reach = vand(reach, veq(difference, vset1(0))); /* of no bits: the control word is pinned */
  }
  return vbits(reach) & slots;
}

ALWAYS_INLINE ivec minus(uint32_t class) { return iset1(0 - (uint64_t) class); }

/* Compares with the boxes of a cell. */
ALWAYS_INLINE int suppressed_in(const suppression *s, const box *own, size_t rank,
                                const cell_chain *cell, ivec minus_class, int by_class) {
  uint32_t at = cell->first;
  for (size_t left = cell->count; left; at = s->job->next[at]) {
    const block *b = &s->blocks[at];
    size_t used = smaller(left, SLOTS);
    for (size_t slot = 0; slot < used; slot += LANES) {
      const box others = load_slots(b, slot);
      comparison c = compare(own, others);
      unsigned bits = slots_that(reaches(c, s->cheap), b, slot, minus_class, by_class);
      if (!bits) continue;
      if (bits & vbits(reaches(c, s->sure))) return 1;
      if (bits & confirmed(s, rank, &others)) return 1;
    }
    left -= used;
  }
  return 0;
}

/* Compares with the cells of its window and that of odd boxes, or with all where that is less. */
ALWAYS_INLINE int suppressed_nearby(const suppression *s, size_t rank, uint32_t class,
                                    int by_class) {
  const grid *g = &s->grid;
  const cell_chain *chains = s->job->chains;
  size_t at = rank % RANKS;
  real across = s->right[at] - s->left[at], down = s->bottom[at] - s->top[at];
  int all = !(across < (real)g->mask_x && down < (real)g->mask_y);
  if (all || (across + 1) * (down + 1) > (real)(s->listed / LANES + 4))
    return suppressed_by_any(s, rank, class);
  const box own = broadcast_corners(&s->ranked, rank);
  const ivec minus_class = minus(class);
  uint32_t left = whole_number(s->left[at]) + class_x(class), columns = (uint32_t)across + 1;
  uint32_t top = whole_number(s->top[at]) + class_y(class), rows = (uint32_t)down + 1;
  for (uint32_t y = top; y != top + rows; y++) {
    const cell_chain *row = chains + ((y & g->mask_y) << g->bits_x);
    for (uint32_t x = left; x != left + columns; x++)
      if (suppressed_in(s, &own, rank, row + (x & g->mask_x), minus_class, by_class)) return 1;
  }
  return suppressed_in(s, &own, rank, chains + s->odd_cell, minus_class, by_class);
}

OUT_OF_LINE int suppressed_by_one_class(const suppression *s, size_t rank) {
  return suppressed_nearby(s, rank, 0, 0);
}

OUT_OF_LINE int suppressed_by_class(const suppression *s, size_t rank, uint32_t class) {
  return suppressed_nearby(s, rank, class, 1);
}

/* Compares with a list, which is of one class. */
OUT_OF_LINE int suppressed_in_list(const suppression *s, size_t rank) {
  const box own = broadcast_corners(&s->ranked, rank);
  const cell_chain *list = &s->job->chains[s->job->cells[rank]];
  return suppressed_in(s, &own, rank, list, minus(0), 0);
}

ALWAYS_INLINE int is_suppressed(const suppression *s, size_t rank, uint32_t class) {
  uint32_t cell = s->job->cells[rank];
  if (cell > s->nowhere) return suppressed_in_list(s, rank);
  if (cell == s->nowhere) return 0;
  if (cell == s->odd_cell) return suppressed_by_any(s, rank, class);
  return s->job->classes ? suppressed_by_class(s, rank, class) : suppressed_by_one_class(s, rank);
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
  if (cell == s->nowhere) return;
  file_box(s, rank, class);
  if (cell > s->nowhere) return;
  copy_box(&s->ranked, s->listed, &s->ranked, rank);
  if (j->classes) j->classes[s->listed] = class;
  s->listed++;
}

/* Of up to RANKS boxes those that the first vector of their cell leaves: most of what is suppressed
 * is so by what came first there, and finding out does not depend on a branch. */
ALWAYS_INLINE uint64_t left_by_first(const suppression *s, size_t rank, size_t count,
                                     int by_class) {
  const nms_job *j = s->job;
  uint64_t left = 0;
  for (size_t k = 0; k < count; k++) {
    const block *first = &s->blocks[j->chains[j->cells[rank + k]].first];
    const box own = broadcast_corners(&s->ranked, rank + k);
    mask reach = reaches(compare(&own, load_slots(first, 0)), s->sure);
    ivec minus_class = minus(by_class ? j->classes[rank + k] : 0);
    left |= (uint64_t)(slots_that(reach, first, 0, minus_class, by_class) == 0) << k;
  }
  return left;
}

OUT_OF_LINE uint64_t left_of_class(const suppression *s, size_t rank, size_t count) {
  return left_by_first(s, rank, count, 1);
}

OUT_OF_LINE uint64_t left_of_one_class(const suppression *s, size_t rank, size_t count) {
  return left_by_first(s, rank, count, 0);
}

/* Goes through boxes that are left. */
static void suppress_some(suppression *s, size_t rank, uint64_t left) {
  const nms_job *j = s->job;
  for (; left && s->kept < j->max_output; left &= left - 1) {
    size_t own = rank + (size_t)__builtin_ctzll(left);
    uint32_t class = class_of(j, own);
    if (j->per_class && j->per_class[class] >= j->max_per_class) continue;
    if (!is_suppressed(s, own, class)) keep(s, own, class);
  }
}

static void suppress_all(suppression *s) {
  const nms_job *j = s->job;
  for (size_t rank = 0; rank < j->n && s->kept < j->max_output; rank += RANKS) {
    size_t count = smaller(j->n - rank, RANKS);
    if (s->gridded) make_windows(s, rank);
    suppress_some(s, rank,
                  j->classes ? left_of_class(s, rank, count) : left_of_one_class(s, rank, count));
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
  suppression s = {.job = j, .everyone = threshold < 0, .blocks = j->blocks};
  survey found = {vset1(0), vset1(0), vset1(0), vset1(0), vset1(0), vset1(0)};
  (void)begin, (void)end, (void)result;
  s.ranked = box_arrays_in(j->numbers, j->room);
  s.kind = j->method == VLOSS_NMS_DIOU ? VLOSS_SIMILARITY_DIOU : VLOSS_SIMILARITY_IOU;
  s.odd_cell = UINT32_C(1) << j->cell_bits;
  s.nowhere = s.odd_cell + 1;
  open_block(&s); /* the empty one */
  make_lists(&s);
  set_thresholds(&s, threshold, rank_boxes(&s, &found));
  if (s.gridded) {
    grid_begin(&s.grid, &found, threshold, j->cell_bits);
    find_cells(&s);
  }
  suppress_all(&s);
  *j->kept = s.kept;
}

#endif
