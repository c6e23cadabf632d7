/* SPDX-License-Identifier: Apache-2.0 */
/* Stable sorting of keys: merging for few, else by digits. */
#include <string.h>

#include "score/coco.h"

enum { RUN = 12, FEW = 512, DIGIT_BITS = 8, DIGITS = 1 << DIGIT_BITS };

static void insertion_sort(coco_key *keys, size_t count) {
  for (size_t i = 1; i < count; i++) {
    coco_key key = keys[i];
    size_t to = i;
    for (; to > 0 && key.word < keys[to - 1].word; to--) keys[to] = keys[to - 1];
    keys[to] = key;
  }
}

/* Merges two sorted parts of one array: [0, middle) and [middle, count). */
static void merge(const coco_key *from, size_t middle, size_t count, coco_key *to) {
  size_t a = 0, b = middle;
  while (a < middle && b < count) {
    int second = from[b].word < from[a].word;
    *to++ = from[second ? b : a];
    b += (size_t)second;
    a += (size_t)!second;
  }
  memcpy(to, from + a, (middle - a) * sizeof *to);
  memcpy(to + (middle - a), from + b, (count - b) * sizeof *to);
}

static void merge_sort(coco_key *keys, coco_key *spare, size_t count) {
  coco_key *from = keys, *to = spare;
  for (size_t i = 0; i < count; i += RUN)
    insertion_sort(keys + i, count - i < RUN ? count - i : RUN);
  for (size_t width = RUN; width < count; width *= 2) {
    for (size_t i = 0; i < count; i += 2 * width) {
      size_t size = count - i < 2 * width ? count - i : 2 * width;
      merge(from + i, size < width ? size : width, size, to + i);
    }
    coco_key *swap = from;
    from = to;
    to = swap;
  }
  if (from != keys) memcpy(keys, from, count * sizeof *keys);
}

static int is_sorted(const coco_key *keys, size_t count) {
  for (size_t i = 1; i < count; i++) {
    if (keys[i].word < keys[i - 1].word) return 0;
  }
  return 1;
}

/* The bits in which keys differ. */
static uint64_t differences(const coco_key *keys, size_t count) {
  uint64_t all = UINT64_MAX, any = 0;
  for (size_t i = 0; i < count; i++) {
    all &= keys[i].word;
    any |= keys[i].word;
  }
  return all ^ any;
}

static void sort_by_digit(const coco_key *from, coco_key *to, size_t count, int shift) {
  size_t begin[DIGITS] = {0}, sum = 0;
  for (size_t i = 0; i < count; i++) begin[from[i].word >> shift & (DIGITS - 1)]++;
  for (size_t d = 0; d < DIGITS; d++) {
    size_t size = begin[d];
    begin[d] = sum;
    sum += size;
  }
  for (size_t i = 0; i < count; i++) to[begin[from[i].word >> shift & (DIGITS - 1)]++] = from[i];
}

static void digit_sort(coco_key *keys, coco_key *spare, size_t count) {
  coco_key *from = keys, *to = spare;
  uint64_t differ = differences(keys, count);
  for (int shift = 0; shift < 64; shift += DIGIT_BITS) {
    if (!(differ >> shift & (DIGITS - 1))) continue;
    sort_by_digit(from, to, count, shift);
    coco_key *swap = from;
    from = to;
    to = swap;
  }
  if (from != keys) memcpy(keys, from, count * sizeof *keys);
}

size_t vloss_coco_find(const coco_key *keys, size_t count, uint64_t word) {
  size_t low = 0, high = count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (keys[middle].word < word)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

void vloss_coco_sort(coco_key *keys, coco_key *spare, size_t count) {
  if (is_sorted(keys, count)) return;
  (count > FEW ? digit_sort : merge_sort)(keys, spare, count);
}
