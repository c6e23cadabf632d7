/* SPDX-License-Identifier: Apache-2.0 */
/* Records in the one order that does not depend on where they came from. */
#include "score/coco.h"

size_t vloss_coco_accumulate_workspace(size_t count) {
  if (count > (PTRDIFF_MAX - COCO_ALIGNMENT) / (2 * sizeof(coco_key))) return SIZE_MAX;
  return count * 2 * sizeof(coco_key) + COCO_ALIGNMENT;
}

static int compare(uint64_t a, uint64_t b) { return (a > b) - (a < b); }

/* Targets follow the detections of their class. */
static uint64_t score_key(const vloss_coco_record *r) {
  return r->kind == VLOSS_COCO_RECORD_TARGET ? UINT64_MAX : vloss_coco_descending_key(r->score);
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

static int are_ordered(const vloss_coco_record *records, size_t count) {
  for (size_t i = 1; i < count; i++) {
    if (compare_records(&records[i - 1], &records[i]) > 0) return 0;
  }
  return 1;
}

static void check_records(coco_call *call, const vloss_coco_record *records, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (records[i].score != records[i].score || records[i].kind > VLOSS_COCO_RECORD_TARGET)
      vloss_coco_fail(call, VLOSS_ERROR_PARAMETER, "records");
  }
}

/* The keys of each stage, the earlier ones before the later. */
typedef enum stage { BY_SCORE, BY_IMAGE, BY_BITS, STAGES } stage;

static coco_key key_of(const vloss_coco_record *records, size_t index, stage s) {
  const vloss_coco_record *r = &records[index];
  switch (s) {
    case BY_SCORE: return (coco_key){integer_key(r->class_id), score_key(r), index};
    case BY_IMAGE: return (coco_key){integer_key(r->image_id), r->rank, index};
    default: return (coco_key){r->matched, r->ignored, index};
  }
}

/* Sorts keys by one stage, and each run of equal ones by the stages behind it. */
static void sort_from(const vloss_coco_record *records, coco_key *keys, coco_key *spare,
                      size_t count, stage s) {
  for (size_t i = 0; i < count; i++) keys[i] = key_of(records, keys[i].index, s);
  vloss_coco_sort(keys, spare, count);
  if (s + 1 == STAGES) return;
  for (size_t begin = 0, end; begin < count; begin = end) {
    for (end = begin + 1; end < count && keys[end].major == keys[begin].major &&
                          keys[end].minor == keys[begin].minor;)
      end++;
    if (end - begin > 1) sort_from(records, keys + begin, spare, end - begin, s + 1);
  }
}

/* Moves records[keys[i].index] to i, along cycles. */
static void move_records(vloss_coco_record *records, coco_key *keys, size_t count) {
  for (size_t start = 0; start < count; start++) {
    if (keys[start].index == start) continue;
    vloss_coco_record first = records[start];
    size_t to = start;
    for (size_t from; (from = keys[to].index) != start; to = from) {
      records[to] = records[from];
      keys[to].index = to;
    }
    records[to] = first;
    keys[to].index = to;
  }
}

void vloss_coco_order(coco_call *call, vloss_coco_record *records, size_t count, void *workspace,
                      size_t workspace_size) {
  if (count && !records) vloss_coco_fail(call, VLOSS_ERROR_NULL, "records");
  if (count && !workspace) vloss_coco_fail(call, VLOSS_ERROR_NULL, "workspace");
  size_t need = vloss_coco_accumulate_workspace(count);
  if (need == SIZE_MAX) vloss_coco_fail(call, VLOSS_ERROR_SIZE, "count");
  if (count && workspace_size < need) vloss_coco_fail(call, VLOSS_ERROR_WORKSPACE, "workspace");
  if (call->status == VLOSS_OK) check_records(call, records, count);
  if (call->status != VLOSS_OK || are_ordered(records, count)) return;
  coco_key *keys = coco_align(workspace);
  for (size_t i = 0; i < count; i++) keys[i].index = i;
  sort_from(records, keys, keys + count, count, BY_SCORE);
  move_records(records, keys, count);
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

int vloss_coco_is_repeated(const vloss_coco_record *records, size_t begin, size_t i) {
  return i > begin && compare_records(&records[i - 1], &records[i]) == 0;
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
  vloss_coco_order(&call, records, count, workspace, workspace_size);
  if (call.status == VLOSS_OK) {
    *class_count = count_classes(records, count);
    if (capacity < *class_count)
      vloss_coco_fail(&call, VLOSS_ERROR_CAPACITY, "classes");
    for (size_t i = 0, k = 0; call.status == VLOSS_OK && i < count; i++) {
      if (i == 0 || records[i].class_id != records[i - 1].class_id)
        classes[k++] = records[i].class_id;
    }
  }
  return vloss_coco_close(&call);
}
