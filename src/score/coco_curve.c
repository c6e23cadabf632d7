/* SPDX-License-Identifier: Apache-2.0 */
/* Other readings of records: score curves, average precision by other integrals, calibration. */
#include "cpu.h"
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

/* Checks what readings share; the bit of the threshold in the first range. */
static uint64_t open_reading(coco_call *call, vloss_coco_record *records, size_t *count,
                             size_t threshold_index, void *workspace, size_t workspace_size) {
  if (threshold_index >= call->options.threshold_count)
    vloss_coco_fail(call, VLOSS_ERROR_PARAMETER, "threshold_index");
  *count = vloss_coco_order(call, records, *count, workspace, workspace_size);
  return call->status == VLOSS_OK ? (uint64_t)1 << threshold_index : 0;
}

vloss_status vloss_coco_curve(vloss_coco_record *records, size_t count,
                              const vloss_coco_options *coco, int64_t class_id,
                              size_t threshold_index, void *workspace, size_t workspace_size,
                              size_t capacity, vloss_coco_point *points, size_t *point_count,
                              vloss_coco_point *best) {
  coco_call call;
  vloss_coco_open(&call, coco);
  if (!point_count) vloss_coco_fail(&call, VLOSS_ERROR_NULL, "point_count");
  if (capacity && !points) vloss_coco_fail(&call, VLOSS_ERROR_NULL, "points");
  uint64_t bit = open_reading(&call, records, &count, threshold_index, workspace, workspace_size);
  if (call.status != VLOSS_OK) return vloss_coco_close(&call);
  vloss_coco_point found;
  reading r = {records, vloss_coco_class_of(records, count, class_id), largest_limit(&call.options),
               bit};
  *point_count = trace(&r, NULL, &found);
  if (capacity < *point_count)
    vloss_coco_fail(&call, VLOSS_ERROR_CAPACITY, "capacity");
  else
    (void)trace(&r, points, &found);
  if (call.status == VLOSS_OK && best) *best = found;
  return vloss_coco_close(&call);
}

/* Highest precision at a recall of at least `recall`. */
static double precision_from(const vloss_coco_point *points, size_t count, double recall) {
  double best = 0;
  for (size_t i = 0; i < count; i++) {
    if (points[i].recall >= recall && points[i].precision > best) best = points[i].precision;
  }
  return best;
}

static double integrate(const vloss_coco_point *points, size_t count) {
  double sum = 0, monotone = 0;
  for (size_t i = count; i-- > 0;) {
    if (points[i].precision > monotone) monotone = points[i].precision;
    sum += (points[i].recall - (i ? points[i - 1].recall : 0)) * monotone;
  }
  return sum;
}

vloss_status vloss_coco_average_precision(const vloss_coco_point *points, size_t point_count,
                                          vloss_coco_integral integral, double *average_precision) {
  enum { STEPS = 10 };
  if ((point_count && !points) || !average_precision) return VLOSS_ERROR_NULL;
  if ((unsigned)integral > VLOSS_COCO_ELEVEN_POINTS) return VLOSS_ERROR_ENUM;
  double sum = 0;
  uint64_t control = vloss_cpu_pin();
  if (integral == VLOSS_COCO_ALL_POINTS) {
    sum = integrate(points, point_count);
  } else {
    for (int i = 0; i <= STEPS; i++) sum += precision_from(points, point_count, (double)i / STEPS);
    sum /= STEPS + 1;
  }
  *average_precision = sum;
  vloss_cpu_unpin(control);
  return VLOSS_OK;
}

typedef struct bin {
  size_t count, hits;
  double score;
} bin;

enum { BINS_MOST = 1000 };

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

vloss_status vloss_coco_calibration(vloss_coco_record *records, size_t count,
                                    const vloss_coco_options *coco, size_t threshold_index,
                                    size_t bins, void *workspace, size_t workspace_size,
                                    double *error) {
  coco_call call;
  bin filled[BINS_MOST];
  vloss_coco_open(&call, coco);
  if (!error) vloss_coco_fail(&call, VLOSS_ERROR_NULL, "error");
  if (bins < 1 || bins > BINS_MOST) vloss_coco_fail(&call, VLOSS_ERROR_PARAMETER, "bins");
  uint64_t bit = open_reading(&call, records, &count, threshold_index, workspace, workspace_size);
  if (call.status != VLOSS_OK) return vloss_coco_close(&call);
  for (size_t b = 0; b < bins; b++) filled[b] = (bin){0, 0, 0};
  reading r = {.records = records, .limit = largest_limit(&call.options), .bit = bit};
  for (size_t begin = 0; begin < count; begin = r.c.end) {
    r.c = vloss_coco_class_at(records, count, begin);
    if (is_wanted(&call.options, r.c.class_id)) call.counted += fill_bins(&r, filled, bins);
  }
  *error = calibration(filled, bins, call.counted);
  return vloss_coco_close(&call);
}
