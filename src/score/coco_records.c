/* SPDX-License-Identifier: Apache-2.0 */
/* Records in the one order that does not depend on where they came from. */
#include "score/coco.h"

enum { GRAIN = 4096 }; /* records that are worth a task */

static int compare(uint64_t a, uint64_t b) { return (a > b) - (a < b); }

/* Targets follow the detections of their class. */
static uint64_t score_key(const vloss_coco_record *r) {
  return r->kind == VLOSS_COCO_RECORD_TARGET ? UINT64_MAX : descending_key(r->score);
}

static int compare_records(const vloss_coco_record *a, const vloss_coco_record *b) {
  if (a->class_id != b->class_id) return a->class_id < b->class_id ? -1 : 1;
  int order = compare(score_key(a), score_key(b));
  if (!order && a->image_id != b->image_id) order = a->image_id < b->image_id ? -1 : 1;
  if (!order) order = compare(a->rank, b->rank);
  if (!order) order = compare(a->matched, b->matched);
  if (!order) order = compare(a->ignored, b->ignored);
  return order;
}

/* And each only once? */
static int are_ordered(const vloss_coco_record *records, size_t count) {
  for (size_t i = 1; i < count; i++) {
    if (compare_records(&records[i - 1], &records[i]) >= 0) return 0;
  }
  return 1;
}

/* What records are sorted by, the earlier before the later. */
typedef enum stage { BY_CLASS, BY_SCORE, BY_IMAGE, BY_RANK, BY_MATCHED, BY_IGNORED, STAGES } stage;

static uint64_t word_of(const vloss_coco_record *r, stage s) {
  switch (s) {
    case BY_CLASS: return integer_key(r->class_id);
    case BY_SCORE: return score_key(r);
    case BY_IMAGE: return integer_key(r->image_id);
    case BY_RANK: return r->rank;
    case BY_MATCHED: return r->matched;
    default: return r->ignored;
  }
}

static void sort_by(const vloss_coco_record *records, coco_key *keys, coco_key *spare, size_t count,
                    stage s) {
  for (size_t i = 0; i < count; i++) keys[i].word = word_of(&records[keys[i].index], s);
  vloss_coco_sort(keys, spare, count);
}

/* Sorts keys by one stage, and each run of equal ones by the stages behind it. */
static void sort_from(const vloss_coco_record *records, coco_key *keys, coco_key *spare,
                      size_t count, stage s) {
  sort_by(records, keys, spare, count, s);
  if (s + 1 == STAGES) return;
  for (size_t begin = 0, end; begin < count; begin = end) {
    for (end = begin + 1; end < count && keys[end].word == keys[begin].word;) end++;
    if (end - begin > 1) sort_from(records, keys + begin, spare, end - begin, s + 1);
  }
}

/* Keys in a workspace, and room for as many again or for the records. */
typedef struct sorting {
  const vloss_coco_record *records;
  vloss_coco_record *sorted;
  coco_key *keys, *spare;
  size_t count, tasks;
  size_t begins[TASKS_MOST + 1]; /* of the tasks: with a class */
} sorting;

/* The first of `count` keys at or behind `at` > 0 with which a class begins. */
static size_t next_class(const coco_key *keys, size_t count, size_t at) {
  if (at >= count || keys[at].word != keys[at - 1].word) return at;
  uint64_t word = keys[at].word;
  return word == UINT64_MAX ? count : at + vloss_coco_find(keys + at, count - at, word + 1);
}

static void sort_classes(const void *work, size_t begin, size_t end, partial *none) {
  const sorting *s = work;
  size_t last = s->begins[end];
  (void)none;
  for (size_t at = s->begins[begin], next; at < last; at = next) {
    next = next_class(s->keys, last, at + 1);
    sort_from(s->records, s->keys + at, s->spare + at, next - at, BY_SCORE);
  }
}

static void gather(const void *work, size_t begin, size_t end, partial *none) {
  const sorting *s = work;
  size_t from = begin ? (size_t)share_end(s->count, s->tasks, begin - 1) : 0;
  size_t to = (size_t)share_end(s->count, s->tasks, end - 1);
  (void)none;
  for (size_t i = from; i < to; i++) s->sorted[i] = s->records[s->keys[i].index];
}

static void sort_records(vloss_coco_record *records, size_t count, const vloss_executor *executor,
                         void *workspace) {
  coco_key *keys = workspace, *spare = keys + count;
  sorting s = {.records = records, .keys = keys, .spare = spare, .count = count};
  s.sorted = (vloss_coco_record *)(void *)spare;
  s.tasks = task_count(count, GRAIN);
  for (size_t i = 0; i < count; i++) keys[i].index = i;
  sort_by(records, keys, spare, count, BY_CLASS);
  for (size_t t = 0; t < s.tasks; t++)
    s.begins[t + 1] = next_class(keys, count, (size_t)share_end(count, s.tasks, t));
  run_tasks(executor, sort_classes, &s, s.tasks);
  run_tasks(executor, gather, &s, s.tasks);
  memcpy(records, s.sorted, count * sizeof *records);
}

/* Lets sorted records that are there once more change places with those behind them. */
static size_t put_repeated_last(vloss_coco_record *records, size_t count) {
  size_t kept = count > 0;
  for (size_t i = 1; i < count; i++) {
    if (compare_records(&records[kept - 1], &records[i]) == 0) continue;
    if (kept < i) {
      vloss_coco_record repeated = records[kept];
      records[kept] = records[i];
      records[i] = repeated;
    }
    kept++;
  }
  return kept;
}

size_t vloss_coco_order(vloss_coco_record *records, size_t count, const vloss_executor *executor,
                        void *workspace) {
  if (are_ordered(records, count)) return count;
  sort_records(records, count, executor, coco_align(workspace));
  return put_repeated_last(records, count);
}

coco_class vloss_coco_class_at(const vloss_coco_record *records, size_t count, size_t begin) {
  coco_class c = {records[begin].class_id, begin, begin, begin};
  for (; c.end < count && records[c.end].class_id == c.class_id; c.end++) {
    if (records[c.end].kind == VLOSS_COCO_RECORD_DETECTION) c.targets = c.end + 1;
  }
  return c;
}

/* The first record whose class is not less. */
static size_t find_class(const vloss_coco_record *records, size_t count, int64_t class_id) {
  size_t low = 0, high = count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (records[middle].class_id < class_id)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

coco_class vloss_coco_class_of(const vloss_coco_record *records, size_t count, int64_t class_id) {
  size_t at = find_class(records, count, class_id);
  if (at == count || records[at].class_id != class_id) return (coco_class){class_id, at, at, at};
  return vloss_coco_class_at(records, count, at);
}

size_t vloss_coco_next_class(const vloss_coco_record *records, size_t count, size_t at) {
  if (at == 0 || at >= count || records[at].class_id != records[at - 1].class_id) return at;
  int64_t class_id = records[at].class_id;
  return class_id == INT64_MAX ? count : find_class(records, count, class_id + 1);
}

size_t vloss_coco_list(const vloss_coco_record *records, size_t count, size_t capacity,
                       int64_t *classes) {
  size_t k = 0;
  for (size_t at = 0; at < count; at = vloss_coco_next_class(records, count, at + 1), k++) {
    if (k < capacity) classes[k] = records[at].class_id;
  }
  return k;
}
