/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of blocks of rows between their places and a packed block, in which class k of row i
 * stands at k * BLOCK + i. */
#ifndef VLOSS_ROW_PACK_H
#define VLOSS_ROW_PACK_H

#include "frame/rows/block.h"

/* Contiguous rows, whole vectors of them, to columns of a packed block, four classes at a time; the
 * last four overlap those before them. */
ALWAYS_INLINE void pack_fours(const real *from, size_t classes, size_t count, real *packed) {
  for (size_t done = 0, i = 0; done < classes; done = i + 4) {
    i = smaller(done, classes - 4);
    for (size_t k = 0; k < count; k += LANES) {
      vec4 four = vload_rows4(from + k * classes + i, classes);
      real *to = packed + i * BLOCK + k;
      vstore(to, four.x);
      vstore(to + BLOCK, four.y);
      vstore(to + 2 * BLOCK, four.z);
      vstore(to + 3 * BLOCK, four.w);
    }
  }
}

/* Fewer rows than a block, vector by vector; zeros behind them, filled in in `room`. */
static inline void pack_vectors(const real *from, size_t classes, size_t count, real *room,
                                real *packed) {
  for (size_t k = 0; k < BLOCK; k += LANES) {
    size_t numbers = lanes_left(count, k) * classes, all = LANES * classes;
    const real *rows = from + k * classes;
    if (numbers < all) {
      memcpy(room, rows, numbers * sizeof *room);
      memset(room + numbers, 0, (all - numbers) * sizeof *room);
      rows = room;
    }
    pack_fours(rows, classes, LANES, packed + k);
  }
}

/* The other way for rows [k, k + LANES), each times its slope if there are any. */
ALWAYS_INLINE void unpack_fours(const real *packed, size_t classes, size_t k, const vec *slope,
                                real *to) {
  for (size_t done = 0, i = 0; done < classes; done = i + 4) {
    i = smaller(done, classes - 4);
    const real *from = packed + i * BLOCK + k;
    vec4 four = {vload(from), vload(from + BLOCK), vload(from + 2 * BLOCK),
                 vload(from + 3 * BLOCK)};
    vstore_rows4(to + i, classes, slope ? vmul4(four, *slope) : four);
  }
}

/* Whole blocks of two or three classes: the constants let compilers use shuffles. */
ALWAYS_INLINE void pack_few(const real *from, size_t classes, real *packed) {
  for (size_t i = 0; i < classes; i++)
    for (size_t k = 0; k < BLOCK; k++) packed[i * BLOCK + k] = from[k * classes + i];
}

ALWAYS_INLINE void unpack_few(const real *packed, size_t classes, real *to) {
  for (size_t k = 0; k < BLOCK; k++)
    for (size_t i = 0; i < classes; i++) to[k * classes + i] = packed[i * BLOCK + k];
}

/* A run of rows of one image that lie side by side, class by class. */
typedef struct row_run {
  size_t first, count;
  int loose; /* it is the whole image, so that behind a class comes as much of the next one */
} row_run;

static inline row_run run_at(const rows_call *c, const row_block *b, size_t first) {
  size_t position = (b->begin + first) % c->inner;
  size_t count = smaller(b->count - first, c->inner - position);
  return (row_run){first, count, count == c->inner && count > 1};
}

enum { RUN_STEP = 4 };

/* Copies count numbers; `loose`: what stands behind them, on both sides, may go along. */
ALWAYS_INLINE void copy_run(const real *from, real *to, size_t count, int loose) {
  if (loose)
    for (size_t k = 0; k < count; k += RUN_STEP) memcpy(to + k, from + k, RUN_STEP * sizeof *to);
  else
    for (size_t k = 0; k < count; k++) to[k] = from[k];
}

/* Behind a packed run comes the next one, or padding. */
static inline void pack_runs(const rows_call *c, const real *from, const row_block *b,
                             real *packed) {
  row_run r;
  for (size_t k = 0; k < b->count; k += r.count) {
    r = run_at(c, b, k);
    int loose = r.loose && k + (r.count + RUN_STEP - 1) / RUN_STEP * RUN_STEP <= BLOCK;
    for (size_t i = 0; i < c->classes; i++)
      copy_run(from + b->offset[k] + i * c->inner, packed + i * BLOCK + k, r.count,
               loose && i + 1 < c->classes);
  }
}

static inline void unpack_runs(const rows_call *c, const row_block *b, const real *packed,
                               real *to) {
  row_run r;
  for (size_t k = 0; k < b->count; k += r.count) {
    r = run_at(c, b, k);
    for (size_t i = 0; i < c->classes; i++)
      copy_run(packed + i * BLOCK + k, to + b->offset[k] + i * c->inner, r.count,
               r.loose && i + 1 < c->classes);
  }
}

/* Whether the rows of a block follow each other in one piece. */
static inline int rows_are_whole(const rows_call *c, const row_block *b) {
  return c->inner == 1 && b->count == BLOCK;
}

static void pack_whole(const real *from, size_t classes, real *packed) {
  if (classes >= 4)
    pack_fours(from, classes, BLOCK, packed);
  else if (classes == 3)
    pack_few(from, 3, packed);
  else if (classes == 2)
    pack_few(from, 2, packed);
  else
    memcpy(packed, from, BLOCK * sizeof *packed);
}

/* Fewer classes than unpack_fours() takes. */
static void unpack_whole(const real *packed, size_t classes, real *to) {
  if (classes == 3)
    unpack_few(packed, 3, to);
  else if (classes == 2)
    unpack_few(packed, 2, to);
  else
    memcpy(to, packed, BLOCK * sizeof *packed);
}

/* Zeros behind the last row. `room`: for a vector of contiguous rows. */
static void pack_rows(const rows_call *c, const real *from, const row_block *b, real *room,
                      real *packed) {
  if (rows_are_whole(c, b)) {
    pack_whole(from + b->offset[0], c->classes, packed);
    return;
  }
  if (c->inner == 1 && c->classes >= 4) {
    pack_vectors(from + b->offset[0], c->classes, b->count, room, packed);
    return;
  }
  if (b->count < BLOCK) memset(packed, 0, c->classes * BLOCK * sizeof *packed);
  pack_runs(c, from, b, packed);
}

#endif
