/* SPDX-License-Identifier: Apache-2.0 */
/* Where hard suppression files what it keeps: the boxes of a small class in a list, the others in
 * the cells of a grid. */
#ifndef VLOSS_SCORE_CELLS_H
#define VLOSS_SCORE_CELLS_H

#include "score/gather.h"
#include "score/grid.h"
#include "score/threshold.h"

enum {
  RANKS = 64, /* that are looked at together */
  SLOTS = BLOCK_BYTES / (BLOCK_ARRAYS * sizeof(real)),
  LIST_MOST = 256 /* boxes of a class in a list: an estimate from the instructions of a window of
                     the grid, not tuned */
};

/* Boxes of a cell; NaN where there is none. A class is an integer as wide as the numbers. */
typedef struct block {
  real x1[SLOTS], y1[SLOTS], x2[SLOTS], y2[SLOTS], area[SLOTS], class[SLOTS];
} block;

typedef struct suppression {
  const nms_job *job;
  box_arrays ranked;
  block *blocks;
  uint32_t blocks_used;
  grid grid;
  vec threshold;
  vec cheap, sure; /* I >= cheap U is necessary for IoU > threshold, I >= sure U enough */
  vloss_similarity_kind kind;
  int everyone;      /* a threshold < 0: boxes apart may suppress each other */
  int gridded;       /* some boxes are not in lists */
  uint32_t odd_cell; /* behind the cells of the grid: that of odd boxes; */
  uint32_t nowhere;  /* that of boxes that overlap nothing, which stays empty; then the lists */
  size_t kept;       /* in the result */
  size_t listed;     /* at the front of the ranked arrays: what may suppress odd boxes */
  real left[RANKS], right[RANKS], top[RANKS], bottom[RANKS];
} suppression;

/* What stands for a cell before it is known, and for the list of a class that has none. */
enum { CELL_UNKNOWN = 0 };

static uint32_t class_of(const nms_job *j, size_t rank) {
  return j->classes ? j->classes[rank] : 0;
}

/* Empties all cells, and gives each small class a list; tiny ones are not worth it. */
static void make_lists(suppression *s) {
  const nms_job *j = s->job;
  uint32_t cell = s->nowhere, *count = j->class_cells;
  memset(count, 0, j->class_count * sizeof *count);
  for (size_t i = 0; j->classes && i < j->n; i++) count[j->classes[i]]++;
  if (!j->classes) count[0] = (uint32_t)j->n;
  s->gridded = s->everyone;
  for (size_t class = 0; class < j->class_count; class ++) {
    int listed = !s->everyone && count[class] >= LIST_LEAST && count[class] <= LIST_MOST;
    count[class] = listed ? ++cell : CELL_UNKNOWN;
    s->gridded |= !listed;
  }
  memset(j->chains, 0, (cell + 1) * sizeof *j->chains);
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

/* Cells of about three times the geometric mean of the extents, which single huge boxes do not
 * move: measured on 8,400 to 100,000 boxes, clustered and not, half and twice that are slower. */
static void grid_begin(grid *g, const survey *s, real threshold, int cell_bits) {
  real count = lane_sum(s->count), exponents = lane_sum(s->exponents);
  real mean = count > 0 ? exponents / (2 * count) : exponent_bias;
  real wanted = mean + (real)1.5, rounded = (real)(int)wanted;
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
ALWAYS_INLINE void choose_cells(const suppression *s, size_t rank, size_t count, unsigned solids,
                                unsigned places) {
  const nms_job *j = s->job;
  for (size_t k = 0; k < count; k++) {
    uint32_t list = j->class_cells[class_of(j, rank + k)];
    uint32_t cell = places >> k & 1 && !s->everyone ? CELL_UNKNOWN : s->odd_cell;
    if (list != CELL_UNKNOWN) cell = list;
    if (!(solids >> k & 1) && !s->everyone) cell = s->nowhere;
    j->cells[rank + k] = cell;
  }
}

/* Ranked boxes [rank, rank + count), and what the grid needs to know. Returns which are odd. */
static unsigned rank_some(suppression *s, size_t rank, size_t count, survey *found) {
  const nms_job *j = s->job;
  real raw[4 * RANKS];
  unsigned odd = 0;
  gather_groups(&j->boxes, j->order + rank, count, raw);
  for (size_t i = 0; i < count; i += LANES) {
    made_box made = box_of(ordered_groups(raw + 4 * i), j->boxes.format, j->boxes.any_corners);
    store_corners(&s->ranked, rank + i, made.box);
    mask solid = is_solid(&made.box), placed = vand(solid, vand(made.ordinary, fits(&made.box)));
    unsigned solids = vbits(solid), places = vbits(placed);
    odd |= solids ^ places;
    choose_cells(s, rank + i, smaller(count - i, LANES), solids, places);
    if (s->gridded) survey_add(found, &made.box, placed);
  }
  return odd;
}

/* All of them. Returns whether none is odd. */
static int rank_boxes(suppression *s, survey *found) {
  size_t n = s->job->n;
  unsigned odd = 0;
  for (size_t i = 0; i < n; i += RANKS) odd |= rank_some(s, i, smaller(n - i, RANKS), found);
  return !odd;
}

/* The cell of each box of the grid. */
static void find_cells(suppression *s) {
  const nms_job *j = s->job;
  const grid *g = &s->grid;
  for (size_t i = 0; i < j->n; i += LANES) {
    box b = load_corners(&s->ranked, i);
    real x[LANES], y[LANES];
    vstore(x, centre_cell(b.x1, b.x2, g->origin_x, g));
    vstore(y, centre_cell(b.y1, b.y2, g->origin_y, g));
    for (size_t k = 0; k < smaller(j->n - i, LANES); k++) {
      uint32_t class = class_of(j, i + k);
      uint32_t cell =
          cell_number(g, whole_number(x[k]) + class_x(class), whole_number(y[k]) + class_y(class));
      if (j->cells[i + k] == CELL_UNKNOWN) j->cells[i + k] = cell;
    }
  }
}

static uint32_t open_block(suppression *s) {
  memset(&s->blocks[s->blocks_used], 0xff, sizeof *s->blocks); /* NaN */
  return s->blocks_used++;
}

/* Puts a ranked box into its cell. */
static void file_box(suppression *s, size_t rank, uint32_t class) {
  cell_chain *c = &s->job->chains[s->job->cells[rank]];
  size_t slot = c->count % SLOTS;
  if (slot == 0) {
    uint32_t new = open_block(s);
    *(c->count ? &s->job->next[c->last] : &c->first) = new;
    c->last = new;
  }
  c->count++;
  block *b = &s->blocks[c->last];
  b->x1[slot] = s->ranked.x1[rank];
  b->y1[slot] = s->ranked.y1[rank];
  b->x2[slot] = s->ranked.x2[rank];
  b->y2[slot] = s->ranked.y2[rank];
  b->area[slot] = s->ranked.area[rank];
  b->class[slot] = first_lane(as_real(iset1(class)));
}

#endif
