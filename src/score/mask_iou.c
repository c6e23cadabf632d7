/* SPDX-License-Identifier: Apache-2.0 */
#include "api/split.h"
#include "score/mask_measure.h"

/* A mask by the places where its foreground starts and ends, in turn; an even number of them. */
typedef struct outline {
  const uint32_t *places;
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

/* A walk along two outlines: how far, behind which places, and the pixels in both up to there. */
typedef struct walk {
  size_t i, k;
  uint32_t place;
  uint32_t sum;
} walk;

/* The first of n ascending places behind `place`. */
static size_t first_behind(const uint32_t *places, size_t n, uint32_t place) {
  size_t begin = 0;
  while (n) {
    size_t half = n / 2;
    if (places[begin + half] <= place) {
      begin += half + 1;
      n -= half + 1;
    } else {
      n = half;
    }
  }
  return begin;
}

/* On to the next place of either. Without branches: nobody could predict them. */
static inline void take_step(const uint32_t *a, const uint32_t *b, walk *w) {
  uint32_t p = a[w->i], q = b[w->k], next = p < q ? p : q;
  uint32_t both = (uint32_t)(w->i & w->k & 1);
  w->sum += (next - w->place) & (0 - both);
  w->place = next;
  w->i += p == next;
  w->k += q == next;
}

static inline walk walk_from(const outline *a, const outline *b, uint32_t place) {
  return (walk){first_behind(a->places, a->count, place), first_behind(b->places, b->count, place),
                place, 0};
}

/* Pixels in both. In two walks at once, since each step waits for the one before. */
static uint32_t intersect(const outline *a, const outline *b) {
  const uint32_t *p = a->places, *q = b->places;
  uint32_t begin = p[0] > q[0] ? p[0] : q[0];
  uint32_t a_end = p[a->count - 1], b_end = q[b->count - 1], end = a_end < b_end ? a_end : b_end;
  if (begin >= end) return 0;
  walk low = walk_from(a, b, begin);
  uint32_t middle = p[(low.i + first_behind(p, a->count, end - 1)) / 2];
  if (middle > end) middle = end;
  walk high = walk_from(a, b, middle);
  while (low.place < middle && high.place < end) {
    take_step(p, q, &low);
    take_step(p, q, &high);
  }
  while (low.place < middle) take_step(p, q, &low);
  while (high.place < end) take_step(p, q, &high);
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
  *o = (outline){room, mask->count / 2 * 2, vloss_mask_foreground(mask), vloss_mask_extent(mask)};
  uint32_t place = 0;
  for (size_t i = 0; i < o->count; i++) room[i] = place += mask->counts[i];
  return room + o->count;
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
