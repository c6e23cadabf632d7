/* SPDX-License-Identifier: Apache-2.0 */
/* Precision and recall of one class, at all area ranges and thresholds ("cells") at once. */
#include "score/coco_tables.h"

/* One class and one limit of detections. Precision can only rise at a true positive, so nothing
 * else is computed than what is true there; from the last one to the first it is monotone. */
typedef struct curves {
  const coco_tables *tables;
  coco_sums *sums;
  size_t k, limit;
  size_t limit_begin, limit_end;          /* the limits that have the same effect */
  uint64_t ranges[VLOSS_COCO_MAX_CELLS];  /* their bits */
  size_t positives[VLOSS_COCO_MAX_CELLS]; /* by range */
  /* Detections that count: of a range, and how many more at a cell. Nearly all count at every
   * threshold or at none. */
  size_t counted[VLOSS_COCO_MAX_CELLS], more[VLOSS_COCO_MAX_CELLS];
  size_t hits[VLOSS_COCO_MAX_CELLS];
  size_t open[VLOSS_COCO_MAX_CELLS]; /* recalls below this one have no precision yet */
  double best[VLOSS_COCO_MAX_CELLS], sum[VLOSS_COCO_MAX_CELLS];
  double first_score; /* of the first detection within the limit */
} curves;

static size_t lowest_bit(uint64_t bits) { return (size_t)__builtin_ctzll(bits); }

static void put(curves *v, size_t range, size_t threshold, size_t r, double precision,
                double score) {
  const coco_tables *t = v->tables;
  const vloss_coco_options *o = t->options;
  size_t row = (threshold * o->recall_count + r) * t->classes + v->k;
  size_t at = (row * o->area_count + range) * o->max_detection_count;
  v->sum[range * o->threshold_count + threshold] += precision;
  for (size_t m = v->limit_begin; m < v->limit_end; m++) {
    if (t->precision) t->precision[at + m] = precision;
    if (t->scores) t->scores[at + m] = score;
  }
}

/* Adds (step 1) or takes back (step -1, in size_t's arithmetic) a detection that counts. */
static void count(curves *v, const vloss_coco_record *d, size_t step) {
  uint64_t counts = ~d->ignored, misses = counts & ~d->matched;
  for (size_t a = 0; a < v->tables->options->area_count; a++) {
    uint64_t range = v->ranges[a], rest = counts & range;
    size_t more = step;
    if (misses & range) {
      v->counted[a] += step;
      rest ^= range;
      more = (size_t)0 - step;
    }
    for (; rest; rest &= rest - 1) v->more[lowest_bit(rest)] += more;
  }
}

static uint64_t hits_of(const vloss_coco_record *d) { return d->matched & ~d->ignored; }

static size_t count_all(curves *v, const vloss_coco_record *records, coco_class c) {
  const vloss_coco_options *o = v->tables->options;
  size_t detections = 0, cells = o->area_count * o->threshold_count;
  for (size_t i = 0; i < cells; i++) v->counted[i] = v->more[i] = v->hits[i] = 0;
  uint64_t all = cells == 64 ? UINT64_MAX : ((uint64_t)1 << cells) - 1;
  for (size_t i = c.begin; i < c.targets; i++) {
    if (records[i].rank >= v->limit) continue;
    detections++;
    count(v, &records[i], 1);
    for (uint64_t bits = hits_of(&records[i]) & all; bits; bits &= bits - 1)
      v->hits[lowest_bit(bits)]++;
  }
  return detections;
}

/* The recalls that the last point does not reach have precision 0. */
static void open_cell(const coco_tables *t, curves *v, size_t range, size_t threshold) {
  const vloss_coco_options *o = t->options;
  size_t cell = range * o->threshold_count + threshold, r = o->recall_count;
  double last = (double)v->hits[cell] / (double)v->positives[range];
  v->best[cell] = v->sum[cell] = 0;
  while (r > 0 && o->recalls[r - 1] > last) put(v, range, threshold, --r, 0, 0);
  v->open[cell] = r;
}

/* A true positive: the hits-th of its cell. The recalls above that of the one before are its. */
static void hit(curves *v, size_t range, size_t threshold, double score) {
  const vloss_coco_options *o = v->tables->options;
  size_t cell = range * o->threshold_count + threshold;
  double hits = (double)v->hits[cell], counted = (double)(v->counted[range] + v->more[cell]);
  double precision = hits / (counted + 0x1p-52);
  if (precision > v->best[cell]) v->best[cell] = precision;
  double before = (hits - 1) / (double)v->positives[range];
  size_t r = v->open[cell];
  for (; r > 0 && o->recalls[r - 1] > before; r--)
    put(v, range, threshold, r - 1, v->best[cell], score);
  v->open[cell] = r;
  v->hits[cell]--;
}

