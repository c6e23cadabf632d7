/* SPDX-License-Identifier: Apache-2.0 */
/* Matching one image. What happens at each area range and threshold is a bit: a detection that
 * meets a target settles all of them at once. */
#include "score/coco.h"

enum { GRAIN = 1 << 14 }; /* pairs that are worth a task */

typedef struct matcher {
  const vloss_coco_image *image;
  const vloss_coco_options *options;
  coco_key *detections, *targets; /* by class */
  coco_key *candidates, *spare;
  double *similarity;       /* per target of the class */
  uint64_t *taken, *hidden; /* the same: where it is matched, where it does not count */
  size_t detection_count, target_count;
  size_t least; /* the threshold that is passed first */
} matcher;

/* One class of an image: parts of the sorted keys. */
typedef struct part {
  const coco_key *detections, *targets;
  size_t detection_count, target_count;
} part;

static void place(matcher *w, void *workspace) {
  size_t n = w->image->detections, m = w->image->targets;
  w->detections = coco_align(workspace);
  w->targets = w->detections + 2 * n;
  w->candidates = w->targets + 2 * m;
  w->spare = w->candidates + m;
  w->similarity = (double *)(void *)(w->spare + m);
  w->taken = (uint64_t *)(void *)(w->similarity + m);
  w->hidden = w->taken + m;
}

static void order_targets(matcher *w) {
  const vloss_coco_image *image = w->image;
  w->target_count = image->targets;
  for (size_t i = 0; i < image->targets; i++)
    w->targets[i] = (coco_key){integer_key(class_of(image->target_classes, i)), i};
  vloss_coco_sort(w->targets, w->targets + image->targets, image->targets);
}

static int is_listed(int64_t class_id, const int64_t *classes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (classes[i] == class_id) return 1;
  }
  return 0;
}

/* LVIS: only classes that the image was annotated for. Asked for as many detections as the largest
 * limit has, 300. */
static int is_federated(const matcher *w, int64_t class_id) {
  const vloss_coco_image *image = w->image;
  uint64_t word = integer_key(class_id);
  size_t found = vloss_coco_find(w->targets, w->target_count, word);
  return (found < w->target_count && w->targets[found].word == word) ||
         is_listed(class_id, image->negative_classes, image->negative_count);
}

/* By descending score, and then by class. */
static void order_detections(matcher *w) {
  const vloss_coco_image *image = w->image;
  int lvis = w->options->kind == VLOSS_COCO_LVIS;
  coco_key *keys = w->detections, *spare = keys + image->detections;
  size_t count = 0, kept = 0;
  for (size_t i = 0; i < image->detections; i++) {
    if (image->scores[i] == image->scores[i])
      keys[count++] = (coco_key){descending_key(image->scores[i]), i};
  }
  vloss_coco_sort(keys, spare, count);
  if (lvis && count > largest_limit(w->options)) count = largest_limit(w->options);
  for (size_t i = 0; i < count; i++) {
    int64_t class_id = class_of(image->classes, keys[i].index);
    if (lvis && !is_federated(w, class_id)) continue;
    keys[kept++] = (coco_key){integer_key(class_id), keys[i].index};
  }
  vloss_coco_sort(keys, spare, kept);
  w->detection_count = kept;
}

/* Takes the next class off the keys [*d, ...) and [*t, ...); 0 if there is none. */
static int next_part(const matcher *w, size_t *d, size_t *t, part *p) {
  int has_detection = *d < w->detection_count, has_target = *t < w->target_count;
  if (!has_detection && !has_target) return 0;
  uint64_t word = has_detection ? w->detections[*d].word : UINT64_MAX;
  if (has_target && w->targets[*t].word < word) word = w->targets[*t].word;
  size_t d_end = *d, t_end = *t;
  while (d_end < w->detection_count && w->detections[d_end].word == word) d_end++;
  while (t_end < w->target_count && w->targets[t_end].word == word) t_end++;
  *p = (part){w->detections + *d, w->targets + *t, d_end - *d, t_end - *t};
  if (p->detection_count > largest_limit(w->options))
    p->detection_count = largest_limit(w->options);
  *d = d_end;
  *t = t_end;
  return 1;
}

