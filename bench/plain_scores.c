/* SPDX-License-Identifier: Apache-2.0 */
#include "plain_scores.h"

#include <stdlib.h>
#include <string.h>

static const float *sorted_scores; /* of the call under way: qsort() hands nothing through */

static int by_score(const void *a, const void *b) {
  uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
  if (sorted_scores[i] != sorted_scores[j]) return sorted_scores[i] < sorted_scores[j] ? 1 : -1;
  return i < j ? -1 : i > j;
}

static float area_of(const float *a) { return (a[2] - a[0]) * (a[3] - a[1]); }

static float iou_of(const float *a, const float *b) {
  float left = a[0] > b[0] ? a[0] : b[0], right = a[2] < b[2] ? a[2] : b[2];
  float top = a[1] > b[1] ? a[1] : b[1], bottom = a[3] < b[3] ? a[3] : b[3];
  float width = right > left ? right - left : 0, height = bottom > top ? bottom - top : 0;
  float inner = width * height;
  return inner / ((area_of(a) + area_of(b)) - inner);
}

size_t plain_nms(const float *boxes, const float *scores, const uint8_t *classes, size_t n,
                 float threshold, const plain_room *room, int64_t *kept) {
  size_t count = 0;
  for (size_t i = 0; i < n; i++) room->order[i] = (uint32_t)i;
  sorted_scores = scores;
  qsort(room->order, n, sizeof *room->order, by_score);
  memset(room->gone, 0, n);
  for (size_t i = 0; i < n; i++) {
    if (room->gone[i]) continue;
    size_t own = room->order[i];
    kept[count++] = (int64_t)own;
    for (size_t j = i + 1; j < n; j++) {
      size_t other = room->order[j];
      if (room->gone[j] || (classes && classes[own] != classes[other])) continue;
      if (iou_of(boxes + 4 * own, boxes + 4 * other) > threshold) room->gone[j] = 1;
    }
  }
  return count;
}

size_t plain_select(const float *scores, size_t n, size_t classes, float threshold, int64_t *box,
                    int64_t *label, float *score) {
  size_t count = 0;
  for (size_t i = 0; i < n; i++) {
    size_t best = 0;
    for (size_t c = 1; c < classes; c++)
      if (scores[c * n + i] > scores[best * n + i]) best = c;
    if (!(scores[best * n + i] > threshold)) continue;
    box[count] = (int64_t)i;
    label[count] = (int64_t)best;
    score[count++] = scores[best * n + i];
  }
  return count;
}
