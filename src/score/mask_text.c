/* SPDX-License-Identifier: Apache-2.0 */
#include "score/masks.h"

enum { GROUP_BITS = 5, GROUP = 31, GROUP_SIGN = 16, GROUP_MORE = 32, FIRST_CHARACTER = 48 };
/* Differences of runs have 33 bits and a sign. */
enum { MOST_GROUPS = 7 };

/* The characters of a number; without `text` they are only counted. */
static size_t put_number(int64_t value, char *text) {
  for (size_t n = 0;; n++) {
    int64_t group = value & GROUP, rest = (value - group) / (GROUP + 1);
    int more = rest != (group & GROUP_SIGN ? -1 : 0);
    if (text) text[n] = (char)(FIRST_CHARACTER + group + (more ? GROUP_MORE : 0));
    if (!more) return n + 1;
    value = rest;
  }
}

size_t vloss_mask_put_text(const vloss_mask *mask, char *text) {
  size_t length = 0;
  for (size_t i = 0; i < mask->count; i++) {
    int64_t value = mask->counts[i];
    if (i > 2) value -= mask->counts[i - 2];
    length += put_number(value, text ? text + length : NULL);
  }
  return length;
}

/* A number that starts at text[*at]; moves there to its end, or stays at what is wrong. */
static int get_number(const char *text, size_t length, size_t *at, int64_t *value) {
  uint64_t bits = 0;
  for (int shift = 0; *at < length && shift < MOST_GROUPS * GROUP_BITS; shift += GROUP_BITS) {
    int c = text[*at] - FIRST_CHARACTER;
    if (c < 0 || c >= 2 * GROUP_MORE) return 0;
    bits |= (uint64_t)(c & GROUP) << shift;
    ++*at;
    if (c & GROUP_MORE) continue;
    int64_t sign = c & GROUP_SIGN ? (int64_t)1 << (shift + GROUP_BITS) : 0;
    *value = (int64_t)bits - sign;
    return 1;
  }
  return 0;
}

size_t vloss_mask_get_text(const char *text, size_t length, uint64_t pixels, uint32_t *counts,
                           size_t *count) {
  int64_t before[2] = {0, 0}; /* the last runs of either value */
  uint64_t sum = 0;
  size_t at = 0, i = 0;
  while (at < length) {
    size_t begin = at;
    int64_t run;
    if (!get_number(text, length, &at, &run)) return at;
    if (i > 2) run += before[i & 1];
    if (run < 0 || (uint64_t)run > pixels - sum) return begin;
    before[i & 1] = run;
    sum += (uint64_t)run;
    if (counts) counts[i] = (uint32_t)run;
    i++;
  }
  *count = i;
  return sum == pixels ? SIZE_MAX : length;
}
