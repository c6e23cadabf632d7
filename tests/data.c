/* SPDX-License-Identifier: Apache-2.0 */
#include "data.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t data_seed(void) {
  static int printed;
  static uint64_t seed;
  if (!printed) {
    const char *text = getenv("VLOSS_TEST_SEED");
    seed = text != NULL && *text != 0 ? strtoull(text, NULL, 0) : 20260724;
    printf("VLOSS_TEST_SEED=%" PRIu64 "\n", seed);
    printed = 1;
  }
  return seed;
}

static uint64_t splitmix(uint64_t *state) {
  uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

rng rng_init(uint64_t seed, uint64_t stream) {
  uint64_t state = seed;
  state = splitmix(&state) ^ stream;
  rng r;
  for (int i = 0; i < 4; i++) r.state[i] = splitmix(&state);
  return r;
}

static uint64_t rotate(uint64_t x, int count) { return (x << count) | (x >> (64 - count)); }

uint64_t rng_next(rng *r) {
  uint64_t *s = r->state, result = rotate(s[1] * 5, 7) * 9, shifted = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= shifted;
  s[3] = rotate(s[3], 45);
  return result;
}

size_t rng_below(rng *r, size_t bound) { return (size_t)((rng_next(r) >> 11) % bound); }

double rng_unit(rng *r) { return (double)(rng_next(r) >> 11) * 0x1p-53; }

double rng_signed(rng *r, double value) { return rng_below(r, 2) ? value : -value; }

double rng_between(rng *r, double low, double high) { return low + (high - low) * rng_unit(r); }

const char *data_kind_name(data_kind kind) {
  static const char *const names[DATA_KINDS] = {"plain", "nasty", "wild", "special"};
  return names[kind];
}

double data_get(dtype type, const void *array, size_t index) {
  return type == F32 ? (double)((const float *)array)[index] : ((const double *)array)[index];
}

void data_set(dtype type, void *array, size_t index, double value) {
  if (type == F32)
    ((float *)array)[index] = (float)value;
  else
    ((double *)array)[index] = value;
}

static double weight(rng *r) {
  static const double values[] = {0, 1, 1, 2, 0.5, 4};
  size_t choice = rng_below(r, 10);
  return choice < 6 ? values[choice] : rng_between(r, 0, 4);
}

void data_fill_weights(rng *r, dtype type, size_t count, void *weights) {
  for (size_t i = 0; i < count; i++) data_set(type, weights, i, weight(r));
}

void data_fill_upstream(rng *r, dtype type, size_t count, void *values) {
  for (size_t i = 0; i < count; i++) data_set(type, values, i, rng_signed(r, weight(r)));
}

size_t data_label_size(vloss_label_type type) {
  return type == VLOSS_LABEL_INT64 ? 8 : type == VLOSS_LABEL_INT32 ? 4 : 1;
}

int64_t data_label(const vloss_labels *labels, size_t index) {
  switch (labels->type) {
    case VLOSS_LABEL_INT64: return ((const int64_t *)labels->data)[index];
    case VLOSS_LABEL_INT32: return ((const int32_t *)labels->data)[index];
    default: return ((const uint8_t *)labels->data)[index];
  }
}

static int label_holds(vloss_label_type type, int64_t value) {
  switch (type) {
    case VLOSS_LABEL_INT64: return 1;
    case VLOSS_LABEL_INT32: return value >= INT32_MIN && value <= INT32_MAX;
    default: return value >= 0 && value <= UINT8_MAX;
  }
}

void data_fill_labels(rng *r, const call *c, size_t count, int ignore, vloss_label_type type,
                      void *labels) {
  int64_t ignored = (int64_t)call_get(c, "ignore_index");
  size_t classes = c->shape[1];
  if (type == VLOSS_LABEL_UINT8 && classes > 256) classes = 256;
  for (size_t i = 0; i < count; i++) {
    int64_t label = (int64_t)rng_below(r, classes);
    if (ignore && label_holds(type, ignored) && rng_below(r, 8) == 0) label = ignored;
    if (type == VLOSS_LABEL_INT64)
      ((int64_t *)labels)[i] = label;
    else if (type == VLOSS_LABEL_INT32)
      ((int32_t *)labels)[i] = (int32_t)label;
    else
      ((uint8_t *)labels)[i] = (uint8_t)label;
  }
}

/* The bits of an element; one pattern for every NaN. */
static uint64_t canonical_bits(dtype type, const void *array, size_t index) {
  uint64_t bits = 0;
  double value = data_get(type, array, index);
  if (value != value) return UINT64_MAX;
  memcpy(&bits, (const char *)array + index * dtype_size(type), dtype_size(type));
  return bits;
}

uint64_t data_hash(uint64_t hash, dtype type, const void *array, size_t count) {
  for (size_t i = 0; i < count; i++) {
    hash = (hash ^ canonical_bits(type, array, i)) * UINT64_C(0x100000001b3);
    hash ^= hash >> 29;
  }
  return hash;
}

int data_same(dtype type, const void *a, const void *b, size_t count, size_t *where) {
  for (size_t i = 0; i < count; i++)
    if (canonical_bits(type, a, i) != canonical_bits(type, b, i)) {
      if (where != NULL) *where = i;
      return 0;
    }
  return 1;
}
