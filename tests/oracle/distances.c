/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "oracle.h"

/* Relative to the exact value alone: a difference of inputs is one rounding away in the library. */
static void give(truth *t, wide loss, wide grad) {
  t->loss = loss;
  t->grad[0] = grad;
  t->loss_size = t->grad_size[0] = 0;
}

/* inf - inf has no difference. */
static wide difference(const sample *s) { return s->input[0] - s->target[0]; }

static wide sign(wide d) { return d > 0 ? 1 : d < 0 ? -1 : d; }

static void l1(const sample *s, truth *t) {
  wide d = difference(s);
  give(t, fabsl(d), sign(d));
  t->grad_ulps = 2;
}

static void mse(const sample *s, truth *t) {
  wide d = difference(s);
  give(t, d * d, 2 * d);
  t->grad_ulps = 2;
}

static void smooth_l1(const sample *s, truth *t) {
  wide d = difference(s), beta = oracle_parameter(s, "beta");
  if (fabsl(d) < beta)
    give(t, d * d / (2 * beta), d / beta);
  else
    give(t, fabsl(d) - beta / 2, sign(d));
  t->grad_ulps = 2;
}

static void huber(const sample *s, truth *t) {
  wide d = difference(s), delta = oracle_parameter(s, "delta");
  if (fabsl(d) <= delta)
    give(t, d * d / 2, d);
  else
    give(t, delta * (fabsl(d) - delta / 2), delta * sign(d));
  t->grad_ulps = 2;
}

/* d^2/2 - d^4/12 + ... below: the sum cancels there. */
static wide ln_cosh(wide d) {
  wide a = fabsl(d), h = sinhl(a / 2);
  if (a < 1) return log1pl(2 * h * h);
  return a + log1pl(expl(-2 * a)) - logl(2);
}

static void log_cosh(const sample *s, truth *t) {
  wide d = difference(s);
  give(t, ln_cosh(d), tanhl(d));
}

static void charbonnier(const sample *s, truth *t) {
  wide d = difference(s), root = hypotl(d, oracle_parameter(s, "epsilon"));
  give(t, root, isinf(d) ? sign(d) : d / root);
}

const oracle_row oracle_distances[] = {
    {"l1", l1},       {"mse", mse},           {"smooth_l1", smooth_l1},
    {"huber", huber}, {"log_cosh", log_cosh}, {"charbonnier", charbonnier},
    {NULL, NULL},
};
