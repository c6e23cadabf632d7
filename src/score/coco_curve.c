/* SPDX-License-Identifier: Apache-2.0 */
/* Other readings of records: score curves, average precision by other integrals, calibration. */
#include "score/coco.h"

/* The detections of a class that count at one threshold, by descending score. */
typedef struct reading {
  const vloss_coco_record *records;
  coco_class c;
  size_t limit;
  uint64_t bit;
} reading;

static int counts(const reading *r, size_t i) {
  return r->records[i].rank < r->limit && !(r->records[i].ignored & r->bit);
}

static size_t count_positives(const reading *r) {
  size_t positives = 0;
  for (size_t i = r->c.targets; i < r->c.end; i++) positives += !(r->records[i].ignored & r->bit);
  return positives;
}

static vloss_coco_point point_at(double score, size_t hits, size_t found, size_t positives) {
  return (vloss_coco_point){score, (double)hits / (double)found, (double)hits / (double)positives,
                            2 * (double)hits / (double)(found + positives)};
}

/* Points of the curve, into `points` if there are any; the best of them. */
static size_t trace(const reading *r, vloss_coco_point *points, vloss_coco_point *best) {
  size_t positives = count_positives(r), hits = 0, found = 0, count = 0;
  vloss_coco_point last = {0, 0, 0, 0};
  *best = last;
  if (!positives) return 0;
  for (size_t i = r->c.begin; i <= r->c.targets; i++) {
    int ends = i == r->c.targets;
    if (!ends && !counts(r, i)) continue;
    if (found && (ends || r->records[i].score != last.score)) {
      last = point_at(last.score, hits, found, positives);
      if (!count || last.f1 > best->f1) *best = last;
      if (points) points[count] = last;
      count++;
    }
    if (ends) break;
    last.score = r->records[i].score;
    found++;
    hits += (r->records[i].matched & r->bit) != 0;
  }
  return count;
}

size_t vloss_coco_trace(const vloss_coco_record *records, size_t count, const vloss_coco_options *o,
                        int64_t class_id, size_t threshold, vloss_coco_point *points,
                        vloss_coco_point *best) {
  const reading r = {records, vloss_coco_class_of(records, count, class_id), largest_limit(o),
                     (uint64_t)1 << threshold};
  return trace(&r, points, best);
}

/* Highest precision at a recall of at least `recall`. */
static double precision_from(const vloss_coco_point *points, size_t count, double recall) {
  double best = 0;
  for (size_t i = 0; i < count; i++) {
    if (points[i].recall >= recall && points[i].precision > best) best = points[i].precision;
  }
  return best;
}

static double integrate_all(const vloss_coco_point *points, size_t count) {
  double sum = 0, monotone = 0;
  for (size_t i = count; i-- > 0;) {
    if (points[i].precision > monotone) monotone = points[i].precision;
    sum += (points[i].recall - (i ? points[i - 1].recall : 0)) * monotone;
  }
  return sum;
}

double vloss_coco_integrate(const vloss_coco_point *points, size_t count,
                            vloss_coco_integral integral) {
  enum { STEPS = 10 };
  double sum = 0;
  if (integral == VLOSS_COCO_ALL_POINTS) return integrate_all(points, count);
  for (int i = 0; i <= STEPS; i++) sum += precision_from(points, count, (double)i / STEPS);
  return sum / (STEPS + 1);
}

typedef struct bin {
  size_t count, hits;
  double score;
} bin;

static size_t bin_of(double score, size_t bins) {
  double place = score * (double)bins;
  if (!(place > 0)) return 0;
  return place < (double)bins ? (size_t)place : bins - 1;
}

static size_t fill_bins(const reading *r, bin *bins, size_t count) {
  size_t found = 0;
  for (size_t i = r->c.begin; i < r->c.targets; i++) {
    if (!counts(r, i)) continue;
    bin *b = &bins[bin_of(r->records[i].score, count)];
    b->count++;
    b->hits += (r->records[i].matched & r->bit) != 0;
    b->score += r->records[i].score;
    found++;
  }
  return found;
}

static int is_wanted(const vloss_coco_options *o, int64_t class_id) {
  if (!o->classes) return 1;
  for (size_t k = 0; k < o->class_count; k++) {
    if (o->classes[k] == class_id) return 1;
  }
  return 0;
}

static double calibration(const bin *bins, size_t count, size_t detections) {
  double sum = 0;
  for (size_t b = 0; b < count; b++) {
    if (!bins[b].count) continue;
    double gap = ((double)bins[b].hits - bins[b].score) / (double)bins[b].count;
    sum += (double)bins[b].count / (double)detections * (gap < 0 ? -gap : gap);
  }
  return sum;
}

double vloss_coco_calibrate(const vloss_coco_record *records, size_t count,
                            const vloss_coco_options *o, size_t threshold, size_t bins,
                            size_t *detections) {
  bin filled[COCO_BINS_MOST];
  reading r = {.records = records, .limit = largest_limit(o), .bit = (uint64_t)1 << threshold};
  *detections = 0;
  for (size_t b = 0; b < bins; b++) filled[b] = (bin){0, 0, 0};
  for (size_t begin = 0; begin < count; begin = r.c.end) {
    r.c = vloss_coco_class_at(records, count, begin);
    if (is_wanted(o, r.c.class_id)) *detections += fill_bins(&r, filled, bins);
  }
  return calibration(filled, bins, *detections);
}
