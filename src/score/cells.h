/* SPDX-License-Identifier: Apache-2.0 */
/* Where hard suppression files what it keeps: the boxes of a small class in a list, the others in
 * the cells of a grid. */
#ifndef VLOSS_SCORE_CELLS_H
#define VLOSS_SCORE_CELLS_H

#include "score/gather.h"
#include "score/grid.h"
#include "score/threshold.h"

enum {
  RANKS = 64,     /* whose windows are made together */
  LIST_MOST = 256 /* boxes of a class in a list: an estimate from the instructions of a window of
                     the grid, not tuned */
};

typedef struct suppression {
  const nms_job *job;
  box_arrays ranked, slots;
  grid grid;
  vec threshold;
  vec cheap, sure; /* I >= cheap U is necessary for IoU > threshold, I >= sure U enough */
  vloss_similarity_kind kind;
  int everyone;      /* a threshold < 0: boxes apart may suppress each other */
  int gridded;       /* some boxes are not in lists */
  uint32_t odd_cell; /* behind the cells of the grid: that of odd boxes; then the lists */
  size_t kept;       /* in the result */
  size_t listed;     /* at the front of the ranked arrays: what may suppress odd boxes */
  real left[RANKS], right[RANKS], top[RANKS], bottom[RANKS];
} suppression;

/* What stands for a cell before it is known, and for boxes that overlap nothing. */
enum { CELL_UNKNOWN = 0 };
#define NO_CELL UINT32_MAX

static uint32_t class_of(const nms_job *j, size_t rank) {
  return j->classes ? j->classes[rank] : 0;
}

/* The cell that is the list of a class. */
static uint32_t list_of(const suppression *s, uint32_t class) { return s->odd_cell + 1 + class; }

/* Makes room for a list of each small class: the others have none. */
static void make_lists(suppression *s) {
  const nms_job *j = s->job;
  cell_span *lists = j->spans + list_of(s, 0);
  memset(lists, 0, j->class_count * sizeof *lists);
  s->gridded = s->everyone;
  if (s->everyone) return;
  if (!j->classes) lists[0].end = (uint32_t)j->n;
  for (size_t i = 0; j->classes && i < j->n; i++) lists[j->classes[i]].end++;
  for (size_t class = 0; class < j->class_count; class ++) {
    if (lists[class].end <= LIST_MOST) continue;
    lists[class].end = 0;
    s->gridded = 1;
  }
}

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

/* The cells of some ranked boxes as far as they are known; bits: which have an area, and which of
 * them may be placed in the grid. */
static void choose_cells(const suppression *s, size_t rank, size_t count, unsigned solids,
                         unsigned places) {
  const nms_job *j = s->job;
  for (size_t k = 0; k < count; k++) {
    uint32_t list = list_of(s, class_of(j, rank + k));
    uint32_t cell = places >> k & 1 ? CELL_UNKNOWN : s->odd_cell;
    if (j->spans[list].end) cell = list;
    if (!(solids >> k & 1)) cell = NO_CELL;
    j->cells[rank + k] = s->everyone ? s->odd_cell : cell;
  }
}

/* Ranked boxes, and what the grid needs to know. Returns whether none of them is odd. */
static int rank_boxes(suppression *s, survey *found) {
  const nms_job *j = s->job;
  unsigned odd = 0;
  for (size_t i = 0; i < j->n; i += LANES) {
    size_t count = smaller(j->n - i, LANES);
    made_box made =
        box_of(gather_raw(&j->boxes, j->order + i, count), j->boxes.format, j->boxes.any_corners);
    store_corners(&s->ranked, i, made.box);
    mask solid = is_solid(&made.box), placed = vand(solid, vand(made.ordinary, fits(&made.box)));
    unsigned solids = vbits(solid), places = vbits(placed);
    odd |= solids ^ places;
    choose_cells(s, i, count, solids, places);
    if (s->gridded) survey_add(found, &made.box, placed);
  }
  return !odd;
}

/* The cell of each box of the grid, and how many boxes a cell has. */
static void fill_cells(suppression *s) {
  const nms_job *j = s->job;
  const grid *g = &s->grid;
  memset(j->spans, 0, (s->odd_cell + 1) * sizeof *j->spans);
  for (size_t i = 0; i < j->n; i += LANES) {
    box b = load_corners(&s->ranked, i);
    real x[LANES], y[LANES];
    vstore(x, centre_cell(b.x1, b.x2, g->origin_x, g));
    vstore(y, centre_cell(b.y1, b.y2, g->origin_y, g));
    for (size_t k = 0; k < smaller(j->n - i, LANES); k++) {
      uint32_t *cell = &j->cells[i + k], class = class_of(j, i + k);
      if (*cell > s->odd_cell) continue;
      if (*cell != s->odd_cell)
        *cell = cell_number(g, whole_number(x[k]) + class_x(class),
                            whole_number(y[k]) + class_y(class));
      j->spans[*cell].end++;
    }
  }
}

/* From how many boxes a cell may have to where it begins, and ends: it is empty. */
static void open_cells(const suppression *s) {
  cell_span *spans = s->job->spans;
  uint32_t next = 0;
  for (size_t k = s->gridded ? 0 : s->odd_cell + 1; k < list_of(s, 0) + s->job->class_count; k++) {
    uint32_t most = spans[k].end;
    spans[k] = (cell_span){next, next};
    next += most;
  }
}

#endif
