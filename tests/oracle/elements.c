/* SPDX-License-Identifier: Apache-2.0 */
/* Losses of elements with a domain, flags or a variance. */
#include <float.h>
#include <math.h>

#include "oracle.h"

/* Sizes of terms beside the value. */
static void give(truth *t, wide loss, wide loss_size, wide grad, wide grad_size) {
  t->loss = loss;
  t->loss_size = loss_size;
  t->grad[0] = grad;
  t->grad_size[0] = grad_size;
}

static void outside(truth *t) {
  give(t, (wide)NAN, 0, (wide)NAN, 0);
  t->degenerate = 1;
}

/* 0 times anything. */
static wide times(wide a, wide b) { return a == 0 || b == 0 ? 0 : a * b; }

static wide bound_size(const sample *s, wide size) {
  return size / oracle_loss_bound(s->call->dtype);
}

static void quantile(const sample *s, truth *t) {
  wide e = s->target[0] - s->input[0], tau = oracle_parameter(s, "tau");
  give(t, e > 0 ? tau * e : (tau - 1) * e, 0, e > 0 ? -tau : e < 0 ? 1 - tau : e, 0);
  if (e == 0) t->loss = t->grad[0] = 0;
  /* a tau that is 0 in f32 */
  if (isinf(e) && tau < oracle_smallest(F32)) t->trust = TRUST_NOTHING;
}

static void hinge(const sample *s, truth *t) {
  wide margin = 1 - s->target[0] * s->input[0];
  give(t, margin <= 0 ? 0 : margin, 0, margin <= 0 ? 0 : isnan(margin) ? margin : -s->target[0], 0);
}

static void squared_hinge(const sample *s, truth *t) {
  wide margin = 1 - s->target[0] * s->input[0], h = margin <= 0 ? 0 : margin;
  give(t, h * h, 0, h == 0 ? 0 : -2 * s->target[0] * h, 0);
}

static void binary_cross_entropy(const sample *s, truth *t) {
  wide p = s->input[0], y = s->target[0];
  if (p < 0 || p > 1 || y < 0 || y > 1) {
    outside(t);
    return;
  }
  wide yes = fmaxl(logl(p), -100), no = fmaxl(log1pl(-p), -100);
  give(t, -y * yes - (1 - y) * no, 1, (p - y) / fmaxl(p * (1 - p), 1e-12L), 1);
}

/* What leaves the smallest normal number may be 0. */
static void divergence_of_logs(const sample *s, truth *t) {
  wide x = s->input[0], y = s->target[0], p = expl(y), smallest = oracle_smallest(s->call->dtype);
  wide size = fmaxl(fabsl(times(p, y)), fabsl(times(p, x)));
  give(t, times(p, y == x ? 0 : y - x), size, -p, p < smallest ? bound_size(s, smallest) : 0);
  if (isinf(y) && y > 0) t->trust = TRUST_NOTHING;
}

static void kl_div(const sample *s, truth *t) {
  wide x = s->input[0], y = s->target[0];
  if (oracle_parameter(s, "log_target") != 0) {
    divergence_of_logs(s, t);
  } else if (y < 0 || y > 1) {
    outside(t);
  } else {
    wide entropy = times(y, y == 0 ? 0 : logl(y)), cross = times(y, x);
    give(t, entropy - cross, fmaxl(fabsl(entropy), fabsl(cross)), -y, 0);
  }
}

/* Stirling's ln t!, and the size of its terms. */
static wide factorial(const sample *s, wide y, wide *size) {
  if (oracle_parameter(s, "full") == 0 || !(y > 1)) return 0;
  wide l = logl(y), circle = logl(2 * acosl(-1) * y) / 2;
  *size += y * l + y + circle;
  return y * l - y + circle;
}

/* The size of a logarithm is at least 1: its argument was rounded. */
static void poisson_nll(const sample *s, truth *t) {
  wide x = s->input[0], y = s->target[0], eps = oracle_narrow(s, "eps"), size = 0;
  wide more = factorial(s, y, &size), smallest = oracle_smallest(s->call->dtype);
  if (oracle_parameter(s, "log_input") != 0) {
    wide mean = expl(x), sizes = mean < smallest ? bound_size(s, smallest) : mean;
    give(t, mean - times(y, x) + more, sizes + fabsl(times(y, x)) + size, mean - y,
         sizes + fabsl(y));
    if (isinf(x) && x > 0) give(t, x, 0, x, 0);
  } else if (x + eps <= 0) {
    outside(t);
  } else {
    wide l = logl(fminl(x + eps, oracle_largest(s->call->dtype)));
    wide cross = times(y, l), ratio = y / (x + eps);
    give(t, x - cross + more, fabsl(x) + fabsl(y) * fmaxl(1, fabsl(l)) + size, 1 - ratio,
         1 + fabsl(ratio));
  }
  if (isinf(y) || (isinf(x) && y != 0)) t->trust = TRUST_NOTHING;
}

/* The second value and slope are those of the variance; what it is raised by is held. */
static void gaussian_nll(const sample *s, truth *t) {
  wide d = s->input[0] - s->target[0], given = s->input[1];
  wide least = fmaxl(oracle_narrow(s, "eps"), oracle_smallest(s->call->dtype));
  t->held = given < least ? least - given : 0;
  wide v = given < least && s->held == NULL ? least : given + (s->held != NULL ? *s->held : 0);
  wide constant = oracle_parameter(s, "full") != 0 ? logl(2 * acosl(-1)) / 2 : 0;
  wide spread = logl(v) / 2, misfit = d * (d / v) / 2;
  give(t, spread + misfit + constant, fabsl(spread) + misfit + constant, d / v, 0);
  t->grad[1] = (1 / v - (d / v) * (d / v)) / 2;
  t->grad_size[1] = (1 / v + (d / v) * (d / v)) / 2;
  if (isinf(given)) t->trust = TRUST_NOTHING;
}

const oracle_row oracle_elements[] = {
    {"quantile", quantile},
    {"hinge", hinge},
    {"squared_hinge", squared_hinge},
    {"binary_cross_entropy", binary_cross_entropy},
    {"kl_div", kl_div},
    {"poisson_nll", poisson_nll},
    {"gaussian_nll", gaussian_nll},
    {NULL, NULL},
};
