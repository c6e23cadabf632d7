/* SPDX-License-Identifier: Apache-2.0 */
#include "api/order.h"

#include <math.h>
#include <string.h>

enum { DIGIT = 11, DIGITS = 3, BUCKETS = 1 << DIGIT };

/* The bits of a number as an unsigned integer that descends as it ascends; -0 is 0. */
static uint64_t key_f64(double score) {
  uint64_t bits;
  score += 0;
  memcpy(&bits, &score, sizeof bits);
  return bits >> 63 ? bits : ~bits & INT64_MAX;
}

static uint32_t key_f32(float score) {
  uint32_t bits;
  score += 0;
  memcpy(&bits, &score, sizeof bits);
  return bits >> 31 ? bits : ~bits & INT32_MAX;
}

/* An item is half a key above an index, or a whole one of float. */
static uint64_t item_of(uint64_t key, size_t index) { return key << 32 | (uint32_t)index; }

static uint32_t digit_of(uint64_t item, int digit) {
  return (uint32_t)(item >> (32 + DIGIT * digit)) & (BUCKETS - 1);
}

/* So few are inserted one by one. */
enum { FEW = 48 };

static void insert_all(uint64_t *items, size_t count) {
  for (size_t i = 1; i < count; i++) {
    uint64_t item = items[i];
    size_t k = i;
    for (; k > 0 && items[k - 1] >> 32 > item >> 32; k--) items[k] = items[k - 1];
    items[k] = item;
  }
}

static void count_digits(const uint64_t *items, size_t count, uint32_t places[][BUCKETS]) {
  memset(places, 0, DIGITS * sizeof *places);
  for (size_t i = 0; i < count; i++)
    for (int digit = 0; digit < DIGITS; digit++) places[digit][digit_of(items[i], digit)]++;
}

/* Sorts items by their keys, equal ones as they are; returns where they are. */
static uint64_t *sort_items(uint64_t *items, uint64_t *spare, size_t count) {
  uint32_t places[DIGITS][BUCKETS];
  if (count <= FEW) {
    insert_all(items, count);
    return items;
  }
  count_digits(items, count, places);
  for (int digit = 0; digit < DIGITS; digit++) {
    uint32_t *place = places[digit], next = 0;
    if (place[digit_of(items[0], digit)] == count) continue; /* all have the same */
    for (size_t k = 0; k < BUCKETS; k++) {
      uint32_t size = place[k];
      place[k] = next;
      next += size;
    }
    for (size_t i = 0; i < count; i++) spare[place[digit_of(items[i], digit)]++] = items[i];
    uint64_t *other = items;
    items = spare;
    spare = other;
  }
  return items;
}

/* By the lower half of a key, and then by the upper one. */
static size_t order_f64(const double *scores, size_t n, double threshold, uint64_t *room,
                        uint32_t *order) {
  int all = threshold == -HUGE_VAL;
  size_t count = 0;
  for (size_t i = 0; i < n; i++) {
    room[count] = item_of(key_f64(scores[i]), i);
    count += all ? scores[i] == scores[i] : scores[i] > threshold;
  }
  const uint64_t *items = sort_items(room, room + n, count);
  for (size_t i = 0; i < count; i++) order[i] = (uint32_t)items[i];
  for (size_t i = 0; i < count; i++) room[i] = item_of(key_f64(scores[order[i]]) >> 32, order[i]);
  items = sort_items(room, room + n, count);
  for (size_t i = 0; i < count; i++) order[i] = (uint32_t)items[i];
  return count;
}

static size_t order_f32(const float *scores, size_t n, double threshold, uint64_t *room,
                        uint32_t *order) {
  int all = threshold == -HUGE_VAL;
  size_t count = 0;
  for (size_t i = 0; i < n; i++) {
    room[count] = item_of(key_f32(scores[i]), i);
    count += all ? scores[i] == scores[i] : (double)scores[i] > threshold;
  }
  const uint64_t *items = sort_items(room, room + n, count);
  for (size_t i = 0; i < count; i++) order[i] = (uint32_t)items[i];
  return count;
}

size_t vloss_order(const void *scores, vloss_dtype dtype, size_t n, double threshold,
                   uint64_t *room, uint32_t *order) {
  return dtype == VLOSS_F64 ? order_f64(scores, n, threshold, room, order)
                            : order_f32(scores, n, threshold, room, order);
}
