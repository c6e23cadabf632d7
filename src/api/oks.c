/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include <vloss/mask.h>

#include "api/score.h"
#include "api/split.h"
#include "score/oks.h"

enum { COCO_POINTS = 17, GRAIN_POINTS = 1 << 11 };

static const double coco_sigmas[COCO_POINTS] = {.026, .025, .025, .035, .035, .079,
                                                .079, .072, .072, .062, .062, .107,
                                                .107, .087, .087, .089, .089};

const double *vloss_oks_sigmas(void) { return coco_sigmas; }

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
    if (!vloss_oks_visible(j->targets + k * j->points * OKS_NUMBERS, j->points))
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
  size_t bytes = vloss_score_bytes(&s, "points", points, OKS_NUMBERS * sizeof(double));
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
  split_run(vloss_oks_rows, &j, (division){n, 1, grain}, 0, o.executor, &found);
  return vloss_score_close(&s);
}
