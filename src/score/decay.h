/* SPDX-License-Identifier: Apache-2.0 */
/* Suppression that lowers scores: soft and matrix NMS. */
#ifndef VLOSS_SCORE_DECAY_H
#define VLOSS_SCORE_DECAY_H

#include "score/gather.h"
#include "score/measure.h"
#include "score/threshold.h"

/* The boxes of a job by place; `width` holds their scores or peaks, `height` what comes out. */
static inline box_arrays placed_boxes(const nms_job *j) {
  return box_arrays_in(j->numbers, j->room);
}

/* Units: places. */
static void nms_place(const void *work, size_t begin, size_t end, partial *result) {
  const nms_job *j = work;
  box_arrays to = placed_boxes(j);
  (void)result;
  for (size_t i = begin; i < end; i += LANES) {
    vec4 raw = gather_raw(&j->boxes, j->grouped + i, smaller(end - i, LANES));
    box b = box_of(raw, j->boxes.format, j->boxes.any_corners).box;
    store_corners(&to, i, b);
  }
}

/* IoU, 0 with a box that is NaN: it overlaps nothing */
ALWAYS_INLINE vec overlap_with(const box *own, const box_arrays *others, size_t i) {
  box other = load_corners(others, i);
  vec iou = measure_any(own, &other, VLOSS_SIMILARITY_IOU, vset1(0));
  return vselect(vand(is_number(own->x1), is_number(other.x1)),
                 vselect(is_number(iou), iou, vset1(0)), vset1(0));
}

/* The highest score of a class, and the lowest place that has it; NO_PLACE: none takes part. */
typedef struct head {
  real score;
  size_t place;
} head;

#define NO_PLACE SIZE_MAX

/* What a pass over a class has seen: of each lane the first highest score, as a vector's number. */
typedef struct highest {
  vec score, where, number;
} highest;

ALWAYS_INLINE void highest_add(highest *h, vec scores) {
  mask higher = vlt(h->score, scores);
  h->score = vselect(higher, scores, h->score);
  h->where = vselect(higher, h->number, h->where);
  h->number = vadd(h->number, vset1(1));
}

/* Of places from begin on. Of -inf alone, which no pass sees, the first, if those take part. */
static head highest_of(const highest *h, const real *scores, size_t begin, size_t end, int any) {
  real score[LANES], where[LANES];
  head found = {-real_infinity, NO_PLACE};
  vstore(score, h->score);
  vstore(where, h->where);
  for (size_t k = 0; k < LANES; k++) {
    if (where[k] < 0 || score[k] < found.score) continue;
    size_t place = begin + (size_t)where[k] * LANES + k;
    if (score[k] > found.score || place < found.place) found = (head){score[k], place};
  }
  for (size_t i = begin; any && found.place == NO_PLACE && i < end; i++)
    if (scores[i] == scores[i]) found = (head){scores[i], i};
  return found;
}

typedef struct decay {
  vec threshold, sigma;
  int gaussian;
} decay;

/* s (1 - IoU) where IoU > threshold, or s e^(-IoU^2 / sigma) */
ALWAYS_INLINE vec lowered(vec score, vec iou, const decay *d) {
  if (d->gaussian) return vmul(score, vexp(vneg(vdiv(vmul(iou, iou), d->sigma))));
  return vselect(vlt(d->threshold, iou), vmul(score, vsub(vset1(1), iou)), score);
}

/* Lowers the scores of a class by a box, unless that is NO_PLACE, and finds its head. */
ALWAYS_INLINE head lower_class(const nms_job *j, const decay *d, size_t taken, size_t begin,
                               size_t end) {
  box_arrays boxes = placed_boxes(j);
  real *scores = boxes.width;
  highest h = {vset1(-real_infinity), vset1(-1), vset1(0)};
  box own = broadcast_corners(&boxes, taken == NO_PLACE ? begin : taken);
  for (size_t i = begin; i < end; i += LANES) {
    size_t count = smaller(end - i, LANES);
    vec score = vload_part_or(scores + i, count, (real)NAN);
    if (taken != NO_PLACE) {
      score = lowered(score, overlap_with(&own, &boxes, i), d);
      vstore_part(scores + i, score, count);
    }
    highest_add(&h, score);
  }
  return highest_of(&h, scores, begin, end, j->score_threshold == -(double)INFINITY);
}

/* Not 0, by which nothing may be divided, where sigma is less than the dtype has. */
static vec sigma_of(const nms_job *j) {
  real sigma = real_clamp(j->sigma);
  return vset1(sigma > 0 ? sigma : real_least);
}

OUT_OF_LINE head lower_linear(const nms_job *j, size_t taken, size_t begin, size_t end) {
  const decay d = {vset1(threshold_of(j->threshold)), vset1(0), 0};
  return lower_class(j, &d, taken, begin, end);
}

OUT_OF_LINE head lower_gaussian(const nms_job *j, size_t taken, size_t begin, size_t end) {
  const decay d = {vset1(0), sigma_of(j), 1};
  return lower_class(j, &d, taken, begin, end);
}

