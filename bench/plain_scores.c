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

static int overlap(const float *a, const float *b, float area, float other, float threshold) {
  float left = a[0] > b[0] ? a[0] : b[0], right = a[2] < b[2] ? a[2] : b[2];
  float top = a[1] > b[1] ? a[1] : b[1], bottom = a[3] < b[3] ? a[3] : b[3];
  if (!(right > left && bottom > top)) return 0;
  float inner = (right - left) * (bottom - top);
  return inner / ((area + other) - inner) > threshold;
}

size_t plain_nms(const float *boxes, const float *scores, const uint8_t *classes, size_t n,
                 float threshold, const plain_room *room, int64_t *kept) {
  size_t count = 0;
  for (size_t i = 0; i < n; i++) room->order[i] = (uint32_t)i;
  sorted_scores = scores;
  qsort(room->order, n, sizeof *room->order, by_score);
  memset(room->gone, 0, n);
  for (size_t i = 0; i < n; i++) {
    float *box = room->boxes + 4 * i;
    memcpy(box, boxes + 4 * (size_t)room->order[i], 4 * sizeof *box);
    room->areas[i] = (box[2] - box[0]) * (box[3] - box[1]);
  }
  for (size_t i = 0; i < n; i++) {
    if (room->gone[i]) continue;
    kept[count++] = room->order[i];
    for (size_t j = i + 1; j < n; j++) {
      if (room->gone[j] || (classes && classes[room->order[i]] != classes[room->order[j]]))
        continue;
      room->gone[j] = overlap(room->boxes + 4 * i, room->boxes + 4 * j, room->areas[i],
                              room->areas[j], threshold) != 0;
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