static void walk_back(curves *v, const vloss_coco_record *records, coco_class c) {
  const vloss_coco_options *o = v->tables->options;
  for (size_t i = c.targets; i-- > c.begin;) {
    if (records[i].rank >= v->limit) continue;
    uint64_t hits = hits_of(&records[i]);
    for (size_t a = 0; hits && a < o->area_count; a++) {
      if (v->positives[a] == 0) continue;
      uint64_t bits = hits & v->ranges[a];
      for (; bits; bits &= bits - 1)
        hit(v, a, lowest_bit(bits) - a * o->threshold_count, records[i].score);
    }
    count(v, &records[i], (size_t)0 - 1);
  }
}

/* Recall 0 is reached by the first detection, whatever it is. */
static void close_cell(const coco_tables *t, curves *v, size_t range, size_t threshold) {
  size_t cell = range * t->options->threshold_count + threshold;
  for (size_t r = v->open[cell]; r-- > 0;)
    put(v, range, threshold, r, v->best[cell], v->first_score);
}

static void put_recall(const coco_tables *t, curves *v, size_t range, size_t threshold) {
  const vloss_coco_options *o = t->options;
  size_t cell = range * o->threshold_count + threshold;
  double recall = (double)v->hits[cell] / (double)v->positives[range];
  size_t at = (threshold * t->classes + v->k) * o->area_count + range;
  for (size_t m = v->limit_begin; m < v->limit_end; m++) {
    if (t->recall) t->recall[at * o->max_detection_count + m] = recall;
    if (m < VLOSS_COCO_SUMMARY_AR) mean_add(&v->sums->ar[m][cell], recall, 1);
  }
  if (v->limit_end == o->max_detection_count) mean_add(&v->sums->ar[AR_SLOTS - 1][cell], recall, 1);
}

static void add_precision(const coco_tables *t, curves *v, size_t range, size_t threshold) {
  const vloss_coco_options *o = t->options;
  size_t cell = range * o->threshold_count + threshold;
  mean_add(&v->sums->ap[cell], v->sum[cell], o->recall_count);
  if (range == 0 && o->frequencies)
    mean_add(&v->sums->ap_frequency[o->frequencies[v->k]], v->sum[cell], o->recall_count);
}

typedef void cell_step(const coco_tables *t, curves *v, size_t range, size_t threshold);

/* For each threshold of each range with positives. */
static void for_cells(const coco_tables *t, curves *v, cell_step *step) {
  for (size_t a = 0; a < t->options->area_count; a++) {
    for (size_t i = 0; v->positives[a] && i < t->options->threshold_count; i++) step(t, v, a, i);
  }
}

static void fill_limit(const coco_tables *t, const vloss_coco_record *records, coco_class c,
                       curves *v) {
  size_t detections = count_all(v, records, c), first = c.begin;
  int is_last = v->limit_end == t->options->max_detection_count;
  for_cells(t, v, put_recall);
  for_cells(t, v, open_cell);
  walk_back(v, records, c);
  while (first < c.targets && records[first].rank >= v->limit) first++;
  v->first_score = detections ? records[first].score : 0;
  for_cells(t, v, close_cell);
  if (is_last) for_cells(t, v, add_precision);
  if (is_last) v->sums->detections += detections;
}

void vloss_coco_fill_class(const coco_tables *tables, const vloss_coco_record *records,
                           coco_class c, size_t k, coco_sums *sums) {
  const vloss_coco_options *o = tables->options;
  curves v = {.tables = tables, .sums = sums, .k = k};
  for (size_t a = 0; a < o->area_count; a++) v.ranges[a] = range_bits(o, a);
  for (size_t i = c.targets; i < c.end; i++) {
    sums->targets++;
    for (size_t a = 0; a < o->area_count; a++)
      v.positives[a] += !(records[i].ignored >> a * o->threshold_count & 1);
  }
  size_t ranks = 0;
  for (size_t i = c.begin; i < c.targets; i++)
    ranks = records[i].rank < ranks ? ranks : (size_t)records[i].rank + 1;
  for (size_t m = 0; m < o->max_detection_count; m = v.limit_end) {
    v.limit = o->max_detections[m];
    v.limit_begin = m;
    v.limit_end = v.limit < ranks ? m + 1 : o->max_detection_count;
    fill_limit(tables, records, c, &v);
  }
}