/* Whether the head of class a comes before that of class b. */
static int comes_before(const nms_job *j, uint32_t a, uint32_t b) {
  const real *heads = j->heads;
  if (heads[a] != heads[b]) return heads[a] > heads[b];
  return j->grouped[j->head_places[a]] < j->grouped[j->head_places[b]];
}

/* Moves the class at a place of the heap down to where it belongs. */
static void sift(const nms_job *j, size_t at, size_t size) {
  for (size_t child; (child = 2 * at + 1) < size; at = child) {
    if (child + 1 < size && comes_before(j, j->heap[child + 1], j->heap[child])) child++;
    if (!comes_before(j, j->heap[child], j->heap[at])) return;
    uint32_t class = j->heap[at];
    j->heap[at] = j->heap[child];
    j->heap[child] = class;
  }
}

/* Finds the head of a class after a box was taken; returns whether it takes part. */
static int find_head(const nms_job *j, uint32_t class, size_t taken) {
  size_t begin = j->segments[class], end = j->segments[class + 1];
  head h = j->method == VLOSS_NMS_SOFT_GAUSSIAN ? lower_gaussian(j, taken, begin, end)
                                                : lower_linear(j, taken, begin, end);
  if (h.place == NO_PLACE) return 0;
  ((real *)j->heads)[class] = h.score;
  j->head_places[class] = (uint32_t)h.place;
  return (double)h.score > j->score_threshold || j->score_threshold == -(double)INFINITY;
}

static size_t make_heap(const nms_job *j) {
  size_t size = 0;
  for (uint32_t class = 0; class < j->class_count; class ++)
    if (find_head(j, class, NO_PLACE)) j->heap[size++] = class;
  for (size_t i = size / 2; i-- > 0;) sift(j, i, size);
  return size;
}

static void nms_soft(const void *work, size_t begin, size_t end, partial *result) {
  const nms_job *j = work;
  box_arrays boxes = placed_boxes(j);
  size_t kept = 0, size = make_heap(j);
  (void)begin, (void)end, (void)result;
  while (size > 0 && kept < j->max_output) {
    uint32_t class = j->heap[0], place = j->head_places[class];
    j->order[kept] = j->grouped[place];
    boxes.height[kept++] = boxes.width[place];
    boxes.width[place] = (real)NAN; /* taken */
    int full = j->per_class && ++j->per_class[class] >= j->max_per_class;
    if (full || !find_head(j, class, place)) j->heap[0] = j->heap[--size];
    sift(j, 0, size);
  }
  *j->kept = kept;
}

/* Matrix: m, the highest IoU of each place with one before it, and f(m). */
ALWAYS_INLINE vec shape_of(vec iou, const decay *d) {
  if (!d->gaussian) return vsub(vset1(1), iou);
  return vexp(vneg(vmul(d->sigma, vmul(iou, iou))));
}

static decay matrix_decay(const nms_job *j) {
  return (decay){vset1(0), sigma_of(j), j->method == VLOSS_NMS_MATRIX_GAUSSIAN};
}

static real lane_most(vec a) {
  real lanes[LANES], most;
  vstore(lanes, a);
  most = lanes[0];
  for (size_t k = 1; k < LANES; k++) most = lanes[k] > most ? lanes[k] : most;
  return most;
}

/* Units: places. */
static void nms_peaks(const void *work, size_t begin, size_t end, partial *result) {
  const nms_job *j = work;
  const decay d = matrix_decay(j);
  box_arrays boxes = placed_boxes(j);
  (void)result;
  for (size_t i = begin; i < end; i++) {
    box own = broadcast_corners(&boxes, i);
    vec most = vset1(0), shape;
    for (size_t k = j->segments[i]; k < i; k += LANES) {
      vec iou = overlap_with(&own, &boxes, k);
      most = vmax(first_lanes(iou, smaller(i - k, LANES)), most);
    }
    shape = shape_of(vset1(lane_most(most)), &d);
    vstore_part(boxes.width + i, shape, 1);
  }
}

/* Units: places. min over those before of f(IoU) / f(m), 0 / x = 0, at most 1. */
static void nms_decay(const void *work, size_t begin, size_t end, partial *result) {
  const nms_job *j = work;
  const decay d = matrix_decay(j);
  box_arrays boxes = placed_boxes(j);
  vec zero = vset1(0), one = vset1(1);
  (void)result;
  for (size_t i = begin; i < end; i++) {
    box own = broadcast_corners(&boxes, i);
    vec least = one;
    for (size_t k = j->segments[i]; k < i; k += LANES) {
      vec shape = shape_of(overlap_with(&own, &boxes, k), &d);
      vec quotient = vdiv(shape, vload(boxes.width + k));
      quotient = vselect(veq(shape, zero), zero, quotient);
      if (i - k < LANES) {
        real block[LANES];
        vstore(block, quotient);
        for (size_t n = i - k; n < LANES; n++) block[n] = 1;
        quotient = vload(block);
      }
      least = vmin(quotient, least);
    }
    boxes.height[i] = -lane_most(vneg(least));
  }
}

#endif
