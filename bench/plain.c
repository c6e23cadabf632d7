/* SPDX-License-Identifier: Apache-2.0 */
/* The losses as one writes them in C: mean and gradient in one loop, nothing clever. Built once per
 * dtype with the flags of the library's best ISA. */
#include "plain.h"

extern const loop PLAIN_LOOPS[];

static void l1(const call *c) {
  const real *input = c->input, *target = c->target;
  real *grad = c->grad, share = (real)1 / (real)c->shape[0];
  double sum = 0.0;
  for (size_t i = 0; i < c->shape[0]; i++) {
    real d = input[i] - target[i];
    sum += (double)real_abs(d);
    if (grad != NULL) grad[i] = d > 0 ? share : d < 0 ? -share : 0;
  }
  put_loss(c, sum / (double)c->shape[0]);
}

static void mse(const call *c) {
  const real *input = c->input, *target = c->target;
  real *grad = c->grad, share = (real)2 / (real)c->shape[0];
  double sum = 0.0;
  for (size_t i = 0; i < c->shape[0]; i++) {
    real d = input[i] - target[i];
    sum += (double)(d * d);
    if (grad != NULL) grad[i] = share * d;
  }
  put_loss(c, sum / (double)c->shape[0]);
}

static void smooth_l1(const call *c) {
  const real *input = c->input, *target = c->target;
  real *grad = c->grad, share = (real)1 / (real)c->shape[0], beta = (real)call_get(c, "beta");
  double sum = 0.0;
  for (size_t i = 0; i < c->shape[0]; i++) {
    real d = input[i] - target[i], size = real_abs(d), slope;
    if (size < beta) {
      sum += (double)(d * d / (2 * beta));
      slope = d / beta;
    } else {
      sum += (double)(size - beta / 2);
      slope = d > 0 ? 1 : -1;
    }
    if (grad != NULL) grad[i] = share * slope;
  }
  put_loss(c, sum / (double)c->shape[0]);
}

static void huber(const call *c) {
  const real *input = c->input, *target = c->target;
  real *grad = c->grad, share = (real)1 / (real)c->shape[0], delta = (real)call_get(c, "delta");
  double sum = 0.0;
  for (size_t i = 0; i < c->shape[0]; i++) {
    real d = input[i] - target[i], size = real_abs(d), slope;
    if (size <= delta) {
      sum += (double)(d * d / 2);
      slope = d;
    } else {
      sum += (double)(delta * (size - delta / 2));
      slope = d > 0 ? delta : -delta;
    }
    if (grad != NULL) grad[i] = share * slope;
  }
  put_loss(c, sum / (double)c->shape[0]);
}

static void kl_div(const call *c) {
  const real *input = c->input, *target = c->target;
  real *grad = c->grad, share = (real)1 / (real)c->shape[0];
  double sum = 0.0;
  for (size_t i = 0; i < c->shape[0]; i++) {
    if (target[i] > 0) sum += (double)(target[i] * (real_log(target[i]) - input[i]));
    if (grad != NULL) grad[i] = -share * target[i];
  }
  put_loss(c, sum / (double)c->shape[0]);
}

/* One log1p and two exponentials, as one writes it who has read that ln(1 + e^z) overflows. */
static real softplus(real z) { return (z > 0 ? z : 0) + real_log1p(real_exp(-real_abs(z))); }
static real sigmoid(real z) { return 1 / (1 + real_exp(-z)); }

static void binary_cross_entropy(const call *c) {
  const real *input = c->input, *target = c->target;
  real *grad = c->grad, share = (real)1 / (real)c->shape[0];
  double sum = 0.0;
  for (size_t i = 0; i < c->shape[0]; i++) {
    real z = input[i], t = target[i];
    sum += (double)(softplus(z) - t * z);
    if (grad != NULL) grad[i] = share * (sigmoid(z) - t);
  }
  put_loss(c, sum / (double)c->shape[0]);
}

/* Targets 0 and 1, gamma 2. */
static void focal(const call *c) {
  const real *input = c->input, *target = c->target;
  real *grad = c->grad, share = (real)1 / (real)c->shape[0], alpha = (real)call_get(c, "alpha");
  double sum = 0.0;
  for (size_t i = 0; i < c->shape[0]; i++) {
    real sign = target[i] > 0 ? 1 : -1, x = sign * input[i];
    real weight = target[i] > 0 ? alpha : 1 - alpha, miss = sigmoid(-x), ce = softplus(-x);
    real factor = weight * miss * miss;
    sum += (double)(factor * ce);
    if (grad != NULL) grad[i] = -share * sign * factor * (2 * (1 - miss) * ce + miss);
  }
  put_loss(c, sum / (double)c->shape[0]);
}

