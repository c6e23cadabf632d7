/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "oracle.h"

/* Softmax of a row. With +inf logits those share all of the probability. */
typedef struct softmax {
  wide most; /* the largest logit */
  wide sum;  /* of exp(z - most); 0 for a row of -inf */
} softmax;

static wide relative(const softmax *row, wide z) {
  if (isinf(row->most)) return z == row->most && z > 0 ? 1 : 0;
  return expl(z - row->most);
}

static softmax make_softmax(const sample *s) {
  softmax row = {-(wide)INFINITY, 0};
  for (size_t k = 0; k < s->count; k++)
    if (s->input[k] > row.most) row.most = s->input[k];
  for (size_t k = 0; k < s->count; k++) row.sum += relative(&row, s->input[k]);
  return row;
}

static wide probability(const softmax *row, wide z) {
  return row->sum > 0 ? relative(row, z) / row->sum : 0;
}

/* -ln p */
static wide surprise(const softmax *row, wide z) {
  if (isinf(row->most)) return z == row->most && z > 0 ? logl(row->sum) : (wide)INFINITY;
  return (row->most - z) + logl(row->sum);
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

const oracle_row oracle_rows[] = {{"cross_entropy", cross_entropy}, {NULL, NULL}};
