/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "oracle.h"

/* Softmax of a row. With +inf logits those share all of the probability. */
typedef struct softmax {
  wide most; /* the largest logit */
  wide sum;  /* of exp((z - most) / temperature); 0 for a row of -inf */
  wide temperature;
} softmax;

static wide relative(const softmax *row, wide z) {
  if (isinf(row->most)) return z == row->most && z > 0 ? 1 : 0;
  return expl((z - row->most) / row->temperature);
}

static softmax temper(const wide *logits, size_t count, wide temperature) {
  softmax row = {-(wide)INFINITY, 0, temperature};
  for (size_t k = 0; k < count; k++)
    if (logits[k] > row.most) row.most = logits[k];
  for (size_t k = 0; k < count; k++) row.sum += relative(&row, logits[k]);
  return row;
}

static softmax make_softmax(const sample *s) { return temper(s->input, s->count, 1); }

static wide probability(const softmax *row, wide z) {
  return row->sum > 0 ? relative(row, z) / row->sum : 0;
}

/* -ln p */
static wide surprise(const softmax *row, wide z) {
  if (isinf(row->most)) return z == row->most && z > 0 ? logl(row->sum) : (wide)INFINITY;
  return (row->most - z) / row->temperature + logl(row->sum);
}

/* 0 inf = 0: what has no weight does not count. */
static wide weighted(wide weight, wide value) { return weight == 0 ? 0 : weight * value; }

static int masked(const sample *s, size_t k) {
  return (int64_t)k != s->label && isinf(s->input[k]) && s->input[k] < 0;
}

static void cross_entropy(const sample *s, truth *t) {
  wide smoothing = oracle_parameter(s, "smoothing"), spread = smoothing / s->count;
  wide target_weight = s->class_weight[s->label], total = 0;
  softmax row = make_softmax(s);
  t->loss = weighted((1 - smoothing) * target_weight, surprise(&row, s->input[s->label]));
  for (size_t k = 0; k < s->count; k++) {
    if (masked(s, k)) continue;
    total += s->class_weight[k];
    t->loss += weighted(spread * s->class_weight[k], surprise(&row, s->input[k]));
  }
  t->loss_size = fmaxl(target_weight, spread * total);
  for (size_t k = 0; k < s->count; k++) {
    wide p = probability(&row, s->input[k]), is_target = (int64_t)k == s->label;
    t->grad[k] = (1 - smoothing) * target_weight * (p - is_target) +
                 spread * (p * total - s->class_weight[k]);
    t->grad_size[k] = t->loss_size;
    if (masked(s, k)) t->grad[k] = t->grad_size[k] = 0;
  }
}

static void focal_softmax(const sample *s, truth *t) {
  wide gamma = oracle_parameter(s, "gamma"), alpha = s->class_weight[s->label], others = 0;
  softmax row = make_softmax(s);
  for (size_t k = 0; k < s->count; k++)
    if ((int64_t)k != s->label) others += relative(&row, s->input[k]);
  wide p = probability(&row, s->input[s->label]), q = row.sum > 0 ? others / row.sum : 1;
  wide ln = surprise(&row, s->input[s->label]), ratio = p == 0 ? 0 : q == 0 ? 1 : p * (ln / q);
  wide power = gamma == 0 ? 1 : powl(q, gamma), factor = alpha * power * (1 + gamma * ratio);
  t->loss = weighted(alpha, weighted(power, ln));
  t->loss_size = fmaxl(alpha, t->loss) * fmaxl(1, gamma);
  for (size_t k = 0; k < s->count; k++) {
    wide share = probability(&row, s->input[k]);
    t->grad[k] = factor * ((int64_t)k == s->label ? -q : share);
    t->grad_size[k] = masked(s, k) ? 0 : fmaxl(alpha, factor) * fmaxl(1, gamma);
  }
}

static void nll(const sample *s, truth *t) {
  wide w = s->class_weight[s->label];
  t->loss = weighted(w, -s->input[s->label]);
  t->grad_ulps = 1;
  /* no logarithm of a probability, and beyond the type with some weights */
  if (s->input[s->label] > oracle_largest(s->call->dtype) / 64) t->trust = TRUST_NOTHING;
  for (size_t k = 0; k < s->count; k++) {
    t->grad[k] = (int64_t)k == s->label ? -w : 0;
    t->grad_size[k] = 0;
  }
  t->loss_size = oracle_smallest(s->call->dtype); /* halves of subnormal numbers are rounded */
}

/* Outside of a loss's domain: NaN, and counted. */
static int outside(const sample *s, const wide *probabilities, truth *t) {
  t->degenerate = 0;
  t->loss = 0;
  for (size_t k = 0; k < s->count; k++)
    if (probabilities[k] < 0 || probabilities[k] > 1) t->degenerate = 1;
  if (!t->degenerate) return 0;
  t->loss = (wide)NAN;
  for (size_t k = 0; k < s->count; k++) t->grad[k] = (wide)NAN;
  return 1;
}

