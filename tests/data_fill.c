/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "data_values.h"

typedef struct pair {
  double input, target;
} pair;

/* Where losses have kinks or change form: half the width, at and beside it. */
static double kink(rng *r, dtype type) {
  static const double values[] = {0.25, 0.5, 1, 3};
  double value = values[rng_below(r, 4)];
  value = value_step(type, value, value_integer(r, -1, 1));
  return rng_signed(r, value);
}

static pair plain_pair(rng *r) {
  pair p;
  p.input = rng_between(r, -4, 4);
  p.target = rng_between(r, -4, 4);
  return p;
}

static pair nasty_pair(rng *r, dtype type) {
  int wide = type == F32 ? 40 : 300;
  pair plain = plain_pair(r);
  double x = plain.input, t = plain.target;
  double lattice = value_integer(r, -32, 32) * 0.125;
  switch (rng_below(r, 12)) {
    case 0: return (pair){value_step(type, x, value_integer(r, -3, 3)), x};
    case 1: return (pair){x, x};
    case 2: return (pair){rng_signed(r, 0), -0.0};
    case 3: return (pair){kink(r, type), 0};
    case 4: return (pair){lattice + rng_signed(r, 1), lattice};
    case 5: x = value_scaled(r, -wide, wide); return (pair){x, value_scaled(r, -wide, wide)};
    case 6: return (pair){1000 + x * 0x1p-7, 1000};
    case 7: return (pair){value_scaled(r, -wide, -wide / 2), 0};
    case 8: return (pair){x * 32, t};
    default: return (pair){x, t};
  }
}

static void fill_elements(rng *r, data_kind kind, const call *c, void *input, void *target) {
  if (fill_domain(r, kind, c, input, target)) return;
  for (size_t i = 0; i < c->shape[0]; i++) {
    pair p = plain_pair(r);
    if (kind >= DATA_NASTY) p = nasty_pair(r, c->dtype);
    if (kind >= DATA_WILD && rng_below(r, 4) == 0) p.input = value_wild(r, c->dtype);
    if (kind >= DATA_WILD && rng_below(r, 4) == 0) p.target = value_wild(r, c->dtype);
    if (kind == DATA_SPECIAL && rng_below(r, 8) == 0) p.input = value_special(r);
    if (kind == DATA_SPECIAL && rng_below(r, 8) == 0) p.target = value_special(r);
    data_set(c->dtype, input, i, p.input);
    data_set(c->dtype, target, i, p.target);
  }
}

enum { SATURATED = 5 };
static const double saturated[SATURATED] = {0, 20, 88, 104, 1e4};

/* One logit of a row whose kind is `mode`. */
static double row_logit(rng *r, dtype type, size_t mode, double level) {
  double x = rng_between(r, -5, 5);
  switch (mode) {
    case 0: return rng_signed(r, saturated[rng_below(r, SATURATED)]);
    case 1: return level;
    case 2: return value_step(type, level + 3, value_integer(r, -2, 2));
    case 3: return rng_below(r, 4) ? x : 60;
    case 4: return x + 1e4 * level;
    case 5: return x * 20;
    case 6: return value_scaled(r, -60, -20);
    case 7: return rng_below(r, 3) ? x : -(double)INFINITY;
    default: return x;
  }
}

static double wild_logit(rng *r, dtype type, data_kind kind, double logit) {
  if (kind >= DATA_WILD && rng_below(r, 3) == 0) logit = value_wild(r, type);
  if (kind == DATA_SPECIAL && rng_below(r, 4) == 0) logit = value_special(r);
  return logit;
}

static void fill_rows(rng *r, data_kind kind, const call *c, void *input) {
  size_t classes = c->shape[1], inner = c->shape[2];
  for (size_t row = 0; row < c->shape[0] * inner; row++) {
    size_t first = row / inner * classes * inner + row % inner;
    size_t mode = kind == DATA_PLAIN ? 8 : rng_below(r, 11);
    double level = rng_between(r, -1, 1);
    data_kind row_kind = rng_below(r, 2) ? kind : DATA_NASTY;
    int only_masks = kind == DATA_SPECIAL && rng_below(r, 8) == 0;
    int64_t label = c->labels.data != NULL ? data_label(&c->labels, row) : 0;
    for (size_t k = 0; k < classes; k++) {
      double logit = wild_logit(r, c->dtype, row_kind, row_logit(r, c->dtype, mode, level));
      if (kind < DATA_SPECIAL && (int64_t)k == label && isinf(logit)) logit = level;
      data_set(c->dtype, input, first + k * inner, only_masks ? -(double)INFINITY : logit);
    }
  }
}