static real cross_entropy_row(const real *z, int64_t label, size_t classes, size_t stride,
                              real share, real *grad) {
  real top = z[0], sum = 0;
  for (size_t k = 1; k < classes; k++) top = most(top, z[k * stride]);
  for (size_t k = 0; k < classes; k++) {
    real e = real_exp(z[k * stride] - top);
    if (grad != NULL) grad[k * stride] = e;
    sum += e;
  }
  if (grad != NULL) {
    for (size_t k = 0; k < classes; k++) grad[k * stride] *= share / sum;
    grad[(size_t)label * stride] -= share;
  }
  return top - z[(size_t)label * stride] + real_log(sum);
}

static void cross_entropy(const call *c) {
  const real *logits = c->input;
  const int64_t *labels = c->labels.data;
  size_t classes = c->shape[1], inner = c->shape[2], rows = c->shape[0] * inner;
  real *grad = c->grad, share = (real)1 / (real)rows;
  double sum = 0.0;
  for (size_t row = 0; row < rows; row++) {
    size_t start = row / inner * classes * inner + row % inner;
    sum += (double)cross_entropy_row(logits + start, labels[row], classes, inner, share,
                                     grad ? grad + start : NULL);
  }
  put_loss(c, sum / (double)rows);
}

static real cross_entropy_soft_row(const real *z, const real *q, size_t classes, size_t stride,
                                   real share, real *grad) {
  real top = z[0], sum = 0, all = 0, drops = 0;
  for (size_t k = 1; k < classes; k++) top = most(top, z[k * stride]);
  for (size_t k = 0; k < classes; k++) {
    real d = z[k * stride] - top, e = real_exp(d), t = q[k * stride];
    if (grad != NULL) grad[k * stride] = e;
    sum += e;
    all += t;
    drops -= t * d;
  }
  if (grad != NULL)
    for (size_t k = 0; k < classes; k++)
      grad[k * stride] = share * (grad[k * stride] * (all / sum) - q[k * stride]);
  return drops + all * real_log(sum);
}

static void cross_entropy_soft(const call *c) {
  const real *logits = c->input, *target = c->target;
  size_t classes = c->shape[1], inner = c->shape[2], rows = c->shape[0] * inner;
  real *grad = c->grad, share = (real)1 / (real)rows;
  double sum = 0.0;
  for (size_t row = 0; row < rows; row++) {
    size_t start = row / inner * classes * inner + row % inner;
    sum += (double)cross_entropy_soft_row(logits + start, target + start, classes, inner, share,
                                          grad ? grad + start : NULL);
  }
  put_loss(c, sum / (double)rows);
}

/* Dice with smoothing s is Tversky with alpha = beta = 1/2 and s/2. */
static real tversky_group(const real *p, const real *t, size_t size, double alpha, double beta,
                          double s, real share, real *grad) {
  double both = 0.0, all_p = 0.0, all_t = 0.0;
  for (size_t i = 0; i < size; i++) {
    both += (double)(p[i] * t[i]);
    all_p += (double)p[i];
    all_t += (double)t[i];
  }
  double top = both + s, bottom = both + alpha * (all_p - both) + beta * (all_t - both) + s;
  real slope = (real)(-1 / bottom), constant = (real)(alpha * top / (bottom * bottom));
  slope += (real)((1 - alpha - beta) * top / (bottom * bottom));
  if (grad != NULL)
    for (size_t i = 0; i < size; i++) grad[i] = share * (constant + slope * t[i]);
  return (real)(1 - top / bottom);
}

static void overlap(const call *c, double alpha, double beta, double s) {
  const real *input = c->input, *target = c->target;
  real *grad = c->grad, share = (real)1 / (real)c->shape[0];
  size_t size = c->shape[1];
  double sum = 0.0;
  for (size_t i = 0; i < c->shape[0]; i++)
    sum += (double)tversky_group(input + i * size, target + i * size, size, alpha, beta, s, share,
                                 grad ? grad + i * size : NULL);
  put_loss(c, sum / (double)c->shape[0]);
}

static void dice(const call *c) { overlap(c, 0.5, 0.5, call_get(c, "smoothing") / 2); }

static void tversky(const call *c) {
  overlap(c, call_get(c, "alpha"), call_get(c, "beta"), call_get(c, "smoothing"));
}

const loop PLAIN_LOOPS[] = {
    {"l1", l1},
    {"mse", mse},
    {"smooth_l1", smooth_l1},
    {"huber", huber},
    {"kl_div", kl_div},
    {"cross_entropy", cross_entropy},
    {"cross_entropy_soft", cross_entropy_soft},
    {"dice", dice},
    {"tversky", tversky},
    {"binary_cross_entropy_with_logits", binary_cross_entropy},
    {"focal", focal},
    {NULL, NULL},
};