/* Where a task begins: among the keys, and among the records. */
typedef struct place_in_image {
  size_t detection, target, record;
} place_in_image;

typedef struct matching {
  const matcher *matcher;
  vloss_coco_record *records;
  place_in_image begins[TASKS_MOST + 1];
  size_t tasks;
} matching;

/* Pairs of a class, and its records. */
static uint64_t work_of(const part *p) {
  return (uint64_t)p->detection_count * p->target_count + p->detection_count + p->target_count;
}

/* The sizes of an image; returns the number of detections with a record. */
static size_t measure(const matcher *w, size_t *records, uint64_t *work) {
  size_t d = 0, t = 0, detections = 0;
  part p;
  *records = 0;
  *work = 0;
  while (next_part(w, &d, &t, &p)) {
    detections += p.detection_count;
    *records += p.detection_count + p.target_count;
    *work += work_of(&p);
  }
  return detections;
}

/* Cuts the classes into tasks of about the same work. */
static void cut(matching *m, size_t records, uint64_t work) {
  place_in_image at = {0, 0, 0};
  uint64_t done = 0;
  part p;
  for (size_t i = 0; i < m->tasks; i++) {
    uint64_t end = share_end(work, m->tasks, i);
    m->begins[i] = at;
    if (i + 1 == m->tasks) break;
    while (done < end && next_part(m->matcher, &at.detection, &at.target, &p)) {
      at.record += p.detection_count + p.target_count;
      done += work_of(&p);
    }
  }
  m->begins[m->tasks].record = records;
}

/* The bits of the ranges that an area is outside of. */
static uint64_t outside(const vloss_coco_options *o, double area) {
  uint64_t bits = 0;
  for (size_t a = 0; a < o->area_count; a++) {
    if (area < o->areas[2 * a] || area > o->areas[2 * a + 1]) bits |= range_bits(o, a);
  }
  return bits;
}

static uint64_t all_bits(const vloss_coco_options *o) {
  size_t cells = o->area_count * o->threshold_count;
  return cells == 64 ? UINT64_MAX : ((uint64_t)1 << cells) - 1;
}

static double area_of(const double *areas, const double *boxes, size_t i) {
  return areas ? areas[i] : boxes[4 * i + 2] * boxes[4 * i + 3];
}

static void open_targets(const matcher *w, const part *p) {
  const vloss_coco_image *image = w->image;
  for (size_t j = 0; j < p->target_count; j++) {
    size_t i = p->targets[j].index;
    int ignored =
        is_crowd(image, w->options, i) || (image->target_ignored && image->target_ignored[i] != 0);
    w->taken[j] = 0;
    w->hidden[j] = ignored
                       ? all_bits(w->options)
                       : outside(w->options, area_of(image->target_areas, image->target_boxes, i));
  }
}

static double passed_at(double threshold) { return threshold < 1 - 1e-10 ? threshold : 1 - 1e-10; }

/* The bits of the thresholds that a similarity reaches, in all ranges. */
static uint64_t reached(const vloss_coco_options *o, double similarity) {
  uint64_t first = 0, bits = 0;
  for (size_t t = 0; t < o->threshold_count; t++)
    first |= (uint64_t)(similarity >= passed_at(o->thresholds[t])) << t;
  for (size_t a = 0; a < o->area_count; a++) bits |= first << a * o->threshold_count;
  return bits;
}

/* The targets that a detection may take at any threshold: best first, of equal ones the last. */
static size_t find_candidates(const matcher *w, const part *p, size_t detection) {
  double least = passed_at(w->options->thresholds[w->least]);
  size_t count = 0;
  for (size_t j = p->target_count; j-- > 0;) {
    size_t i = p->targets[j].index;
    double s = coco_similarity(w->image, detection, i, is_crowd(w->image, w->options, i));
    if (!(s >= least)) continue;
    w->similarity[j] = s;
    w->candidates[count++] = (coco_key){descending_key(s), j};
  }
  vloss_coco_sort(w->candidates, w->spare, count);
  return count;
}

