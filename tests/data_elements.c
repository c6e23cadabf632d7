/* SPDX-License-Identifier: Apache-2.0 */
/* Data for the losses of elements that have a domain. */
#include <math.h>
#include <string.h>

#include "data_values.h"

typedef struct pair {
  double input, target;
} pair;

typedef pair maker(rng *r, const call *c, int nasty);

/* 0, 1 and next to them, or between. */
static double probability(rng *r, dtype type, int nasty) {
  size_t choice = nasty ? rng_below(r, 8) : 7;
  double small = value_power(-value_integer(r, 1, type == F32 ? 148 : 1070));
  switch (choice) {
    case 0: return 0;
    case 1: return 1;
    case 2: return small;
    case 3: return value_step(type, 1, -value_integer(r, 1, 3));
    default: return 0.01 + 0.98 * rng_unit(r);
  }
}

static pair probabilities(rng *r, const call *c, int nasty) {
  pair p;
  p.input = probability(r, c->dtype, nasty);
  p.target = probability(r, c->dtype, nasty);
  return p;
}

/* Logarithms, those of what leaves the type included. */
static double logarithm(rng *r, dtype type, int nasty) {
  double x = -12 * rng_unit(r), end = type == F32 ? 89 : 710;
  switch (nasty ? rng_below(r, 8) : 7) {
    case 0: return 0;
    case 1: return rng_signed(r, end * (0.95 + 0.1 * rng_unit(r)));
    case 2: return end * 2 * x / 12;
    case 3: return -x;
    default: return x;
  }
}

static pair divergence(rng *r, const call *c, int nasty) {
  pair p;
  p.input = logarithm(r, c->dtype, nasty);
  p.target = call_get(c, "log_target") == 1 ? logarithm(r, c->dtype, nasty)
                                            : probability(r, c->dtype, nasty);
  if (nasty && call_get(c, "log_target") == 1 && rng_below(r, 4) == 0)
    p.input = value_step(c->dtype, p.target, p.target == 0 ? 0 : value_integer(r, -2, 2));
  return p;
}

/* Counts and the means of such. */
static pair counts(rng *r, const call *c, int nasty) {
  pair p;
  int logs = call_get(c, "log_input") == 1;
  double eps = call_get(c, "eps");
  p.input = logs ? rng_between(r, -3, 3) : 0.05 + 8 * rng_unit(r);
  p.target = rng_below(r, 2) ? (double)rng_below(r, 12) : 12 * rng_unit(r);
  if (!nasty) return p;
  switch (rng_below(r, 8)) {
    case 0: p.input = logs ? logarithm(r, c->dtype, 1) : 0.25 * eps; break;
    case 1: p.input = logs ? p.input * 32 : 1; break;
    case 2: p.target = value_power(value_integer(r, -20, c->dtype == F32 ? 127 : 1023)); break;
    case 3: p.target = p.input; break;
    case 4: p.input = logs ? 0 : value_step(c->dtype, 1, value_integer(r, -2, 2)); break;
    case 5: p.target = value_step(c->dtype, 1, value_integer(r, -1, 1)); break;
    default: break;
  }
  return p;
}

static pair margins(rng *r, const call *c, int nasty) {
  pair p;
  p.target = rng_signed(r, 1);
  p.input = rng_between(r, -4, 4);
  if (!nasty) return p;
  switch (rng_below(r, 4)) {
    case 0: p.input = p.target; break;
    case 1: p.input = value_step(c->dtype, p.target, value_integer(r, -2, 2)); break;
    case 2: p.target = p.input; break;
    default: break;
  }
  return p;
}

static maker *maker_of(const vloss_loss *loss) {
  static const struct {
    const char *name;
    maker *make;
  } rows[] = {{"binary_cross_entropy", probabilities},
              {"kl_div", divergence},
              {"poisson_nll", counts},
              {"hinge", margins},
              {"squared_hinge", margins}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    if (strcmp(rows[i].name, loss->name) == 0) return rows[i].make;
  return NULL;
}

int fill_domain(rng *r, data_kind kind, const call *c, void *input, void *target) {
  maker *make = maker_of(c->loss);
  if (make == NULL) return 0;
  for (size_t i = 0; i < c->shape[0]; i++) {
    pair p = make(r, c, kind >= DATA_NASTY);
    if (kind >= DATA_WILD && rng_below(r, 4) == 0) p.input = value_wild(r, c->dtype);
    if (kind >= DATA_WILD && rng_below(r, 4) == 0) p.target = value_wild(r, c->dtype);
    if (kind == DATA_SPECIAL && rng_below(r, 8) == 0) p.input = value_special(r);
    if (kind == DATA_SPECIAL && rng_below(r, 8) == 0) p.target = value_special(r);
    data_set(c->dtype, input, i, p.input);
    data_set(c->dtype, target, i, p.target);
  }
  return 1;
}

void data_fill_variance(rng *r, data_kind kind, const call *c, void *variance) {
  double eps = call_get(c, "eps");
  int wide = c->dtype == F32 ? 30 : 250;
  for (size_t i = 0; i < c->shape[0]; i++) {
    double v = 0.05 + 4 * rng_unit(r);
    switch (kind >= DATA_NASTY ? rng_below(r, 10) : 9) {
      case 0: v = 0; break;
      case 1: v = -v; break;
      case 2: v = fabs(value_scaled(r, -wide, wide)); break;
      case 3: v = eps > 0 ? value_step(c->dtype, eps, value_integer(r, -1, 1)) : 1; break;
      case 4: v = 1; break;
      default: break;
    }
    if (kind >= DATA_WILD && rng_below(r, 4) == 0) v = value_wild(r, c->dtype);
    if (kind == DATA_SPECIAL && rng_below(r, 8) == 0) v = value_special(r);
    data_set(c->dtype, variance, i, v);
  }
}