static void cross_entropy_soft(const sample *s, truth *t) {
  wide smoothing = oracle_parameter(s, "smoothing"), total = 0;
  wide smallest = oracle_smallest(s->call->dtype), rounded = 0;
  softmax row = make_softmax(s);
  if (outside(s, s->target, t)) return;
  for (size_t pass = 0; pass < 2; pass++)
    for (size_t k = 0; k < s->count; k++) {
      wide q = s->target[k], z = s->input[k], share = (1 - smoothing) * q + smoothing / s->count;
      wide own = q == 0 && isinf(z) && z < 0 ? 0 : share * s->class_weight[k];
      if (pass == 0) total += own;
      if (pass == 0) t->loss += weighted(own, surprise(&row, z));
      if (own > 0 && own < smallest) rounded += smallest * surprise(&row, z); /* as a subnormal */
      t->grad[k] = probability(&row, z) * total - own;
      t->grad_size[k] = total;
    }
  t->loss_size = fmaxl(total, rounded);
  /* five roundings of a term, and of 16 that are added in the type */
  if (s->call->dtype == F32)
    t->loss_size = fmaxl(t->loss_size, 21 * 0x1p-24L / oracle_loss_bound(F32) * t->loss);
}

/* Shares of a teacher, -ln of them, and what multiplies loss and slopes. */
typedef struct lesson {
  int logits;
  softmax student, teacher;
  wide total, gain, steep;
} lesson;

static lesson make_lesson(const sample *s) {
  wide temperature = oracle_parameter(s, "temperature");
  lesson l = {.logits = oracle_parameter(s, "teacher") != 0};
  l.student = temper(s->input, s->count, temperature);
  l.teacher = temper(s->target, s->count, temperature);
  l.gain = oracle_parameter(s, "squared") != 0 ? temperature * temperature : 1;
  l.steep = l.gain / temperature;
  for (size_t k = 0; k < s->count; k++)
    l.total += l.logits ? probability(&l.teacher, s->target[k]) : s->target[k];
  return l;
}

static wide lesson_share(const lesson *l, wide target) {
  return l->logits ? probability(&l->teacher, target) : target;
}

static void kl_div_with_logits(const sample *s, truth *t) {
  lesson l = make_lesson(s);
  wide size = 1, smallest = oracle_smallest(s->call->dtype);
  wide bound = oracle_loss_bound(s->call->dtype);
  t->loss = 0;
  if (!l.logits && outside(s, s->target, t)) return;
  for (size_t k = 0; k < s->count; k++) {
    wide p = lesson_share(&l, s->target[k]), q = probability(&l.student, s->input[k]);
    wide own = l.logits ? surprise(&l.teacher, s->target[k]) : -logl(p);
    wide other = surprise(&l.student, s->input[k]);
    t->loss += weighted(p, other - own) * l.gain;
    size += weighted(p, other + own);
    if (l.logits && p > 0 && p < smallest)
      size += smallest / bound * other; /* it is flushed to 0 */
    t->grad[k] = (q * l.total - p) * l.steep;
    t->grad_size[k] = fmaxl(1, l.total) * l.steep;
  }
  t->loss_size = size * l.gain;
}

/* p ln(p / m) */
static wide towards(wide p, wide q) { return p == 0 ? 0 : p * logl(2 * p / (p + q)); }

static void js_div_with_logits(const sample *s, truth *t) {
  lesson l = make_lesson(s);
  wide mean = 0;
  t->loss = 0;
  if (!l.logits && outside(s, s->target, t)) return;
  for (size_t k = 0; k < s->count; k++) {
    wide p = lesson_share(&l, s->target[k]), q = probability(&l.student, s->input[k]);
    t->loss += (towards(p, q) + towards(q, p)) / 2 * l.gain;
    mean += towards(q, p) / 2;
  }
  t->loss_size = fmaxl(1, l.total) * l.gain;
  for (size_t k = 0; k < s->count; k++) {
    wide p = lesson_share(&l, s->target[k]), q = probability(&l.student, s->input[k]);
    t->grad[k] = (towards(q, p) / 2 - q * mean) * l.steep;
    t->grad_size[k] = l.steep;
  }
}

static void entropy(const sample *s, truth *t) {
  wide least = oracle_smallest(s->call->dtype);
  t->loss_size = 1;
  if (outside(s, s->input, t)) return;
  for (size_t k = 0; k < s->count; k++) {
    wide p = s->input[k];
    t->loss -= p == 0 ? 0 : p * logl(p);
    t->grad[k] = -(logl(fmaxl(p, least)) + 1);
    t->grad_size[k] = 1;
  }
}

static void entropy_with_logits(const sample *s, truth *t) {
  softmax row = make_softmax(s);
  t->loss = 0;
  for (size_t k = 0; k < s->count; k++)
    t->loss += weighted(probability(&row, s->input[k]), surprise(&row, s->input[k]));
  t->loss_size = 1;
  for (size_t k = 0; k < s->count; k++) {
    wide p = probability(&row, s->input[k]);
    t->grad[k] = weighted(p, surprise(&row, s->input[k]) - t->loss);
    t->grad_size[k] = 1;
  }
}

const oracle_row oracle_rows[] = {{"cross_entropy", cross_entropy},
                                  {"focal_softmax", focal_softmax},
                                  {"nll", nll},
                                  {"cross_entropy_soft", cross_entropy_soft},
                                  {"kl_div_with_logits", kl_div_with_logits},
                                  {"js_div_with_logits", js_div_with_logits},
                                  {"entropy", entropy},
                                  {"entropy_with_logits", entropy_with_logits},
                                  {NULL, NULL}};
