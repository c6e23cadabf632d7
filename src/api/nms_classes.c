/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/nms.h"
#include "api/numbers.h"
#include "api/split.h"
#include "dispatch.h"
#include "labels.h"

/* Pairs of boxes that are worth a task. */
enum { GRAIN = 1 << 18 };

static size_t mix(int64_t class) {
  uint64_t bits = (uint64_t) class * UINT64_C(0x9e3779b97f4a7c15);
  return (size_t)(bits ^ bits >> 32);
}

/* A place of the table is 0 or a rank + 1. */
void vloss_nms_number_classes(nms_layout *l, vloss_labels labels) {
  nms_job *j = &l->job;
  memset(l->class_table, 0, l->table_size * sizeof *l->class_table);
  for (size_t rank = 0; rank < j->n; rank++) {
    int64_t class = label_at(labels, j->order[rank]);
    size_t place = mix(class) & (l->table_size - 1);
    uint32_t *found = &l->class_table[place];
    while (*found && label_at(labels, j->order[*found - 1]) != class) {
      place = (place + 1) & (l->table_size - 1);
      found = &l->class_table[place];
    }
    if (*found) {
      j->classes[rank] = j->classes[*found - 1];
      continue;
    }
    *found = (uint32_t)rank + 1;
    j->classes[rank] = (uint32_t)j->class_count++;
  }
}

static uint32_t class_of(const nms_job *j, size_t rank) {
  return j->classes ? j->classes[rank] : 0;
}

/* Where each class begins, in `heap`, and in segments[class + 1] where it ends. */
static void measure_classes(const nms_job *j) {
  memset(j->segments, 0, (j->class_count + 1) * sizeof *j->segments);
  for (size_t rank = 0; rank < j->n; rank++) j->segments[class_of(j, rank) + 1]++;
  for (size_t class = 0; class < j->class_count; class ++) {
    j->segments[class + 1] += j->segments[class];
    j->heap[class] = j->segments[class];
  }
}

/* Number i of array `which` among those by place. */
static void put_number(const nms_job *j, vloss_dtype dtype, size_t which, size_t i, double value) {
  number_put(dtype, j->numbers, which * j->room + i, value);
}

enum { SCORE_ARRAY = 5, RESULT_ARRAY = 6 }; /* behind corners and areas */

static const void *results_of(const nms_job *j, vloss_dtype dtype) {
  return (const char *)j->numbers + RESULT_ARRAY * j->room * number_width(dtype);
}

static void run_kernel(const nms_job *j, vloss_dtype dtype, int id) {
  partial found;
  vloss_isa_active()->kernels[dtype]->score[id](j, 0, j->n, &found);
}

/* By class, then by index: each rank + 1 is written at its index, and found again in order. */
size_t vloss_nms_soft(nms_job *j, vloss_dtype dtype, const void *scores, size_t n,
                      const void **results) {
  uint32_t *ranks = j->results;
  memset(ranks, 0, n * sizeof *ranks);
  for (size_t rank = 0; rank < j->n; rank++) ranks[j->order[rank]] = (uint32_t)rank + 1;
  measure_classes(j);
  for (size_t i = 0; i < n; i++) {
    if (!ranks[i]) continue;
    uint32_t place = j->heap[class_of(j, ranks[i] - 1)]++;
    j->grouped[place] = (uint32_t)i;
    put_number(j, dtype, SCORE_ARRAY, place, number_at(dtype, scores, i, 1));
  }
  run_kernel(j, dtype, SCORE_nms_place);
  run_kernel(j, dtype, SCORE_nms_soft);
  *results = results_of(j, dtype);
  return *j->kept;
}

/* Score times decay of the result, whose boxes are at the front of the order; nothing is left of
 * an infinite score times 0. */
static void scale_scores(const nms_job *j, vloss_dtype dtype, const void *scores, size_t rank,
                         size_t to) {
  size_t place = j->cells[rank], index = j->order[to], at = RESULT_ARRAY * j->room + place;
  double score = number_at(dtype, scores, index, 1), decay = number_at(dtype, j->numbers, at, 1);
  double scaled = dtype == VLOSS_F64 ? decay * score : (double)((float)decay * (float)score);
  number_put(dtype, j->results, to, scaled == scaled ? scaled : 0);
}

size_t vloss_nms_matrix(nms_job *j, vloss_dtype dtype, const void *scores,
                        const vloss_executor *executor, const void **results) {
  const kernel_table *kernels = vloss_isa_active()->kernels[dtype];
  division parts = {j->n, 1, j->n < GRAIN ? GRAIN / j->n : 1};
  partial found;
  size_t kept = 0;
  measure_classes(j);
  for (size_t rank = 0; rank < j->n; rank++) {
    j->cells[rank] = j->heap[class_of(j, rank)]++;
    j->grouped[j->cells[rank]] = j->order[rank];
  }
  for (size_t class = j->class_count; class -- > 0;) /* from classes to places */
    for (size_t place = j->segments[class + 1]; place-- > j->segments[class];)
      j->heap[place] = j->segments[class];
  j->segments = j->heap;
  run_kernel(j, dtype, SCORE_nms_place);
  split_run(kernels->score[SCORE_nms_peaks], j, parts, 0, executor, &found);
  split_run(kernels->score[SCORE_nms_decay], j, parts, 0, executor, &found);
  for (size_t rank = 0; rank < j->n && kept < j->max_output; rank++) {
    if (j->per_class && j->per_class[class_of(j, rank)]++ >= j->max_per_class) continue;
    j->order[kept] = j->order[rank];
    scale_scores(j, dtype, scores, rank, kept);
    kept++;
  }
  *results = j->results;
  return kept;
}
