/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of all kernels over n x m pairs of boxes: a box in all lanes meets blocks of others, a
 * box per lane. */
#ifndef VLOSS_SCORE_LINES_H
#define VLOSS_SCORE_LINES_H

#include "score/measure.h"

enum {
  LINES = 128,                 /* boxes that meet a block before the next is made */
  ACROSS = 4096 / sizeof(real) /* boxes of a block: the arrays that a loop reads stay in L1 */
};

/* Boxes [begin, begin + count) to the front of arrays that have room for whole vectors; returns
 * whether all of them are ordinary. */
OUT_OF_LINE int box_fill(const box_arrays *to, const box_source *from, size_t begin, size_t count) {
  int ordinary = 1;
  for (size_t i = 0; i < count; i += LANES) {
    made_box made = box_of(load_raw(from, begin + i, smaller(count - i, LANES)), from->format,
                           from->any_corners);
    ordinary &= vall(made.ordinary);
    box_store(to, i, made.box);
  }
  return ordinary;
}

/* What a line is made of: one box, and a block of others. */
typedef struct line {
  const similarity_job *job;
  box_arrays own, across;
  const real *crowd; /* of the second boxes: the own one, or those across */
  size_t at;         /* of the own box in its arrays, */
  size_t index;      /* and among all boxes of its kind */
  size_t begin;      /* of the block */
  size_t count;      /* boxes of the block */
  int swapped;       /* the own box is the second */
  int careful;
} line;

typedef struct line_boxes {
  real own[BOX_NUMBERS * LINES], across[BOX_NUMBERS * ACROSS], crowd[ACROSS];
} line_boxes;

/* What a kernel does with a line. `state`: its own. */
typedef void line_visit(const line *l, void *state);

/* The similarities of vector j of a line's block. */
ALWAYS_INLINE vec line_values(const line *l, const box *own, size_t j, measure_form f,
                              int swapped) {
  box across = box_load(&l->across, j);
  if (swapped) return measure(&across, own, f, vset1(f.careful ? l->crowd[l->at] : 0));
  return measure(own, &across, f, f.careful ? vload(l->crowd + j) : vset1(0));
}

static inline void fill_crowd(real *to, const uint8_t *flags, size_t begin, size_t count) {
  for (size_t k = 0; flags && k < count; k++) to[k] = flags[begin + k] != 0;
}

/* Visits lines [begin, end), in groups block after block. */
ALWAYS_INLINE void visit_lines(const similarity_job *j, size_t begin, size_t end, int swapped,
                               line_visit *visit, void *state) {
  line_boxes boxes;
  line l = {.job = j, .swapped = swapped, .crowd = boxes.crowd};
  const box_source *own = swapped ? &j->second : &j->first;
  const box_source *across = swapped ? &j->first : &j->second;
  size_t width = swapped ? j->n : j->m, filled = SIZE_MAX;
  int ordinary = 0;
  l.own = box_arrays_in(boxes.own, LINES);
  l.across = box_arrays_in(boxes.across, ACROSS);
  memset(boxes.crowd, 0, sizeof boxes.crowd);
  for (size_t i = begin; i < end; i += LINES) {
    size_t lines = smaller(end - i, LINES);
    int own_ordinary = box_fill(&l.own, own, i, lines);
    if (swapped) fill_crowd(boxes.crowd, j->crowd, i, lines);
    for (l.begin = 0; l.begin < width; l.begin += ACROSS) {
      l.count = smaller(width - l.begin, ACROSS);
      if (filled != l.begin) ordinary = box_fill(&l.across, across, l.begin, l.count);
      if (filled != l.begin && !swapped) fill_crowd(boxes.crowd, j->crowd, l.begin, l.count);
      filled = l.begin;
      l.careful = ONE_PATH || !ordinary || !own_ordinary || j->crowd;
      for (l.at = 0; l.at < lines; l.at++) {
        l.index = i + l.at;
        visit(&l, state);
      }
    }
  }
}

/* A loop over a line, made for a form. */
typedef void line_loop(const line *l, void *state, measure_form f);

ALWAYS_INLINE void by_kind(const line *l, void *state, line_loop *loop, int careful) {
  switch (l->job->kind) {
#define KIND(kind) \
  case kind: loop(l, state, (measure_form){kind, careful, 0}); return;
    KIND(VLOSS_SIMILARITY_IOU)
    KIND(VLOSS_SIMILARITY_INTERSECTION)
    KIND(VLOSS_SIMILARITY_IOF)
    KIND(VLOSS_SIMILARITY_GIOU)
    KIND(VLOSS_SIMILARITY_DIOU)
    KIND(VLOSS_SIMILARITY_CIOU)
#undef KIND
  }
}

#endif
