/* SPDX-License-Identifier: Apache-2.0 */
/* Candidates of a score matrix. The highest score of a box is found for many boxes at once; of
 * those that have one above the threshold, which are few, the rest one by one. */
#ifndef VLOSS_SCORE_SELECT_H
#define VLOSS_SCORE_SELECT_H

#include "score/jobs.h"
#include "score/threshold.h"

enum { PEAKS = 32 * LANES }; /* boxes whose highest scores are found together */

/* An integer that ascends with a score; -0 is 0. */
static inline uint64_t key_of(real score) {
  real lanes[LANES];
  uint64_t bits = 0, sign = sign_mask, most = sign_mask | (sign_mask - 1);
  vstore(lanes, vset1(score + 0));
  memcpy(&bits, lanes, sizeof(real));
  return bits & sign ? ~bits & most : bits | sign;
}

/* Scores of boxes [begin, begin + count) that lie side by side, class after class. */
ALWAYS_INLINE void peaks_across(const select_job *j, size_t begin, size_t count, real *peaks) {
  const real *scores = reals(j->scores, begin);
  for (size_t i = 0; i < count; i += LANES) vstore(peaks + i, vset1(-real_infinity));
  for (size_t c = 0; c < j->classes; c++, scores += j->class_step) {
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
      vstore(peaks + i, vmax(vload(scores + i), vload(peaks + i)));
    for (; i < count; i++) peaks[i] = scores[i] > peaks[i] ? scores[i] : peaks[i];
  }
}

/* Those of one box, side by side. */
ALWAYS_INLINE real peak_along(const real *scores, size_t classes) {
  vec most[4] = {vset1(-real_infinity), vset1(-real_infinity), vset1(-real_infinity),
                 vset1(-real_infinity)};
  real lanes[LANES], peak = -real_infinity;
  size_t c = 0;
  for (; c + 4 * LANES <= classes; c += 4 * LANES)
    for (size_t k = 0; k < 4; k++) most[k] = vmax(vload(scores + c + k * LANES), most[k]);
  for (; c + LANES <= classes; c += LANES) most[0] = vmax(vload(scores + c), most[0]);
  vstore(lanes, vmax(vmax(most[0], most[1]), vmax(most[2], most[3])));
  for (size_t k = 0; k < LANES; k++) peak = lanes[k] > peak ? lanes[k] : peak;
  for (; c < classes; c++) peak = scores[c] > peak ? scores[c] : peak;
  return peak;
}

static void find_peaks(const select_job *j, size_t begin, size_t count, real *peaks) {
  if (j->box_step == 1) {
    peaks_across(j, begin, count, peaks);
    return;
  }
  for (size_t i = 0; i < count; i++)
    peaks[i] = peak_along(reals(j->scores, (begin + i) * j->box_step), j->classes);
}

/* What becomes of a candidate. */
typedef void candidate_visit(void *state, size_t box, size_t class, real score);

ALWAYS_INLINE void visit_box(const select_job *j, size_t box, real peak, real threshold,
                             candidate_visit *visit, void *state) {
  const real *scores = reals(j->scores, box * j->box_step);
  for (size_t c = 0; c < j->classes; c++) {
    real score = scores[c * j->class_step];
    if (!(j->multi_label ? score > threshold : score == peak)) continue;
    visit(state, box, c, score);
    if (!j->multi_label) return;
  }
}

ALWAYS_INLINE void visit_candidates(const select_job *j, size_t begin, size_t end,
                                    candidate_visit *visit, void *state) {
  const real threshold = threshold_of(j->threshold);
  real peaks[PEAKS];
  for (size_t i = begin; i < end; i += PEAKS) {
    size_t count = smaller(end - i, PEAKS);
    find_peaks(j, i, count, peaks);
    for (size_t k = 0; k < count; k++)
      if (UNLIKELY(peaks[k] > threshold)) visit_box(j, i + k, peaks[k], threshold, visit, state);
  }
}

ALWAYS_INLINE void count_visit(void *state, size_t box, size_t class, real score) {
  const select_job *j = state;
  (void)box, (void)class;
  ++*j->count;
  if (!j->buckets) return;
  uint64_t key = key_of(score);
  if (key >> j->shift >> KEY_DIGIT == j->prefix) j->buckets[key >> j->shift & (KEY_BUCKETS - 1)]++;
}

static void select_count(const void *work, size_t begin, size_t end, partial *result) {
  select_job j = *(const select_job *)work;
  (void)result;
  visit_candidates(&j, begin, end, count_visit, &j);
}

typedef struct writing {
  const select_job *job;
  size_t at, ties;
} writing;

ALWAYS_INLINE void write_visit(void *state, size_t box, size_t class, real score) {
  writing *w = state;
  const select_job *j = w->job;
  uint64_t key = key_of(score);
  if (key < j->lowest || (key == j->lowest && w->ties == 0)) return;
  w->ties -= key == j->lowest;
  j->box[w->at] = (int64_t)box;
  if (j->label) j->label[w->at] = (int64_t) class;
  if (j->score) reals_out(j->score, w->at)[0] = score;
  w->at++;
}

static void select_write(const void *work, size_t begin, size_t end, partial *result) {
  const select_job *j = work;
  writing w = {j, 0, j->ties};
  (void)result;
  visit_candidates(j, begin, end, write_visit, &w);
}

#endif
