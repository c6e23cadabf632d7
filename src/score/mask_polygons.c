/* SPDX-License-Identifier: Apache-2.0 */
/* COCO's rasteriser: only where an edge enters another column of pixels, instead of all its points.
 */
#include "score/masks.h"

/* Points stand on a grid of fifths of a pixel. */
#define FINENESS 5

typedef struct point {
  int64_t x, y;
} point;

/* An edge along its longer axis, x if they are equal, from its smaller end. */
typedef struct edge {
  point from, to;
  int64_t length;
  int along_x;
  double slope; /* of the other coordinate */
} edge;

static int64_t grid(double a) { return (int64_t)(FINENESS * a + .5); }

static edge edge_of(const vloss_polygon *p, size_t k) {
  const double *a = p->vertices + 2 * k, *b = p->vertices + 2 * (k + 1 < p->count ? k + 1 : 0);
  point from = {grid(a[0]), grid(a[1])}, to = {grid(b[0]), grid(b[1])};
  int64_t dx = to.x - from.x, dy = to.y - from.y;
  dx = dx < 0 ? -dx : dx;
  dy = dy < 0 ? -dy : dy;
  int along_x = dx >= dy;
  if (along_x ? from.x > to.x : from.y > to.y) {
    point swap = from;
    from = to;
    to = swap;
  }
  edge e = {from, to, along_x ? dx : dy, along_x, 0};
  if (e.length)
    e.slope = along_x ? (double)(to.y - from.y) / (double)dx : (double)(to.x - from.x) / (double)dy;
  return e;
}

/* The other coordinate after t steps. */
static inline int64_t other_at(const edge *e, int64_t t) {
  int64_t start = e->along_x ? e->from.y : e->from.x;
  return (int64_t)((double)start + e->slope * (double)t + .5);
}

/* The first step of an edge along y from which x lies beyond `x`, on the side where it ends: from a
 * quotient that is right within a step or two. */
static int64_t step_beyond(const edge *e, int64_t x) {
  int64_t sign = e->to.x > e->from.x ? 1 : -1;
  double steps = ((double)(x - e->from.x) + .5 * (double)sign) / e->slope;
  int64_t t = steps < 1 ? 1 : steps > (double)e->length ? e->length : (int64_t)steps;
  while (t > 1 && sign * (other_at(e, t - 1) - x) > 0) t--;
  while (t < e->length && sign * (other_at(e, t) - x) <= 0) t++;
  return t;
}

/* y, of the two points where the edge passes from x to x + 1, the smaller */
static int64_t y_at(const edge *e, int64_t x) {
  if (e->along_x) {
    int64_t t = x - e->from.x, a = other_at(e, t), b = other_at(e, t + 1);
    return a < b ? a : b;
  }
  return e->from.y + step_beyond(e, e->to.x > e->from.x ? x : x + 1) - 1;
}

/* The row in which the foreground of a column starts or ends. */
static uint32_t row_at(int64_t y, size_t height) {
  double row = ((double)y + .5) / FINENESS - .5;
  if (row < 0) return 0;
  if (row > (double)height) return (uint32_t)height;
  uint32_t whole = (uint32_t)row;
  return whole + ((double)whole < row);
}

/* The columns [begin, end) of pixels that an edge enters: those for which it passes from
 * 5 column + 2 to the next point. */
static void columns_of(const edge *e, size_t width, int64_t *begin, int64_t *end) {
  int64_t low = e->from.x < e->to.x ? e->from.x : e->to.x;
  int64_t high = e->from.x < e->to.x ? e->to.x : e->from.x;
  const int64_t centre = FINENESS / 2;
  *begin = low <= centre ? 0 : (low - centre + FINENESS - 1) / FINENESS;
  *end = high <= centre ? 0 : (high - centre + FINENESS - 1) / FINENESS;
  if (*end > (int64_t)width) *end = (int64_t)width;
}

size_t vloss_mask_find_crossings(const vloss_polygon *polygons, size_t n, size_t height,
                                 size_t width, uint64_t *crossings) {
  size_t found = 0;
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < polygons[i].count; k++) {
      edge e = edge_of(&polygons[i], k);
      int64_t begin, end;
      columns_of(&e, width, &begin, &end);
      for (int64_t column = begin; column < end; column++, found++)
        if (crossings) {
          uint64_t row = row_at(y_at(&e, FINENESS * column + FINENESS / 2), height);
          crossings[found] = ((uint64_t)column * height + row) << 32 | i;
        }
    }
  return found;
}

size_t vloss_mask_write_union(const uint64_t *crossings, size_t n, uint32_t pixels, uint8_t *inside,
                              size_t polygons, uint32_t *counts, size_t capacity) {
  run_writer w = {counts, capacity, 0, 0};
  size_t level = 0;
  memset(inside, 0, polygons);
  for (size_t i = 0; i < n;) {
    uint64_t place = crossings[i] >> 32;
    int before = level > 0;
    for (; i < n && crossings[i] >> 32 == place; i++) {
      uint8_t *now = &inside[crossings[i] & UINT32_MAX];
      *now ^= 1;
      level += *now ? 1 : SIZE_MAX;
    }
    if (before != (level > 0)) run_turn(&w, (uint32_t)place);
  }
  run_end(&w, pixels);
  return w.count;
}

size_t vloss_mask_crossings_size(size_t crossings, size_t polygons) {
  size_t bytes;
  if (!polygons) return 0;
  if (__builtin_mul_overflow(crossings, 16, &bytes) ||
      __builtin_add_overflow(bytes, polygons + 8, &bytes) || bytes > PTRDIFF_MAX)
    return SIZE_MAX;
  return bytes;
}
