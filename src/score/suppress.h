/* SPDX-License-Identifier: Apache-2.0 */
/* Hard suppression: by IoU or by DIoU. */
#ifndef VLOSS_SCORE_SUPPRESS_H
#define VLOSS_SCORE_SUPPRESS_H

#include "score/gather.h"
#include "score/grid.h"
#include "score/threshold.h"

enum { RANKS = 64 }; /* whose windows are made together */

typedef struct suppression {
  const nms_job *job;
  box_arrays ranked, slots;
  grid grid;
  vec threshold, cheap; /* I >= cheap U is necessary for IoU > threshold */
  vloss_similarity_kind kind;
  int everyone;      /* a threshold < 0: boxes apart may suppress each other */
  uint32_t odd_cell; /* behind the cells of the grid: that of odd boxes */
  size_t kept;       /* in the result */
  size_t listed;     /* at the front of the ranked arrays: what may suppress others */
  real left[RANKS], right[RANKS], top[RANKS], bottom[RANKS];
} suppression;

/* What stands for a cell before it is known, and for boxes that overlap nothing. */
enum { CELL_UNKNOWN = 0 };
#define NO_CELL UINT32_MAX

/* Sums over boxes that are to be placed. */
typedef struct survey {
  vec exponents, count, widest, highest;
  vec origin_x, origin_y; /* of some of them */
} survey;

ALWAYS_INLINE void survey_add(survey *s, const box *b, mask placed) {
  vec zero = vset1(0), width = vsub(b->x2, b->x1), height = vsub(b->y2, b->y1);
  vec exponents = vadd(biased_exponent(width), biased_exponent(height));
  s->exponents = vadd(s->exponents, vselect(placed, exponents, zero));
  s->count = vadd(s->count, vselect(placed, vset1(1), zero));
  s->widest = vmax(vselect(placed, width, zero), s->widest);
  s->highest = vmax(vselect(placed, height, zero), s->highest);
  s->origin_x = vselect(placed, b->x1, s->origin_x);
  s->origin_y = vselect(placed, b->y1, s->origin_y);
}

static real lane_sum(vec a) {
  real lanes[LANES], sum = 0;
  vstore(lanes, a);
  for (size_t k = 0; k < LANES; k++) sum += lanes[k];
  return sum;
}

static real lane_max(vec a) {
  real lanes[LANES], most = 0;
  vstore(lanes, a);
  for (size_t k = 0; k < LANES; k++) most = lanes[k] > most ? lanes[k] : most;
  return most;
}

static real first_lane(vec a) {
  real lanes[LANES];
  vstore(lanes, a);
  return lanes[0];
}

/* Cells of two to three times the geometric mean of the extents, which single huge boxes do not
 * move: measured on 8,400 to 100,000 boxes, clustered and not, half and twice that are slower. */
static void grid_begin(grid *g, const survey *s, real threshold, int cell_bits) {
  real count = lane_sum(s->count), exponents = lane_sum(s->exponents);
  real mean = count > 0 ? exponents / (2 * count) : exponent_bias;
  real wanted = mean + (real)1.25, rounded = (real)(int)wanted;
  /* a power of two that is a normal number */
  g->inverse = vmin(vset1(2 * exponent_bias), vmax(vset1(1), vset1(2 * exponent_bias - rounded)));
  g->inverse = vdiv(power_of_two(g->inverse), vset1(1 + (wanted - rounded)));
  g->origin_x = vset1(first_lane(s->origin_x));
  g->origin_y = vset1(first_lane(s->origin_y));
  g->reach = vset1(reach_of(threshold));
  g->widest = vset1(lane_max(s->widest));
  g->highest = vset1(lane_max(s->highest));
  g->bits_x = (cell_bits + 1) / 2;
  g->mask_x = (UINT32_C(1) << g->bits_x) - 1;
  g->mask_y = (UINT32_C(1) << (cell_bits - g->bits_x)) - 1;
}

