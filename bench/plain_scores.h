/* SPDX-License-Identifier: Apache-2.0 */
/* Suppression and selection as plain loops. */
#ifndef VLOSS_BENCH_PLAIN_SCORES_H
#define VLOSS_BENCH_PLAIN_SCORES_H

#include <stddef.h>
#include <stdint.h>

/* Greedy suppression as textbooks have it: indices sorted by qsort(), then each kept box against
 * all behind it that are left, by the IoU from their corners. `classes` may be NULL. Room: n of
 * each. */
typedef struct plain_room {
  uint32_t *order;
  unsigned char *gone;
} plain_room;

size_t plain_nms(const float *boxes, const float *scores, const uint8_t *classes, size_t n,
                 float threshold, const plain_room *room, int64_t *kept);

/* The best class of each box above a threshold, of classes x n scores. */
size_t plain_select(const float *scores, size_t n, size_t classes, float threshold, int64_t *box,
                    int64_t *label, float *score);

#endif
