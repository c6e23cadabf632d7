/* SPDX-License-Identifier: Apache-2.0 */
#include "data.h"

#include <stdlib.h>
#include <string.h>

/* Large enough that no branch predictor learns a block that repeats. */
enum { BLOCK = 1 << 18 };

/* Arrays start at different cache lines of different pages: a fixed, friendly layout. */
enum { LINE = 64, STAGGER = 21 * LINE };

static unsigned char *arena;
static call filled; /* what the arena holds: loss of NULL is nothing */
static size_t filled_copy;

static uint64_t next(uint64_t *state) {
  *state += 0x9e3779b97f4a7c15u;
  uint64_t z = *state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static double uniform(uint64_t *state, double low, double high) {
  return low + (high - low) * (double)(next(state) >> 11) * 0x1p-53;
}

typedef enum role { INPUT, TARGET, VARIANCE } role;

/* Differences on both sides of every default threshold. */
static void make_elements(double *out, size_t count, role which) {
  uint64_t state = DATA_SEED + (uint64_t)which;
  for (size_t i = 0; i < count; i++) out[i] = uniform(&state, -2.0, 2.0);
}

/* Logarithms of probabilities, and probabilities. */
static void make_divergence(double *out, size_t count, role which) {
  uint64_t state = DATA_SEED + (uint64_t)which;
  for (size_t i = 0; i < count; i++)
    out[i] = which == INPUT ? uniform(&state, -12.0, 0.0) : uniform(&state, 0.0, 1.0);
}

static void make_variance(double *out, size_t count, role which) {
  uint64_t state = DATA_SEED + (uint64_t)which;
  for (size_t i = 0; i < count; i++) out[i] = uniform(&state, 0.1, 4.0);
}

/* Boxes of an image; about half of the pairs overlap. */
static void make_boxes(double *out, size_t count, role which) {
  uint64_t place = DATA_SEED, own = DATA_SEED + 1 + (uint64_t)which;
  for (size_t i = 0; i + 4 <= count; i += 4) {
    double x = uniform(&place, 0.0, 640.0) + uniform(&own, -40.0, 40.0);
    double y = uniform(&place, 0.0, 640.0) + uniform(&own, -40.0, 40.0);
    out[i] = x;
    out[i + 1] = y;
    out[i + 2] = x + uniform(&own, 8.0, 128.0);
    out[i + 3] = y + uniform(&own, 8.0, 128.0);
  }
}

/* Near normal, standard deviation 3. */
static void make_logits(double *out, size_t count, role which) {
  uint64_t state = DATA_SEED + (uint64_t)which;
  for (size_t i = 0; i < count; i++) {
    double sum = 0.0;
    for (int k = 0; k < 3; k++) sum += uniform(&state, -3.0, 3.0);
    out[i] = sum;
  }
}

/* Probabilities, which need not sum to 1. */
static void make_probabilities(double *out, size_t count, role which) {
  uint64_t state = DATA_SEED + (uint64_t)which;
  for (size_t i = 0; i < count; i++) out[i] = uniform(&state, 0.0, 0.02);
}

static void make_overlap(double *out, size_t count, role which) {
  uint64_t state = DATA_SEED + (uint64_t)which;
  for (size_t i = 0; i < count; i++) {
    double u = uniform(&state, 0.0, 1.0);
    out[i] = which == INPUT ? u : (double)(u < 0.3);
  }
}

/* A positive in a hundred, as detection heads see them. */
static void make_binary(double *out, size_t count, role which) {
  uint64_t state = DATA_SEED;
  make_logits(out, count, which);
  for (size_t i = 0; which == TARGET && i < count; i++) out[i] = uniform(&state, 0.0, 1.0) < 0.01;
}

typedef void make(double *out, size_t count, role which);

/* Losses that need other data than their family. */
static const struct {
  const char *loss;
  make *maker;
} special_makers[] = {{"kl_div", make_divergence}, {"binary_cross_entropy", make_overlap}};

static make *const makers[] = {
    [VLOSS_ELEMENTS] = make_elements,
    [VLOSS_BOXES] = make_boxes,
    [VLOSS_ROWS] = make_logits,
    [VLOSS_OVERLAP] = make_overlap,
};

/* What a loss's input or target holds. */
static make *maker_of(const vloss_loss *loss, role which) {
  for (size_t i = 0; i < sizeof special_makers / sizeof *special_makers; i++)
    if (strcmp(special_makers[i].loss, loss->name) == 0) return special_makers[i].maker;
  int rows = loss->family == VLOSS_ROWS, alone = strcmp(loss->name, "entropy") == 0;
  int single = loss->family == VLOSS_ELEMENTS && !(loss->arrays & VLOSS_ARRAY_TARGET);
  if (single || loss->arrays & VLOSS_ARRAY_PROBABILITY) return make_binary;
  return rows && (which == TARGET || alone) ? make_probabilities : makers[loss->family];
}

/* Fill an array with its first `block` bytes, over and over. */
static void repeat(unsigned char *to, size_t bytes, size_t block) {
  for (size_t done = block; done < bytes; done += block)
    memcpy(to + done, to, bytes - done < block ? bytes - done : block);
}

static void fill_reals(void *to, dtype type, size_t elements, make *maker, role which) {
  static double values[BLOCK];
  size_t count = elements < BLOCK ? elements : BLOCK;
  maker(values, count, which);
  for (size_t i = 0; i < count; i++) {
    if (type == F32)
      ((float *)to)[i] = (float)values[i];
    else
      ((double *)to)[i] = values[i];
  }
  repeat(to, elements * dtype_size(type), count * dtype_size(type));
}

static void fill_labels(int64_t *to, size_t samples, size_t classes) {
  uint64_t state = DATA_SEED;
  for (size_t i = 0; i < samples; i++) to[i] = (int64_t)(next(&state) % classes);
}

static size_t round_up(size_t bytes) { return (bytes + LINE - 1) / LINE * LINE + STAGGER; }

static size_t label_bytes(const call *c) {
  return c->loss->arrays & VLOSS_ARRAY_LABELS ? call_samples(c) * sizeof(int64_t) : 0;
}

double data_traffic(const call *c, int gradient) {
  vloss_family family = c->loss->family;
  size_t array = call_elements(c) * dtype_size(c->dtype);
  size_t inputs = c->loss->arrays & VLOSS_ARRAY_TARGET ? 2 : 1;
  size_t variances = (c->loss->arrays & VLOSS_ARRAY_VARIANCE) != 0;
  inputs += variances;
  /* a second pass: its slopes depend on the target, and on probabilities of these forms only */
  if (family == VLOSS_OVERLAP && gradient)
    inputs += call_get(c, "squared") != 0 || call_get(c, "activation") != 0 ? 2 : 1;
  return (double)(array * inputs + label_bytes(c) + (gradient ? array * (1 + variances) : 0));
}

size_t data_size(const call *c) {
  size_t count = c->loss->arrays & VLOSS_ARRAY_VARIANCE ? 5 : 3;
  size_t arrays =
      count * round_up(call_elements(c) * dtype_size(c->dtype)) + round_up(label_bytes(c));
  size_t copy = 2 * round_up((size_t)data_traffic(c, 1));
  return arrays > copy ? arrays : copy;
}

int data_reserve(size_t bytes) {
  arena = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  return arena != NULL;
}

static int is_filled(const call *c) {
  return filled.loss != NULL && filled.loss->family == c->loss->family &&
         maker_of(filled.loss, INPUT) == maker_of(c->loss, INPUT) &&
         maker_of(filled.loss, TARGET) == maker_of(c->loss, TARGET) &&
         filled.loss->arrays == c->loss->arrays && filled.dtype == c->dtype &&
         memcmp(filled.shape, c->shape, sizeof c->shape) == 0;
}

void data_fill(call *c) {
  size_t elements = call_elements(c), array = elements * dtype_size(c->dtype);
  unsigned char *target = arena + round_up(array), *grad = target + round_up(array);
  int64_t *labels = (int64_t *)(void *)(grad + round_up(array));
  c->input = arena;
  c->target = target;
  c->grad = grad;
  if (c->loss->arrays & VLOSS_ARRAY_VARIANCE) {
    c->variance = grad + round_up(array);
    c->grad_variance = grad + 2 * round_up(array);
  }
  c->labels = (vloss_labels){labels, VLOSS_LABEL_INT64};
  if (is_filled(c)) return;
  fill_reals(arena, c->dtype, elements, maker_of(c->loss, INPUT), INPUT);
  fill_reals(target, c->dtype, elements, maker_of(c->loss, TARGET), TARGET);
  memset(grad, 0, array);
  if (c->loss->arrays & VLOSS_ARRAY_VARIANCE) {
    fill_reals(grad + round_up(array), c->dtype, elements, make_variance, VARIANCE);
    memset(c->grad_variance, 0, array);
  }
  if (label_bytes(c) != 0) fill_labels(labels, call_samples(c), c->shape[1]);
  filled = *c;
  filled_copy = 0;
}

void data_fill_copy(size_t bytes, void **to, void **from) {
  *from = arena;
  *to = arena + round_up(bytes);
  if (filled_copy == bytes) return;
  memset(arena, 1, 2 * round_up(bytes));
  filled = (call){0};
  filled_copy = bytes;
}
