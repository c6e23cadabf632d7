/* SPDX-License-Identifier: Apache-2.0 */
/* Stable sorting of keys: insertion for few, else by digits. */
#include <string.h>

#include "score/coco.h"

enum { FEW = 48, DIGIT_BITS = 8, DIGITS = 1 << DIGIT_BITS };

static int is_less(const coco_key *a, const coco_key *b) {
  return a->major != b->major ? a->major < b->major : a->minor < b->minor;
}

static void insertion_sort(coco_key *keys, size_t count) {
  for (size_t i = 1; i < count; i++) {
    coco_key key = keys[i];
    size_t to = i;
    for (; to > 0 && is_less(&key, &keys[to - 1]); to--) keys[to] = keys[to - 1];
    keys[to] = key;
  }
}

static int is_sorted(const coco_key *keys, size_t count) {
  for (size_t i = 1; i < count; i++) {
    if (is_less(&keys[i], &keys[i - 1])) return 0;
  }
  return 1;
}

static uint64_t word_of(const coco_key *key, int major) { return major ? key->major : key->minor; }

/* The bits in which keys differ. */
static uint64_t differences(const coco_key *keys, size_t count, int major) {
  uint64_t all = UINT64_MAX, any = 0;
  for (size_t i = 0; i < count; i++) {
    all &= word_of(&keys[i], major);
    any |= word_of(&keys[i], major);
  }
  return all ^ any;
}

static void sort_by_digit(const coco_key *from, coco_key *to, size_t count, int major, int shift) {
  size_t begin[DIGITS] = {0}, sum = 0;
  for (size_t i = 0; i < count; i++) begin[word_of(&from[i], major) >> shift & (DIGITS - 1)]++;
  for (size_t d = 0; d < DIGITS; d++) {
    size_t size = begin[d];
    begin[d] = sum;
    sum += size;
  }
  for (size_t i = 0; i < count; i++)
    to[begin[word_of(&from[i], major) >> shift & (DIGITS - 1)]++] = from[i];
}

void vloss_coco_sort(coco_key *keys, coco_key *spare, size_t count) {
  if (count <= FEW) {
    insertion_sort(keys, count);
    return;
  }
  if (is_sorted(keys, count)) return;
  coco_key *from = keys, *to = spare;
  for (int major = 0; major <= 1; major++) {
    uint64_t differ = differences(from, count, major);
    for (int shift = 0; shift < 64; shift += DIGIT_BITS) {
      if (!(differ >> shift & (DIGITS - 1))) continue;
      sort_by_digit(from, to, count, major, shift);
      coco_key *swap = from;
      from = to;
      to = swap;
    }
  }
  if (from != keys) memcpy(keys, from, count * sizeof *keys);
}

uint64_t vloss_coco_descending_key(double value) {
  uint64_t bits;
  value += 0.0; /* -0 becomes +0 */
  memcpy(&bits, &value, sizeof bits);
  return bits >> 63 ? bits : ~bits & UINT64_MAX >> 1;
}
