/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "oracle.h"

static wide sigmoid(wide z) { return z < 0 ? expl(z) / (1 + expl(z)) : 1 / (1 + expl(-z)); }

static wide softplus(wide z) { return fmaxl(z, 0) + log1pl(expl(-fabsl(z))); }

/* 0 inf = 0: the limit. */
static wide times(wide a, wide b) { return a == 0 || b == 0 ? 0 : a * b; }

/* Returns whether the target is none; such a sample is NaN. */
static int is_outside(const sample *s, truth *t) {
  t->degenerate = s->target[0] < 0 || s->target[0] > 1;
  if (t->degenerate) t->loss = t->grad[0] = (wide)NAN;
  t->loss_size = t->grad_size[0] = 0;
  return t->degenerate;
}

/* on softplus(-z) + off softplus(z) */
static wide entropy(wide z, wide on, wide off) {
  return times(on, softplus(-z)) + times(off, softplus(z));
}

static void binary_cross_entropy_with_logits(const sample *s, truth *t) {
  wide z = s->input[0], on = s->target[0] * s->positive_weight, off = 1 - s->target[0];
  if (is_outside(s, t)) return;
  t->loss = entropy(z, on, off);
  t->grad[0] = off * sigmoid(z) - on * sigmoid(-z);
  t->loss_size = t->grad_size[0] = fmaxl(1, s->positive_weight);
}

static void binary_entropy_with_logits(const sample *s, truth *t) {
  wide z = s->input[0], a = fabsl(z);
  t->loss = log1pl(expl(-a)) + times(a, sigmoid(-a));
  t->grad[0] = -times(z, sigmoid(z) * sigmoid(-z));
  t->loss_size = t->grad_size[0] = 1;
}

/* w (1 - p)^g (-ln p) and its slope by the logit x of p */
static wide focal_term(wide x, wide weight, wide exponent, wide *slope) {
  wide factor = weight * powl(sigmoid(-x), exponent);
  *slope = -factor * (exponent * times(sigmoid(x), softplus(-x)) + sigmoid(-x));
  return times(factor, softplus(-x));
}

/* A target of 0 or 1. */
static void hard(const sample *s, truth *t, wide weight, wide exponent) {
  wide sign = s->target[0] == 1 ? 1 : -1, slope;
  t->loss = focal_term(sign * s->input[0], weight, exponent, &slope);
  t->grad[0] = sign * slope;
}

static int is_hard(const sample *s) { return s->target[0] == 0 || s->target[0] == 1; }

/* The limit of a power of what is not 0, times an infinity: the power may be 0 in any type. */
static int is_endless(const sample *s) {
  return isinf(s->input[0]) && (s->input[0] > 0 ? s->target[0] < 1 : s->target[0] > 0);
}

static void focal(const sample *s, truth *t) {
  wide z = s->input[0], y = s->target[0], p = sigmoid(z), q = sigmoid(-z);
  wide alpha = oracle_parameter(s, "alpha"), gamma = oracle_narrow(s, "gamma");
  wide weight = alpha < 0 ? 1 : y * alpha + (1 - y) * (1 - alpha);
  if (is_outside(s, t)) return;
  wide u = (1 - y) * p + y * q, factor = weight * powl(u, gamma), ce = entropy(z, y, 1 - y);
  t->loss = is_endless(s) && weight > 0 ? (wide)INFINITY : times(factor, ce);
  t->grad[0] = factor * ((1 - y) * p - y * q) +
               gamma * weight * times(powl(u, gamma - 1) * (1 - 2 * y) * p * q, ce);
  if (is_hard(s)) hard(s, t, weight, gamma);
  t->loss_size = t->grad_size[0] = weight * fmaxl(1, gamma);
}

/* Next to m = 0 the power's error is that of m times its slope; the gradient's likewise. */
static void quality_focal(const sample *s, truth *t) {
  wide z = s->input[0], y = s->target[0], p = sigmoid(z), q = sigmoid(-z);
  wide beta = oracle_narrow(s, "beta"), d = (1 - y) * p - y * q, m = fabsl(d);
  if (is_outside(s, t)) return;
  wide factor = powl(m, beta), ce = entropy(z, y, 1 - y);
  t->loss = is_endless(s) ? (wide)INFINITY : times(factor, ce);
  t->grad[0] = m == 0 ? 0 : factor * (d + beta * times(p * q / d, ce));
  t->loss_size = t->grad_size[0] = fmaxl(1, beta);
  if (is_hard(s)) {
    hard(s, t, 1, beta);
  } else if (m < 0.01L && beta > 0 && beta < 2) {
    wide error = oracle_loss_bound(s->call->dtype);
    t->loss_size += ce * powl(fmaxl(m, error), beta - 1);
    t->grad_size[0] += (1 + ce) * powl(fmaxl(m, error), beta - 2);
    if (beta < 1 && m < 4 * error) t->trust = TRUST_NOT_NAN;
  }
}

static void varifocal(const sample *s, truth *t) {
  wide z = s->input[0], y = s->target[0], slope;
  wide alpha = oracle_parameter(s, "alpha"), gamma = oracle_narrow(s, "gamma");
  if (is_outside(s, t)) return;
  t->loss = y * entropy(z, y, 1 - y);
  t->grad[0] = y * ((1 - y) * sigmoid(z) - y * sigmoid(-z));
  t->loss_size = t->grad_size[0] = 1;
  if (y > 0) return;
  t->loss = focal_term(-z, alpha, gamma, &slope);
  t->grad[0] = -slope;
  t->loss_size = t->grad_size[0] = alpha * fmaxl(1, gamma);
}

const oracle_row oracle_binary[] = {
    {"binary_cross_entropy_with_logits", binary_cross_entropy_with_logits},
    {"binary_entropy_with_logits", binary_entropy_with_logits},
    {"focal", focal},
    {"quality_focal", quality_focal},
    {"varifocal", varifocal},
    {NULL, NULL},
};
