/* SPDX-License-Identifier: Apache-2.0 */
#include "api/split.h"
#include "score/mask_measure.h"

/* A run of foreground by the places where it starts and ends. */
typedef struct stretch {
  uint32_t begin, end;
} stretch;

/* A mask by its runs of foreground. */
typedef struct outline {
  const stretch *runs;
  size_t count;
  int64_t area;
  pixel_box box;
} outline;

typedef struct iou_job {
  const outline *a, *b;
  size_t m, row_stride;
  const uint8_t *crowd;
  double *out;
} iou_job;

/* How many of n runs end at `place` or before. */
static size_t runs_before(const stretch *runs, size_t n, uint32_t place) {
  size_t begin = 0;
  if (!n) return 0;
  for (; n > 1; n -= n / 2) begin += runs[begin + n / 2 - 1].end <= place ? n / 2 : 0;
  return begin + (runs[begin].end <= place);
}

/* A walk along runs of two outlines: the next of either. */
typedef struct walk {
  size_t i, end, k;
} walk;

/* Pixels in both of the next runs; on from the one that ends first. Sums of conditions, since
 * nobody could predict branches. */
static inline uint32_t take_step(const stretch *a, const stretch *b, walk *w) {
  stretch p = a[w->i], q = b[w->k];
  uint32_t begin = p.begin > q.begin ? p.begin : q.begin;
  uint32_t end = p.end < q.end ? p.end : q.end;
  w->i += p.end <= q.end;
  w->k += q.end <= p.end;
  return end > begin ? end - begin : 0;
}

/* As many steps are possible at least. */
static inline size_t safe_steps(const walk *w, size_t b_runs) {
  size_t a = w->end - w->i, b = b_runs - w->k;
  return a < b ? a : b;
}

/* The runs [begin, end) of a, and those of b from the first that they can meet. */
static walk walk_runs(const outline *a, size_t begin, size_t end, const outline *b) {
  return (walk){begin, end, begin < end ? runs_before(b->runs, b->count, a->runs[begin].begin) : 0};
}

static uint32_t walk_on(const outline *a, const outline *b, walk w) {
  uint32_t sum = 0;
  for (size_t steps; (steps = safe_steps(&w, b->count)) > 0;)
    while (steps--) sum += take_step(a->runs, b->runs, &w);
  return sum;
}

static inline size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* Pixels in both. In three walks at once, each with a third of the runs of a, since a step waits
 * for the one before. */
static uint32_t intersect(const outline *a, const outline *b) {
  size_t begin = runs_before(a->runs, a->count, b->runs[0].begin), n = b->count;
  size_t end = runs_before(a->runs, a->count, b->runs[n - 1].end - 1);
  end += end < a->count;
  size_t third = (end - begin) / 3;
  walk low = walk_runs(a, begin, begin + third, b);
  walk middle = walk_runs(a, begin + third, end - third, b);
  walk high = walk_runs(a, end - third, end, b);
  uint32_t sum = 0;
  for (size_t steps; (steps = least(safe_steps(&low, n),
                                    least(safe_steps(&middle, n), safe_steps(&high, n)))) > 0;)
    while (steps--) {
      sum += take_step(a->runs, b->runs, &low);
      sum += take_step(a->runs, b->runs, &middle);
      sum += take_step(a->runs, b->runs, &high);
    }
  return sum + walk_on(a, b, low) + walk_on(a, b, middle) + walk_on(a, b, high);
}

static inline int boxes_touch(pixel_box a, pixel_box b) {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

static void iou_rows(const void *work, size_t begin, size_t end, partial *result) {
  const iou_job *j = work;
  (void)result;
  for (size_t i = begin; i < end; i++) {
    const outline *a = &j->a[i];
    for (size_t k = 0; k < j->m; k++) {
      const outline *b = &j->b[k];
      int64_t both = boxes_touch(a->box, b->box) ? intersect(a, b) : 0;
      int64_t either = j->crowd && j->crowd[k] ? a->area : a->area + b->area - both;
      j->out[i * j->row_stride + k] = both ? (double)both / (double)either : 0;
    }
  }
}

/* Fills in an outline with runs in `room`; returns the room behind them. */
static stretch *outline_of(const vloss_mask *mask, outline *o, stretch *room) {
  *o = (outline){room, mask->count / 2, vloss_mask_foreground(mask), vloss_mask_extent(mask)};
  uint32_t place = 0;
  for (size_t i = 0; i < o->count; i++) {
    room[i].begin = place + mask->counts[2 * i];
    place = room[i].end = room[i].begin + mask->counts[2 * i + 1];
  }
  return room + o->count;
}

size_t vloss_mask_outlines_size(const vloss_mask *a, size_t n, const vloss_mask *b, size_t m) {
  size_t masks, runs = 0, bytes, total = 8;
  if (__builtin_add_overflow(n, m, &masks)) return SIZE_MAX;
  if (!n || !m) return 0;
  for (size_t i = 0; i < masks; i++)
    if (__builtin_add_overflow(runs, i < n ? a[i].count : b[i - n].count, &runs)) return SIZE_MAX;
  if (__builtin_mul_overflow(masks, sizeof(outline), &bytes) ||
      __builtin_add_overflow(total, bytes, &total) || __builtin_mul_overflow(runs, 4, &bytes) ||
      __builtin_add_overflow(total, bytes, &total) || total > PTRDIFF_MAX)
    return SIZE_MAX;
  return total;
}

/* About as many steps as a task is worth. */
enum { GRAIN_STEPS = 1 << 15 };

void vloss_mask_compare(const vloss_mask *a, size_t n, const vloss_mask *b, size_t m,
                        const vloss_mask_options *o, void *workspace, double *out) {
  iou_job j = {
      .m = m, .row_stride = o->row_stride ? o->row_stride : m, .crowd = o->crowd, .out = out};
  outline *outlines = workspace;
  stretch *first = (stretch *)(outlines + n + m), *room = first;
  for (size_t i = 0; i < n; i++) room = outline_of(&a[i], &outlines[i], room);
  for (size_t k = 0; k < m; k++) room = outline_of(&b[k], &outlines[n + k], room);
  j.a = outlines;
  j.b = outlines + n;
  size_t steps = (size_t)(room - first) / (n + m) + 1;
  size_t rows = GRAIN_STEPS / m / steps + 1;
  partial found;
  split_run(iou_rows, &j, (division){n, 1, rows}, 0, o->executor, &found);
}