static double probability(rng *r) {
  size_t choice = rng_below(r, 8);
  return choice == 0 ? 0 : choice == 1 ? 1 : rng_unit(r);
}

/* Hard or soft, next to an end of [0, 1], equal to the logit's probability, and seldom outside. */
static double binary_target(rng *r, dtype type, double z) {
  double soft = rng_unit(r);
  switch (rng_below(r, 16)) {
    case 0: return soft;
    case 1: return 0.5;
    case 2: return value_step(type, 1, -1 - value_integer(r, 0, 3));
    case 3: return fabs(value_scaled(r, type == F32 ? -140 : -1060, -1));
    case 4: return fabs(z) < 4 ? 1 / (1 + (z < 0 ? 2 : 0.25)) : 0;
    default: return (double)rng_below(r, 2);
  }
}

static double outside_target(rng *r, dtype type) {
  static const double values[] = {-1, 2, -0x1p-149, 1 + 0x1p-23};
  size_t choice = rng_below(r, 6);
  return choice < 4 ? values[choice] : value_wild(r, type);
}

static void fill_binary(rng *r, data_kind kind, const call *c, void *input, void *target) {
  for (size_t i = 0; i < c->shape[0]; i++) {
    size_t modes[] = {0, 5, 6, 8, 8, 8}, mode = kind == DATA_PLAIN ? 8 : modes[rng_below(r, 6)];
    double z = wild_logit(r, c->dtype, kind, row_logit(r, c->dtype, mode, 0));
    double t = binary_target(r, c->dtype, z);
    if (kind >= DATA_WILD && rng_below(r, 64) == 0) t = outside_target(r, c->dtype);
    if (kind == DATA_SPECIAL && rng_below(r, 16) == 0) t = value_special(r);
    data_set(c->dtype, input, i, z);
    if (target != NULL) data_set(c->dtype, target, i, t);
  }
}

static int is_binary(const call *c) {
  unsigned arrays = c->loss->arrays;
  int single = c->loss->family == VLOSS_ELEMENTS && !(arrays & VLOSS_ARRAY_TARGET);
  return single || arrays & VLOSS_ARRAY_PROBABILITY;
}

/* One probability of a row whose kind is `mode`; class k of `classes`, of which one is `chosen`. */
static double row_probability(rng *r, size_t mode, size_t k, size_t chosen, size_t classes) {
  double x = rng_between(r, 0.05, 0.95);
  switch (mode) {
    case 0: return k == chosen;
    case 1: return probability(r);
    case 2: return rng_below(r, 4) == 0 ? x : 0;
    case 3: return x * value_power(value_integer(r, -140, -20));
    case 4: return k == chosen ? 1 - 0x1p-20 : 0x1p-20 / (double)classes;
    case 5: return 1 / (double)classes;
    case 6: return 0;
    default: return mode == 8 ? x : x * 2 / (double)(classes + 2);
  }
}

/* Rows of probabilities: a target, or the input of a loss that takes them. `masks` holds logits:
 * where one is -inf the finite kinds have no probability. */
static void fill_probabilities(rng *r, data_kind kind, const call *c, const void *masks, void *to) {
  size_t classes = c->shape[1], inner = c->shape[2];
  for (size_t row = 0; row < c->shape[0] * inner; row++) {
    size_t first = row / inner * classes * inner + row % inner;
    size_t mode = kind == DATA_PLAIN ? 8 : rng_below(r, 10), chosen = rng_below(r, classes + 1);
    int wild = kind >= DATA_WILD && rng_below(r, 4) == 0;
    for (size_t k = 0; k < classes; k++) {
      size_t at = first + k * inner;
      double p = row_probability(r, mode, k, chosen, classes);
      if (wild && rng_below(r, 16) == 0) p = value_wild(r, c->dtype);
      if (wild && kind == DATA_SPECIAL && rng_below(r, 16) == 0) p = value_special(r);
      double z = masks != NULL ? data_get(c->dtype, masks, at) : 0;
      data_set(c->dtype, to, at, kind < DATA_SPECIAL && isinf(z) && z < 0 ? 0 : p);
    }
  }
}