/* Ranked boxes, which cell they have none of, and what the grid needs to know. */
static void rank_boxes(suppression *s, survey *found) {
  const nms_job *j = s->job;
  for (size_t i = 0; i < j->n; i += LANES) {
    size_t count = smaller(j->n - i, LANES);
    made_box made =
        box_of(gather_raw(&j->boxes, j->order + i, count), j->boxes.format, j->boxes.any_corners);
    store_corners(&s->ranked, i, made.box);
    mask solid = is_solid(&made.box), placed = vand(solid, vand(made.ordinary, fits(&made.box)));
    unsigned solids = vbits(solid), places = vbits(placed);
    for (size_t k = 0; k < count; k++) {
      uint32_t cell = places >> k & 1 ? CELL_UNKNOWN : solids >> k & 1 ? s->odd_cell : NO_CELL;
      j->cells[i + k] = cell;
      if (s->everyone) j->cells[i + k] = s->odd_cell;
    }
    survey_add(found, &made.box, placed);
  }
}

static uint32_t class_of(const nms_job *j, size_t rank) {
  return j->classes ? j->classes[rank] : 0;
}

/* The cell of each box that has one, and how many boxes a cell has. */
static void fill_cells(suppression *s) {
  const nms_job *j = s->job;
  const grid *g = &s->grid;
  memset(j->starts, 0, (s->odd_cell + 2) * sizeof *j->starts);
  memset(j->filled, 0, (s->odd_cell + 1) * sizeof *j->filled);
  for (size_t i = 0; i < j->n; i += LANES) {
    box b = load_corners(&s->ranked, i);
    real x[LANES], y[LANES];
    vstore(x, centre_cell(b.x1, b.x2, g->origin_x, g));
    vstore(y, centre_cell(b.y1, b.y2, g->origin_y, g));
    for (size_t k = 0; k < smaller(j->n - i, LANES); k++) {
      uint32_t *cell = &j->cells[i + k], class = class_of(j, i + k);
      if (*cell == NO_CELL) continue;
      if (*cell != s->odd_cell)
        *cell = cell_number(g, whole_number(x[k]) + class_x(class),
                            whole_number(y[k]) + class_y(class));
      j->starts[*cell + 1]++;
    }
  }
  for (uint32_t k = 0; k <= s->odd_cell; k++) j->starts[k + 1] += j->starts[k];
}

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

/* Whether one of the boxes from i on that `bits` names suppresses the own one. */
OUT_OF_LINE int confirm(const suppression *s, size_t rank, const box_arrays *others, size_t i,
                        unsigned bits, const uint32_t *classes, uint32_t class) {
  box own = broadcast_corners(&s->ranked, rank), other = load_corners(others, i);
  vec value = measure(&other, &own, (measure_form){s->kind, 1, 0}, vset1(0));
  bits &= vbits(vlt(s->threshold, value));
  if (!s->job->classes) return bits != 0;
  for (; bits; bits &= bits - 1)
    if (classes[i + (size_t)__builtin_ctz(bits)] == class) return 1;
  return 0;
}

/* Where I >= cheap U: not >, as rounding may make both the same number where they are tiny. */
ALWAYS_INLINE unsigned overlaps(const suppression *s, const box *own, const box_arrays *others,
                                size_t i) {
  box other = load_corners(others, i);
  vec width = vsub(vmin(other.x2, own->x2), vmax(other.x1, own->x1));
  vec height = vsub(vmin(other.y2, own->y2), vmax(other.y1, own->y1));
  vec intersection = vmul(width, vmax(height, vset1(0)));
  return vbits(vle(vmul(s->cheap, union_of(&other, own, intersection)), intersection));
}

/* Compares with all that are kept and may overlap. */
OUT_OF_LINE int suppressed_by_any(const suppression *s, size_t rank, uint32_t class) {
  const box own = broadcast_corners(&s->ranked, rank);
  for (size_t i = 0; i < s->listed; i += LANES) {
    unsigned valid = (1u << smaller(s->listed - i, LANES)) - 1;
    unsigned bits = s->everyone ? valid : overlaps(s, &own, &s->ranked, i) & valid;
    if (bits && confirm(s, rank, &s->ranked, i, bits, s->job->classes, class)) return 1;
  }
  return 0;
}

/* Compares with cells [left, left + count) of a row. What stands behind the boxes of a cell is NaN
 * or kept, too. */
