/* SPDX-License-Identifier: Apache-2.0 */
#include "score/masks.h"

/* The end of the stretch in order that begins at `from`. */
static size_t stretch_end(const uint64_t *keys, size_t from, size_t n) {
  size_t end = from + 1;
  while (end < n && keys[end - 1] <= keys[end]) end++;
  return end < n ? end : n;
}

static void merge_stretches(const uint64_t *from, size_t begin, size_t middle, size_t end,
                            uint64_t *to) {
  size_t i = begin, k = middle;
  for (size_t at = begin; at < end; at++) {
    int second = i == middle || (k < end && from[k] < from[i]);
    to[at] = from[second ? k : i];
    i += !second;
    k += (size_t)second;
  }
}

uint64_t *vloss_sort_keys(uint64_t *keys, uint64_t *spare, size_t n) {
  while (stretch_end(keys, 0, n) < n) {
    for (size_t begin = 0; begin < n;) {
      size_t middle = stretch_end(keys, begin, n);
      size_t end = middle < n ? stretch_end(keys, middle, n) : n;
      merge_stretches(keys, begin, middle, end, spare);
      begin = end;
    }
    uint64_t *swap = keys;
    keys = spare;
    spare = swap;
  }
  return keys;
}