/* Logits of a teacher, masked where the student is for the finite kinds. */
static void fill_teacher(rng *r, data_kind kind, const call *c, const void *input, void *target) {
  fill_rows(r, kind, c, target);
  for (size_t i = 0; kind < DATA_SPECIAL && i < call_elements(c); i++) {
    double z = data_get(c->dtype, input, i);
    if (isinf(z) && z < 0) data_set(c->dtype, target, i, z);
  }
}

static void fill_any_rows(rng *r, data_kind kind, const call *c, void *input, void *target) {
  if (strcmp(c->loss->name, "entropy") == 0)
    fill_probabilities(r, kind, c, NULL, input);
  else
    fill_rows(r, kind, c, input);
  if (!(c->loss->arrays & VLOSS_ARRAY_TARGET)) return;
  if (call_get(c, "teacher") == 1)
    fill_teacher(r, kind, c, input, target);
  else
    fill_probabilities(r, kind, c, input, target);
}

static pair overlap_pair(rng *r, size_t mode) {
  double hard = (double)rng_below(r, 2), soft = rng_unit(r);
  switch (mode) {
    case 0: return (pair){soft, rng_unit(r)};
    case 1: return (pair){probability(r), 0};
    case 2: return (pair){0, 0};
    case 3: return (pair){hard, hard};
    case 4: return (pair){1, 1};
    case 5: return (pair){soft * 0x1p-30, rng_below(r, 16) == 0};
    case 6: return (pair){hard, 1 - hard};
    case 7: return (pair){0, hard};
    default: return (pair){probability(r), hard};
  }
}

/* The logit that stands for a probability: saturated at both ends. */
static double overlap_logit(rng *r, data_kind kind, dtype type, double p) {
  if (kind >= DATA_WILD && rng_below(r, 4) == 0) return value_wild(r, type);
  if (p == 0 || p == 1) return (p - 0.5) * 2 * saturated[1 + rng_below(r, SATURATED - 1)];
  return (p - 0.5) * 12;
}

static void fill_overlap(rng *r, data_kind kind, const call *c, void *input, void *target) {
  enum { KEPT = 8 };
  int logits = call_get(c, "activation") != 0, softmax = call_get(c, "activation") == VLOSS_SOFTMAX;
  size_t size = c->shape[1], modes[KEPT];
  for (size_t k = 0; k < KEPT; k++) modes[k] = rng_below(r, 14);
  for (size_t image = 0; image < c->shape[0]; image++) {
    int special = kind == DATA_SPECIAL && rng_below(r, 2) == 0;
    for (size_t i = image * size; i < (image + 1) * size; i++) {
      size_t sample = call_sample_of(c, i), mode = modes[sample % KEPT];
      if (kind == DATA_PLAIN) mode = 8;
      pair p = overlap_pair(r, mode);
      if (logits) p.input = overlap_logit(r, kind, c->dtype, p.input);
      if (softmax && mode == 12 && rng_below(r, 3) == 0) p.input = -(double)INFINITY;
      if (softmax && mode == 13) p.input = saturated[1];
      if (special && rng_below(r, 8) == 0) p.input = value_special(r);
      if (special && rng_below(r, 16) == 0) p.target = value_special(r);
      data_set(c->dtype, input, i, p.input);
      data_set(c->dtype, target, i, p.target);
    }
  }
}

void data_fill(rng *r, data_kind kind, const call *c, void *input, void *target) {
  if (is_binary(c)) {
    fill_binary(r, kind, c, input, target);
    return;
  }
  switch (c->loss->family) {
    case VLOSS_ELEMENTS: fill_elements(r, kind, c, input, target); break;
    case VLOSS_BOXES: fill_boxes(r, kind, c, input, target); break;
    case VLOSS_ROWS: fill_any_rows(r, kind, c, input, target); break;
    case VLOSS_OVERLAP: fill_overlap(r, kind, c, input, target); break;
  }
}
