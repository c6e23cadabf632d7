/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include <vloss/mask.h>

#include "api/score.h"
#include "api/split.h"
#include "math/elementary.h"

enum { COCO_POINTS = 17, NUMBERS = 3, GRAIN_POINTS = 1 << 11 };

static const double coco_sigmas[COCO_POINTS] = {.026, .025, .025, .035, .035, .079,
                                                .079, .072, .072, .062, .062, .107,
                                                .107, .087, .087, .089, .089};

const double *vloss_oks_sigmas(void) { return coco_sigmas; }

typedef struct oks_job {
  const double *detections, *targets, *areas, *boxes, *sigmas;
  size_t m, points, row_stride;
  double *out;
} oks_job;

static size_t visible_points(const double *target, size_t points) {
  size_t visible = 0;
  for (size_t i = 0; i < points; i++) visible += target[NUMBERS * i + 2] > 0;
  return visible;
}

/* exp(-e) of a point that is that far away */
static inline double likeness(double dx, double dy, double sigma, double area) {
  double width = sigma * 2;
  return vexp_any(-((dx * dx + dy * dy) / (width * width) / (area + 0x1p-52) / 2));
}

static inline double larger(double a, double b) { return b > a || b != b ? b : a; }

/* How far a is outside of [low, high]; 0 within. */
static inline double outside(double a, double low, double high) {
  return larger(0, low - a) + larger(0, a - high);
}

static double by_points(const oks_job *j, const double *detection, const double *target,
                        double area) {
  double sum = 0, visible = 0;
  for (size_t i = 0; i < j->points; i++) {
    const double *d = detection + NUMBERS * i, *t = target + NUMBERS * i;
    if (!(t[2] > 0)) continue;
    sum += likeness(d[0] - t[0], d[1] - t[1], j->sigmas[i], area);
    visible++;
  }
  return sum / visible;
}

static double by_box(const oks_job *j, const double *detection, const double *box, double area) {
  double left = box[0] - box[2], right = box[0] + box[2] * 2;
  double top = box[1] - box[3], bottom = box[1] + box[3] * 2, sum = 0;
  for (size_t i = 0; i < j->points; i++) {
    const double *d = detection + NUMBERS * i;
    sum += likeness(outside(d[0], left, right), outside(d[1], top, bottom), j->sigmas[i], area);
  }
  return sum / (double)j->points;
}

static void oks_rows(const void *work, size_t begin, size_t end, partial *result) {
  const oks_job *j = work;
  (void)result;
  for (size_t i = begin; i < end; i++)
    for (size_t k = 0; k < j->m; k++) {
      const double *detection = j->detections + i * j->points * NUMBERS;
      const double *target = j->targets + k * j->points * NUMBERS;
      j->out[i * j->row_stride + k] = visible_points(target, j->points)
                                          ? by_points(j, detection, target, j->areas[k])
                                          : by_box(j, detection, j->boxes + 4 * k, j->areas[k]);
    }
}

static void check_sigmas(score_request *s, const double *sigmas, size_t points) {
  if (!points) vloss_score_fail(s, VLOSS_ERROR_PARAMETER, "points");
  if (!sigmas) {
    if (points != COCO_POINTS) vloss_score_fail(s, VLOSS_ERROR_NULL, "sigmas");
    return;
  }
  vloss_score_input(s, "sigmas", sigmas, points, sizeof *sigmas);
  for (size_t i = 0; i < points && s->status == VLOSS_OK; i++)
    if (!(sigmas[i] > 0 && sigmas[i] < INFINITY))
      vloss_score_fail_at(s, VLOSS_ERROR_PARAMETER, "sigmas", i);
}

/* Boxes may be missing if every target has a visible point. */
static void check_boxes(score_request *s, const oks_job *j) {
  if (j->boxes) vloss_score_input(s, "boxes", j->boxes, j->m, 4 * sizeof(double));
  for (size_t k = 0; !j->boxes && k < j->m && s->status == VLOSS_OK; k++)
    if (!visible_points(j->targets + k * j->points * NUMBERS, j->points))
      vloss_score_fail_at(s, VLOSS_ERROR_NULL, "boxes", k);
}

vloss_status vloss_oks(const double *detections, size_t n, const double *targets,
                       const double *areas, const double *boxes, size_t m, size_t points,
                       const vloss_oks_options *oks, double *out) {
  score_request s;
  vloss_oks_options o = VLOSS_OKS_OPTIONS_INIT;
  if (!vloss_score_options(&s, "oks", oks, STRUCT_SIZES(vloss_oks_options, report), &o))
    return vloss_score_close(&s);
  vloss_score_open(&s, o.report, o.executor);
  oks_job j = {detections,
               targets,
               areas,
               boxes,
               o.sigmas ? o.sigmas : coco_sigmas,
               m,
               points,
               o.row_stride ? o.row_stride : m,
               out};
  size_t bytes = vloss_score_bytes(&s, "points", points, NUMBERS * sizeof(double));
  vloss_score_matrix(&s, out, n, m, j.row_stride, sizeof *out);
  vloss_score_input(&s, "detections", detections, n, bytes);
  vloss_score_input(&s, "targets", targets, m, bytes);
  vloss_score_input(&s, "areas", areas, m, sizeof *areas);
  check_sigmas(&s, o.sigmas, points);
  check_boxes(&s, &j);
  s.counted = m;
  if (!vloss_score_ready(&s) || !n || !m) return vloss_score_close(&s);
  partial found;
  size_t grain = GRAIN_POINTS / points / m + 1;
  split_run(oks_rows, &j, (division){n, 1, grain}, 0, o.executor, &found);
  return vloss_score_close(&s);
}
