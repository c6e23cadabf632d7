/* SPDX-License-Identifier: Apache-2.0 */
#include "score/oks.h"

#include "math/elementary.h"

enum { NUMBERS = OKS_NUMBERS };

size_t vloss_oks_visible(const double *target, size_t points) {
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

void vloss_oks_rows(const void *work, size_t begin, size_t end, partial *result) {
  const oks_job *j = work;
  (void)result;
  for (size_t i = begin; i < end; i++)
    for (size_t k = 0; k < j->m; k++) {
      const double *detection = j->detections + i * j->points * NUMBERS;
      const double *target = j->targets + k * j->points * NUMBERS;
      j->out[i * j->row_stride + k] = vloss_oks_visible(target, j->points)
                                          ? by_points(j, detection, target, j->areas[k])
                                          : by_box(j, detection, j->boxes + 4 * k, j->areas[k]);
    }
}