OUT_OF_LINE int suppressed_in_row(const suppression *s, size_t rank, uint32_t row, uint32_t left,
                                  uint32_t count, uint32_t class) {
  const box own = broadcast_corners(&s->ranked, rank);
  const box_arrays slots = s->slots;
  const uint32_t *filled = s->job->filled + row, *starts = s->job->starts + row;
  for (uint32_t x = left; x < left + count; x++) {
    uint32_t cell = x & s->grid.mask_x;
    size_t start = starts[cell], end = start + filled[cell];
    for (size_t i = start; i < end; i += LANES) {
      unsigned bits = overlaps(s, &own, &slots, i);
      if (bits && confirm(s, rank, &s->slots, i, bits, s->job->slot_classes, class)) return 1;
    }
  }
  return 0;
}

/* Compares with the cells of its window, or with all where that is less: first with its own one,
 * where what suppresses it is most likely. */
static int suppressed_nearby(const suppression *s, size_t rank, uint32_t class) {
  const grid *g = &s->grid;
  uint32_t cell = s->job->cells[rank], odd = s->odd_cell;
  if (suppressed_in_row(s, rank, cell & ~g->mask_x, cell & g->mask_x, 1, class)) return 1;
  size_t at = rank % RANKS;
  real across = s->right[at] - s->left[at], down = s->bottom[at] - s->top[at];
  int all = !(across < (real)g->mask_x && down < (real)g->mask_y);
  if (all || (across + 1) * (down + 1) > (real)(s->listed / LANES + 4))
    return suppressed_by_any(s, rank, class);
  uint32_t left = whole_number(s->left[at]) + class_x(class), columns = (uint32_t)across + 1;
  uint32_t top = whole_number(s->top[at]) + class_y(class), rows = (uint32_t)down + 1;
  for (uint32_t y = 0; y < rows; y++) {
    uint32_t row = ((top + y) & g->mask_y) << g->bits_x;
    if (suppressed_in_row(s, rank, row, left & g->mask_x, columns, class)) return 1;
  }
  return s->job->filled[odd] && suppressed_in_row(s, rank, odd, 0, 1, class);
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
  size_t slot = j->starts[cell] + j->filled[cell]++;
  copy_box(&s->slots, slot, &s->ranked, rank);
  copy_box(&s->ranked, s->listed, &s->ranked, rank);
  if (j->classes) j->slot_classes[slot] = j->classes[s->listed] = class;
  s->listed++;
}

static int is_suppressed(const suppression *s, size_t rank, uint32_t class) {
  uint32_t cell = s->job->cells[rank];
  if (cell == NO_CELL) return 0;
  if (cell == s->odd_cell) return suppressed_by_any(s, rank, class);
  return suppressed_nearby(s, rank, class);
}

static void suppress_all(suppression *s) {
  const nms_job *j = s->job;
  for (size_t rank = 0; rank < j->n && s->kept < j->max_output; rank++) {
    uint32_t class = class_of(j, rank);
    if (rank % RANKS == 0) make_windows(s, rank);
    if (j->per_class && j->per_class[class] >= j->max_per_class) continue;
    if (!is_suppressed(s, rank, class)) keep(s, rank, class);
  }
}

static void nms_hard(const void *work, size_t begin, size_t end, partial *result) {
  const nms_job *j = work;
  real threshold = threshold_of(j->threshold);
  suppression s = {.job = j, .threshold = vset1(threshold), .everyone = threshold < 0};
  survey found = {vset1(0), vset1(0), vset1(0), vset1(0), vset1(0), vset1(0)};
  (void)begin, (void)end, (void)result;
  s.ranked = box_arrays_in(j->numbers, j->room);
  s.slots = box_arrays_in(j->slots, j->room);
  s.kind = j->method == VLOSS_NMS_DIOU ? VLOSS_SIMILARITY_DIOU : VLOSS_SIMILARITY_IOU;
  s.cheap = vset1(threshold * (1 - (real)0x1p-20f));
  s.odd_cell = UINT32_C(1) << j->cell_bits;
  rank_boxes(&s, &found);
  grid_begin(&s.grid, &found, threshold, j->cell_bits);
  fill_cells(&s);
  memset(j->slots, 0xff, 5 * j->room * sizeof(real)); /* NaN */
  suppress_all(&s);
  *j->kept = s.kept;
}

#endif
