/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "oracle.h"

/* Sums over a group: of p t, p (1 - t), t (1 - p), or of p t and (p - t)^2. */
typedef struct sums {
  wide both, spurious, missed;
} sums;

/* An index in [0, 1] as a fraction, its slope by p_i as a sum of signed terms. */
typedef struct fraction {
  wide over, under;
  wide missing; /* under - over without cancellation */
} fraction;

static int is_sigmoid(const sample *s) {
  return oracle_parameter(s, "activation") == VLOSS_SIGMOID;
}

static int is_softmax(const sample *s) {
  return oracle_parameter(s, "activation") == VLOSS_SOFTMAX;
}

/* e^(z_k - the largest of its pixel), that of all other channels; logits of +inf share, a pixel of
 * -inf only has nothing. */
typedef struct share {
  wide own, others;
} share;

static share soften(const sample *s, size_t k) {
  size_t image = s->channels * s->inner, first = k / image * image + k % s->inner;
  wide largest = -(wide)INFINITY;
  share a = {0, 0};
  for (size_t c = 0; c < s->channels; c++) largest = fmaxl(largest, s->input[first + c * s->inner]);
  for (size_t c = 0; c < s->channels && largest > -(wide)INFINITY; c++) {
    wide z = s->input[first + c * s->inner], e = z == largest ? 1 : expl(z - largest);
    if (first + c * s->inner == k)
      a.own = e;
    else
      a.others += e;
  }
  return a;
}

static wide activate(const sample *s, size_t k) {
  wide z = s->input[k];
  if (!is_softmax(s)) return is_sigmoid(s) ? 1 / (1 + expl(-z)) : z;
  share a = soften(s, k);
  return a.own > 0 ? a.own / (a.own + a.others) : 0;
}

/* 1 - p */
static wide complement(const sample *s, size_t k) {
  wide z = s->input[k];
  if (!is_softmax(s)) return is_sigmoid(s) ? 1 / (1 + expl(z)) : 1 - z;
  share a = soften(s, k);
  return a.own > 0 ? a.others / (a.own + a.others) : 1;
}

/* dp/dz */
static wide activation_slope(const sample *s, wide z) {
  if (!is_sigmoid(s)) return 1;
  wide e = expl(-fabsl(z));
  return e / ((1 + e) * (1 + e));
}

static sums make_sums(const sample *s, int squared) {
  sums a = {0, 0, 0};
  for (size_t k = 0; k < s->count; k++) {
    if (!oracle_owns(s, k)) continue;
    wide p = activate(s, k), y = s->target[k];
    wide spurious = p * (1 - y), missed = y * complement(s, k);
    a.both += p * y;
    a.spurious += squared ? (spurious - missed) * (spurious - missed) : spurious;
    a.missed += squared ? 0 : missed;
  }
  return a;
}

/* The loss that an index gives, and its slope by the index. */
static void outer(const sample *s, const fraction *f, truth *t, wide *slope) {
  wide gamma = oracle_parameter(s, "gamma"), rest = fmaxl(0, f->missing / f->under);
  if (oracle_parameter(s, "log") == 1) {
    t->loss = logl(f->under / f->over);
    *slope = -f->under / f->over;
  } else {
    t->loss = powl(rest, gamma);
    *slope = rest > 0 ? -gamma * powl(rest, gamma - 1) : gamma == 1 ? -1 : 0;
  }
  t->loss_size = fmaxl(1, gamma);
}

static int has_infinity(const sample *s) {
  for (size_t k = 0; k < s->count; k++)
    if ((isinf(s->input[k]) && !is_sigmoid(s) && !is_softmax(s)) ||
        (isinf(s->target[k]) && oracle_owns(s, k)))
      return 1;
  return 0;
}

/* No denominator: nothing predicted and nothing there. */
static int empty(const sample *s, const fraction *f, truth *t) {
  if (has_infinity(s)) t->trust = TRUST_NOTHING;
  if (f->under >= oracle_smallest(F64)) return 0;
  t->loss = 0;
  t->loss_size = 1;
  for (size_t k = 0; k < s->count; k++) t->grad[k] = t->grad_size[k] = 0;
  return 1;
}

