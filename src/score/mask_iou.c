/* SPDX-License-Identifier: Apache-2.0 */
#include "api/split.h"
#include "score/mask_measure.h"

/* A mask by the places where its runs of foreground start and end. */
typedef struct outline {
  const uint32_t *places;
  size_t runs;
  int64_t area;
  pixel_box box;
} outline;

typedef struct iou_job {
  const outline *a, *b;
  size_t m, row_stride;
  const uint8_t *crowd;
  double *out;
} iou_job;

/* The first of n runs of foreground that ends behind `place`. */
static size_t first_behind(const uint32_t *places, size_t n, uint32_t place) {
  size_t begin = 0;
  while (n) {
    size_t half = n / 2;
    int before = places[2 * (begin + half) + 1] <= place;
    begin = before ? begin + half + 1 : begin;
    n = before ? n - half - 1 : half;
  }
  return begin;
}

/* A walk along the runs of two outlines: the next ones, and the pixels in both before them. */
typedef struct walk {
  const uint32_t *a, *a_end, *b;
  uint32_t sum;
} walk;

/* On from the run that ends first. Without branches: nobody could predict them. */
static inline void take_step(walk *w) {
  uint32_t begin = w->a[0] > w->b[0] ? w->a[0] : w->b[0];
  uint32_t a_end = w->a[1], b_end = w->b[1], end = a_end < b_end ? a_end : b_end;
  w->sum += end > begin ? end - begin : 0;
  w->a += 2 * (a_end == end);
  w->b += 2 * (b_end == end);
}

static walk walk_runs(const outline *a, size_t begin, size_t end, const outline *b) {
  const uint32_t *from = a->places + 2 * begin;
  size_t k = begin < end ? first_behind(b->places, b->runs, *from) : 0;
  return (walk){from, a->places + 2 * end, b->places + 2 * k, 0};
}

/* Pixels in both. In two walks at once, each with half of the runs of one, since a step waits for
 * the one before. */
static uint32_t intersect(const outline *a, const outline *b) {
  const uint32_t *b_end = b->places + 2 * b->runs;
  size_t begin = first_behind(a->places, a->runs, b->places[0]);
  size_t end = first_behind(a->places, a->runs, b_end[-1] - 1);
  end += end < a->runs;
  size_t middle = begin + (end - begin) / 2;
  walk low = walk_runs(a, begin, middle, b), high = walk_runs(a, middle, end, b);
  while (low.a < low.a_end && low.b < b_end && high.a < high.a_end && high.b < b_end) {
    take_step(&low);
    take_step(&high);
  }
  while (low.a < low.a_end && low.b < b_end) take_step(&low);
  while (high.a < high.a_end && high.b < b_end) take_step(&high);
  return low.sum + high.sum;
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

/* Fills in an outline with places in `room`; returns the room behind them. */
static uint32_t *outline_of(const vloss_mask *mask, outline *o, uint32_t *room) {
  *o = (outline){room, mask->count / 2, vloss_mask_foreground(mask), vloss_mask_extent(mask)};
  uint32_t place = 0;
  for (size_t i = 0; i < 2 * o->runs; i++) room[i] = place += mask->counts[i];
  return room + 2 * o->runs;
}

/* Bytes for the outlines and their places, 0 for none, SIZE_MAX for more than there can be. */
static size_t outlines_size(const vloss_mask *a, size_t n, const vloss_mask *b, size_t m) {
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

size_t vloss_mask_iou_workspace(const vloss_mask *a, size_t n, const vloss_mask *b, size_t m) {
  return a && b ? outlines_size(a, n, b, m) : 0;
}

/* All masks of a call have the size of the first. */
static void check_sizes(scoring *s, const vloss_mask *a, const vloss_mask *b, size_t m) {
  for (size_t k = 0; k < m && s->status == VLOSS_OK; k++)
    if (a->height != b[k].height || a->width != b[k].width)
      scoring_fail_at(s, VLOSS_ERROR_PARAMETER, "b", k);
}

/* About as many steps as a task is worth. */
enum { GRAIN_STEPS = 1 << 15 };

static void iou(const vloss_mask *a, size_t n, const vloss_mask *b, size_t m, iou_job *j,
                const vloss_executor *executor, void *workspace) {
  outline *outlines = aligned_workspace(workspace);
  uint32_t *room = (uint32_t *)(outlines + n + m), *places = room;
  for (size_t i = 0; i < n; i++) room = outline_of(&a[i], &outlines[i], room);
  for (size_t k = 0; k < m; k++) room = outline_of(&b[k], &outlines[n + k], room);
  j->a = outlines;
  j->b = outlines + n;
  size_t steps = (size_t)(room - places) / (n + m) + 1;
  size_t rows = GRAIN_STEPS / m / steps + 1;
  partial found;
  split_run(iou_rows, j, (division){n, 1, rows}, 0, executor, &found);
}

vloss_status vloss_mask_iou(const vloss_mask *a, size_t n, const vloss_mask *b, size_t m,
                            const vloss_mask_options *options, void *workspace,
                            size_t workspace_size, double *out) {
  scoring s;
  vloss_mask_options o;
  if (!mask_open(&s, options, &o)) return scoring_close(&s);
  iou_job j = {.m = m, .row_stride = o.row_stride ? o.row_stride : m, .crowd = o.crowd};
  scoring_matrix(&s, out, n, m, j.row_stride);
  j.out = out;
  if (n && m && a && b) scoring_workspace(&s, workspace, workspace_size, outlines_size(a, n, b, m));
  if (o.crowd) scoring_input(&s, "crowd", o.crowd, m, 1);
  vloss_masks_input(&s, "a", a, n, 1);
  vloss_masks_input(&s, "b", b, m, 1);
  if (n && m) check_sizes(&s, a, b, m);
  if (scoring_ready(&s) && n && m) iou(a, n, b, m, &j, o.executor, workspace);
  return scoring_close(&s);
}
