/* SPDX-License-Identifier: Apache-2.0 */
#include "api/order.h"

#include <math.h>
#include <string.h>

#include "job.h"

enum { DIGIT = 11, DIGITS_F32 = 3, DIGITS_F64 = 6, BUCKETS = 1 << DIGIT };

/* The bits of a number as an unsigned integer that descends as it ascends; -0 is 0. */
static uint64_t key_f64(double score) {
  uint64_t bits;
  score += 0;
  memcpy(&bits, &score, sizeof bits);
  return bits >> 63 ? bits : ~bits & INT64_MAX;
}

static uint64_t key_f32(float score) {
  uint32_t bits;
  score += 0;
  memcpy(&bits, &score, sizeof bits);
  return bits >> 31 ? bits : ~bits & INT32_MAX;
}

size_t vloss_order_items(const void *scores, vloss_dtype dtype, size_t n, double threshold,
                         order_item *items) {
  const float *narrow = scores;
  const double *wide = scores;
  int all = threshold == -HUGE_VAL;
  size_t count = 0;
  for (size_t i = 0; i < n; i++) {
    double score = dtype == VLOSS_F64 ? wide[i] : (double)narrow[i];
    items[count].key = dtype == VLOSS_F64 ? key_f64(score) : key_f32((float)score);
    items[count].index = (uint32_t)i;
    count += all ? score == score : score > threshold;
  }
  return count;
}

/* One stable pass by a digit; 0 if all have the same. */
static int pass(const order_item *from, order_item *to, size_t count, int shift) {
  uint32_t places[BUCKETS] = {0};
  uint32_t next = 0;
  for (size_t i = 0; i < count; i++) places[from[i].key >> shift & (BUCKETS - 1)]++;
  if (places[from[0].key >> shift & (BUCKETS - 1)] == count) return 0;
  for (size_t k = 0; k < BUCKETS; k++) {
    uint32_t size = places[k];
    places[k] = next;
    next += size;
  }
  for (size_t i = 0; i < count; i++) to[places[from[i].key >> shift & (BUCKETS - 1)]++] = from[i];
  return 1;
}

/* So few are inserted one by one. */
enum { FEW = 48 };

static void insert_all(order_item *items, size_t count) {
  for (size_t i = 1; i < count; i++) {
    order_item item = items[i];
    size_t k = i;
    for (; k > 0 && items[k - 1].key > item.key; k--) items[k] = items[k - 1];
    items[k] = item;
  }
}

order_item *vloss_order_sort(order_item *items, order_item *spare, size_t count,
                             vloss_dtype dtype) {
  int digits = dtype == VLOSS_F64 ? DIGITS_F64 : DIGITS_F32;
  if (count <= FEW) {
    insert_all(items, count);
    return items;
  }
  for (int digit = 0; digit < digits; digit++) {
    if (!pass(items, spare, count, digit * DIGIT)) continue;
    order_item *other = items;
    items = spare;
    spare = other;
  }
  return items;
}