/* slope: of the index by p_k as plus - minus, both >= 0. */
static void put(const sample *s, truth *t, size_t k, wide outer_slope, wide plus, wide minus) {
  if (!oracle_owns(s, k)) plus = minus = 0;
  wide inner = activation_slope(s, s->input[k]);
  t->grad[k] = outer_slope * (plus - minus) * inner;
  /* the library takes exponentials below the smallest normal number for 0 */
  if (is_sigmoid(s)) inner += oracle_smallest(s->call->dtype) / oracle_grad_bound(s->call->dtype);
  /* and powers, which are those of f64 */
  wide outer_size = fabsl(outer_slope);
  if (oracle_parameter(s, "gamma") != 1)
    outer_size += oracle_smallest(F64) / oracle_grad_bound(s->call->dtype);
  t->grad_size[k] = outer_size * (plus + minus) * inner * t->loss_size;
}

/* From slopes by p to slopes by z: p_k (g_k - sum_c p_c g_c) over the channels of a pixel. */
static void finish(const sample *s, truth *t) {
  if (!is_softmax(s)) return;
  dtype type = s->call->dtype;
  size_t image = s->channels * s->inner;
  /* the library takes exponentials below the smallest normal number for 0 */
  wide lost = oracle_smallest(type) / oracle_grad_bound(type);
  for (size_t first = 0; first < s->count; first++) {
    if (first % image >= s->inner) continue;
    wide mean = 0, size = 0;
    for (size_t k = first; k < first + image; k += s->inner) {
      mean += activate(s, k) * t->grad[k];
      size += (activate(s, k) + lost) * t->grad_size[k];
    }
    for (size_t k = first; k < first + image; k += s->inner) {
      t->grad[k] = activate(s, k) * (t->grad[k] - mean);
      t->grad_size[k] = (activate(s, k) + lost) * (t->grad_size[k] + size);
    }
  }
}

static void dice(const sample *s, truth *t) {
  int squared = oracle_parameter(s, "squared") == 1;
  wide smoothing = oracle_parameter(s, "smoothing"), slope;
  sums a = make_sums(s, squared);
  wide missing = a.spurious + a.missed;
  fraction f = {2 * a.both + smoothing, 2 * a.both + missing + smoothing, missing};
  if (empty(s, &f, t)) return;
  outer(s, &f, t, &slope);
  for (size_t k = 0; k < s->count; k++) {
    wide p = squared ? 2 * activate(s, k) : 1;
    put(s, t, k, slope, 2 * s->target[k] / f.under, f.over * p / (f.under * f.under));
  }
  finish(s, t);
}

static void weigh(const sample *s, truth *t, wide alpha, wide beta) {
  wide smoothing = oracle_parameter(s, "smoothing"), slope;
  sums a = make_sums(s, 0);
  wide missing = alpha * a.spurious + beta * a.missed;
  fraction f = {a.both + smoothing, a.both + missing + smoothing, missing};
  if (empty(s, &f, t)) return;
  outer(s, &f, t, &slope);
  for (size_t k = 0; k < s->count; k++) {
    wide y = s->target[k], square = f.under * f.under;
    put(s, t, k, slope, (y * f.under + f.over * beta * y) / square,
        f.over * (y + alpha * (1 - y)) / square);
  }
  finish(s, t);
}

static void tversky(const sample *s, truth *t) {
  weigh(s, t, oracle_parameter(s, "alpha"), oracle_parameter(s, "beta"));
}

/* Intersection over union. */
static void jaccard(const sample *s, truth *t) { weigh(s, t, 1, 1); }

const oracle_row oracle_overlap[] = {{"dice", dice},
                                     {"tversky", tversky},
                                     {"jaccard", jaccard},
                                     {"focal_tversky", tversky},
                                     {NULL, NULL}};
