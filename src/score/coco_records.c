/* SPDX-License-Identifier: Apache-2.0 */
/* Records in the one order that does not depend on where they came from. */
#include "score/coco.h"

/* Keys, and room for the records or as many keys again. */
enum { PER_RECORD = sizeof(coco_key) + sizeof(vloss_coco_record) };

size_t vloss_coco_accumulate_workspace(size_t count) {
  if (count > (PTRDIFF_MAX - COCO_ALIGNMENT) / PER_RECORD) return SIZE_MAX;
  return count * PER_RECORD + COCO_ALIGNMENT;
}

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

static void check_records(coco_call *call, const vloss_coco_record *records, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (records[i].score != records[i].score || records[i].kind > VLOSS_COCO_RECORD_TARGET)
      vloss_coco_fail(call, VLOSS_ERROR_PARAMETER, "records");
  }
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

/* Sorts keys by one stage, and each run of equal ones by the stages behind it. */
static void sort_from(const vloss_coco_record *records, coco_key *keys, coco_key *spare,
                      size_t count, stage s) {
  for (size_t i = 0; i < count; i++) keys[i].word = word_of(&records[keys[i].index], s);
  vloss_coco_sort(keys, spare, count);
  if (s + 1 == STAGES) return;
  for (size_t begin = 0, end; begin < count; begin = end) {
    for (end = begin + 1; end < count && keys[end].word == keys[begin].word;) end++;
    if (end - begin > 1) sort_from(records, keys + begin, spare, end - begin, s + 1);
  }
}

static void sort_records(vloss_coco_record *records, size_t count, void *workspace) {
  coco_key *keys = workspace;
  vloss_coco_record *sorted = (vloss_coco_record *)(void *)(keys + count);
  for (size_t i = 0; i < count; i++) keys[i].index = i;
  sort_from(records, keys, (coco_key *)(void *)sorted, count, BY_CLASS);
  for (size_t i = 0; i < count; i++) sorted[i] = records[keys[i].index];
  memcpy(records, sorted, count * sizeof *records);
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

size_t vloss_coco_order(coco_call *call, vloss_coco_record *records, size_t count, void *workspace,
                        size_t workspace_size) {
  if (count && !records) vloss_coco_fail(call, VLOSS_ERROR_NULL, "records");
  if (count && !workspace) vloss_coco_fail(call, VLOSS_ERROR_NULL, "workspace");
  size_t need = vloss_coco_accumulate_workspace(count);
  if (need == SIZE_MAX) vloss_coco_fail(call, VLOSS_ERROR_SIZE, "count");
  if (count && workspace_size < need) vloss_coco_fail(call, VLOSS_ERROR_WORKSPACE, "workspace");
  if (call->status == VLOSS_OK) check_records(call, records, count);
  if (call->status != VLOSS_OK || are_ordered(records, count)) return count;
  sort_records(records, count, coco_align(workspace));
  return put_repeated_last(records, count);
}

coco_class vloss_coco_class_at(const vloss_coco_record *records, size_t count, size_t begin) {
  coco_class c = {records[begin].class_id, begin, begin, begin};
  for (; c.end < count && records[c.end].class_id == c.class_id; c.end++) {
    if (records[c.end].kind == VLOSS_COCO_RECORD_DETECTION) c.targets = c.end + 1;
  }
  return c;
}

coco_class vloss_coco_class_of(const vloss_coco_record *records, size_t count, int64_t class_id) {
  size_t low = 0, high = count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (records[middle].class_id < class_id)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == count || records[low].class_id != class_id)
    return (coco_class){class_id, low, low, low};
  return vloss_coco_class_at(records, count, low);
}

static size_t count_classes(const vloss_coco_record *records, size_t count) {
  size_t classes = count > 0;
  for (size_t i = 1; i < count; i++) classes += records[i].class_id != records[i - 1].class_id;
  return classes;
}

vloss_status vloss_coco_classes(vloss_coco_record *records, size_t count, void *workspace,
                                size_t workspace_size, size_t capacity, int64_t *classes,
                                size_t *class_count) {
  coco_call call;
  vloss_coco_open(&call, NULL);
  if (!class_count) vloss_coco_fail(&call, VLOSS_ERROR_NULL, "class_count");
  if (capacity && !classes) vloss_coco_fail(&call, VLOSS_ERROR_NULL, "classes");
  count = vloss_coco_order(&call, records, count, workspace, workspace_size);
  if (call.status == VLOSS_OK) {
    *class_count = count_classes(records, count);
    if (capacity < *class_count) vloss_coco_fail(&call, VLOSS_ERROR_CAPACITY, "capacity");
    for (size_t i = 0, k = 0; call.status == VLOSS_OK && i < count; i++) {
      if (i == 0 || records[i].class_id != records[i - 1].class_id)
        classes[k++] = records[i].class_id;
    }
  }
  return vloss_coco_close(&call);
}