/* Takes targets for a detection wherever it is open: first those that count. */
static void take(const matcher *w, const part *p, size_t candidates, vloss_coco_record *record) {
  uint64_t open = all_bits(w->options);
  for (int hidden = 0; hidden <= 1; hidden++) {
    for (size_t c = 0; c < candidates && open; c++) {
      size_t j = w->candidates[c].index;
      uint64_t bits = open & reached(w->options, w->similarity[j]);
      bits &= hidden ? w->hidden[j] : ~w->hidden[j];
      if (!is_crowd(w->image, w->options, p->targets[j].index)) bits &= ~w->taken[j];
      w->taken[j] |= bits;
      record->matched |= bits;
      if (hidden) record->ignored |= bits;
      open &= ~bits;
    }
  }
}

/* LVIS: whether the image has all of the class annotated. */
static int is_exhaustive(const matcher *w, int64_t class_id) {
  const vloss_coco_image *image = w->image;
  return w->options->kind != VLOSS_COCO_LVIS ||
         !is_listed(class_id, image->not_exhaustive_classes, image->not_exhaustive_count);
}

static void match_detection(const matcher *w, const part *p, size_t rank, int exhaustive,
                            vloss_coco_record *record) {
  const vloss_coco_image *image = w->image;
  size_t i = p->detections[rank].index;
  *record = (vloss_coco_record){.image_id = image->image_id,
                                .class_id = class_of(image->classes, i),
                                .score = image->scores[i],
                                .rank = (uint32_t)rank,
                                .kind = VLOSS_COCO_RECORD_DETECTION};
  take(w, p, find_candidates(w, p, i), record);
  uint64_t lost = exhaustive ? outside(w->options, area_of(image->areas, image->boxes, i))
                             : all_bits(w->options);
  record->ignored |= lost & ~record->matched;
}

static void match_part(const matcher *w, const part *p, vloss_coco_record *records) {
  const vloss_coco_image *image = w->image;
  size_t count = p->detection_count;
  int exhaustive = !count || is_exhaustive(w, class_of(image->classes, p->detections[0].index));
  open_targets(w, p);
  for (size_t rank = 0; rank < count; rank++) match_detection(w, p, rank, exhaustive, records++);
  for (size_t j = 0; j < p->target_count; j++) {
    *records++ = (vloss_coco_record){
        .image_id = image->image_id,
        .class_id = class_of(image->target_classes, p->targets[j].index),
        .ignored = w->hidden[j],
        .rank = (uint32_t)j,
        .kind = VLOSS_COCO_RECORD_TARGET,
    };
  }
}

/* The classes of some tasks, with the room of their own targets. */
static void match_parts(const void *work, size_t begin, size_t end, partial *none) {
  const matching *m = work;
  place_in_image at = m->begins[begin];
  size_t before = at.target;
  matcher w = *m->matcher;
  part p;
  (void)none;
  w.candidates += before;
  w.spare += before;
  w.similarity += before;
  w.taken += before;
  w.hidden += before;
  while (at.record < m->begins[end].record && next_part(&w, &at.detection, &at.target, &p)) {
    match_part(&w, &p, m->records + at.record);
    at.record += p.detection_count + p.target_count;
  }
}

static size_t least_threshold(const vloss_coco_options *o) {
  size_t least = 0;
  for (size_t t = 1; t < o->threshold_count; t++) {
    if (o->thresholds[t] < o->thresholds[least]) least = t;
  }
  return least;
}

coco_matched vloss_coco_match_image(const vloss_coco_image *image, const vloss_coco_options *o,
                                    void *workspace, size_t capacity, vloss_coco_record *records) {
  matcher w = {.image = image, .options = o, .least = least_threshold(o)};
  matching m; /* of which few begins are used */
  coco_matched found;
  uint64_t work;
  place(&w, workspace);
  order_targets(&w);
  order_detections(&w);
  found.detections = measure(&w, &found.records, &work);
  if (found.records > capacity) return found;
  m.matcher = &w;
  m.records = records;
  m.tasks = task_count(work, GRAIN);
  cut(&m, found.records, work);
  run_tasks(o->executor, match_parts, &m, m.tasks);
  return found;
}
