/* SPDX-License-Identifier: Apache-2.0 */
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cases.h"
#include "oracle.h"

/* What turns the samples' truth into the call's results. */
typedef struct context {
  const call *call;
  const vloss_options *options;
  verdict *verdict;
  const sample *sample; /* being checked, or NULL for all of them */
  wide denominator;     /* of the mean */
  wide tiny;            /* distance of neighbours at 0 */
  int mean_of_nothing;
  trust trust;            /* in the denominator */
  wide slack;             /* how much further than by the bound it may be off */
  struct expected *grads; /* of all elements, where samples share them; else NULL */
} context;

enum { ABOVE = 1, BELOW = 2 };

/* Sums over the samples. */
typedef struct total {
  wide loss, size, weight;
  int exceeds; /* a loss exceeds the type: of ABOVE and BELOW */
  trust trust;
  size_t ignored, degenerate;
} total;

/* An expected number and how far it may be missed. */
typedef struct expected {
  wide value, tolerance;
  int may_exceed; /* an intermediate result exceeds the type: so may this, of ABOVE and BELOW */
  trust trust;
} expected;

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static void
fail(const context *x, const char *format, ...) {
  verdict *v = x->verdict;
  char name[CASE_NAME];
  if (v->failures++ > 0) return;
  int used =
      snprintf(v->first, sizeof v->first,
               "%s reduction=%d n=%zu,%zu,%zu: ", case_name(x->call, name, sizeof name),
               (int)x->options->reduction, x->call->shape[0], x->call->shape[1], x->call->shape[2]);
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(v->first + used, sizeof v->first - (size_t)used, format, arguments);
  va_end(arguments);
}

static int side_of(wide value) { return value > 0 ? ABOVE : BELOW; }

/* The sides of values times a factor. */
static int sides_times(int sides, wide factor) {
  if (factor >= 0) return factor > 0 ? sides : 0;
  return (sides & ABOVE ? BELOW : 0) | (sides & BELOW ? ABOVE : 0);
}

/* The error in units of the tolerance; above 1 is wrong. */
static wide judge(const context *x, expected e, wide got) {
  wide largest = oracle_largest(x->call->dtype), error;
  if (e.trust == TRUST_NOTHING) return 0;
  if (isnan(e.value)) return isnan(got) ? 0 : (wide)INFINITY;
  if (isnan(got)) return (wide)INFINITY;
  if (e.trust == TRUST_NOT_NAN || got == e.value) return 0;
  if (fabsl(e.value) + e.tolerance > largest) e.may_exceed |= side_of(e.value);
  if (isinf(got)) return e.may_exceed & side_of(got) ? 0 : (wide)INFINITY;
  error = fabsl(got - e.value);
  return e.tolerance > 0 ? error / e.tolerance : (wide)INFINITY;
}

/* A small sample's numbers, so that a failure can be tried by hand. */
static const char *numbers(const sample *s, char *text, size_t size) {
  int used = 0;
  text[0] = 0;
  for (size_t k = 0; k < s->count && s->count <= 4; k++)
    used +=
        snprintf(text + used, size - (size_t)used, k == 0 ? " of %.9Lg" : ", %.9Lg", s->input[k]);
  for (size_t k = 0; k < s->count && s->count <= 4; k++)
    used +=
        snprintf(text + used, size - (size_t)used, k == 0 ? " and %.9Lg" : ", %.9Lg", s->target[k]);
  return text;
}

static void hold(const context *x, double *worst, expected e, wide got, const char *what,
                 size_t index) {
  if (x->trust > e.trust) e.trust = x->trust;
  e.tolerance *= x->slack;
  wide ratio = judge(x, e, got);
  char text[256] = "";
  if (ratio > 1)
    fail(x, "%s[%zu]%s is %.17Lg, expected %.17Lg within %.3Lg: %.3Lg times the bound", what, index,
         x->sample != NULL ? numbers(x->sample, text, sizeof text) : "", got, e.value, e.tolerance,
         ratio);
  if ((double)ratio > *worst) *worst = (double)ratio;
}

static wide upstream(const context *x, size_t index) {
  const void *values = x->options->grad_output;
  if (values == NULL) return 1;
  return data_get(x->call->dtype, values, x->options->reduction == VLOSS_NONE ? index : 0);
}

/* Where a value leaves the type, before or after a factor. */
static int exceeds(const context *x, wide value, wide factor) {
  int beyond = fabsl(value) * fmaxl(1, fabsl(factor)) > oracle_largest(x->call->dtype);
  return beyond ? side_of(factor < 0 ? -value : value) : 0;
}

static void check_loss(const context *x, const walk *w) {
  const truth *t = &w->truth;
  wide factor = w->weight * x->options->scale, size = fmaxl(fabsl(t->loss), t->loss_size);
  expected e = {
      factor == 0 ? 0 : factor * t->loss,
      oracle_loss_bound(x->call->dtype) * fabsl(factor) * size + x->tiny * (1 + fabsl(factor)),
      sides_times(exceeds(x, t->loss, w->weight), x->options->scale), t->trust};
  if (w->ignored || factor == 0) e = (expected){0, 0, 0, TRUST_ACCURATE};
  wide got = data_get(x->call->dtype, x->call->loss_out, w->index);
  hold(x, &x->verdict->loss, e, got, "loss", w->index);
}

/* A NaN is 0 in a mean of nothing, which an inaccurate denominator may be. */
static trust trust_of_nan(const context *x, wide value, trust otherwise) {
  return isnan(value) && x->trust > TRUST_ACCURATE ? TRUST_NOTHING : otherwise;
}

static expected expected_grad(const context *x, const walk *w, size_t k) {
  const truth *t = &w->truth;
  dtype type = x->call->dtype;
  wide go = upstream(x, w->index), mean = x->options->reduction == VLOSS_MEAN ? x->denominator : 1;
  wide factor = w->weight * go * x->options->scale / mean, value = t->grad[k];
  if (w->ignored || w->weight * go * x->options->scale == 0 || x->mean_of_nothing)
    return (expected){0, 0, 0, TRUST_ACCURATE};
  expected e = {factor * value, 0, 0, t->trust};
  if (factor == 1 && t->grad_ulps > 0)
    e.tolerance = t->grad_ulps * oracle_ulp(type, e.value);
  else
    e.tolerance = oracle_grad_bound(type) * fabsl(factor) * fmaxl(fabsl(value), t->grad_size[k]) +
                  x->tiny * (1 + fabsl(factor));
  e.trust = trust_of_nan(x, value, e.trust);
  e.may_exceed = exceeds(x, value, factor);
  return e;
}

static void add_expected(expected *sum, expected e) {
  sum->value += e.value;
  sum->tolerance += e.tolerance;
  sum->may_exceed |= e.may_exceed;
  if (e.trust > sum->trust) sum->trust = e.trust;
}

static void check_grad(const context *x, const walk *w) {
  for (size_t k = 0; k < w->sample.count; k++) {
    size_t at = walk_element(w, k);
    expected e = expected_grad(x, w, k);
    if (x->grads != NULL)
      add_expected(&x->grads[at], e);
    else
      hold(x, &x->verdict->grad, e, walk_written(w, k), "grad", at);
  }
}

static void check_shared_grads(const context *x) {
  for (size_t i = 0; x->grads != NULL && i < call_elements(x->call); i++)
    hold(x, &x->verdict->grad, x->grads[i], data_get(x->call->dtype, x->call->grad, i), "grad", i);
}

static void add_up(const context *x, const walk *w, total *sum) {
  const truth *t = &w->truth;
  if (w->ignored) sum->ignored++;
  sum->degenerate += t->degenerate != 0;
  if (w->ignored || w->weight == 0) return;
  sum->loss += w->weight * t->loss;
  sum->size += fabsl(w->weight) * fmaxl(fabsl(t->loss), t->loss_size);
  sum->weight += fabsl(w->weight);
  sum->exceeds |= exceeds(x, t->loss, w->weight);
  /* inf - inf: in the type, or of the truth too */
  trust both = isnan(sum->loss) ? TRUST_NOTHING : TRUST_NOT_NAN;
  if (sum->exceeds == (ABOVE | BELOW) && sum->trust < both) sum->trust = both;
  if (t->trust > sum->trust) sum->trust = t->trust;
}

static void check_reduced(const context *x, const total *sum) {
  wide factor = x->options->scale;
  if (x->options->reduction == VLOSS_MEAN) factor /= x->denominator;
  if (x->mean_of_nothing) factor = 0;
  expected e = {
      factor == 0 ? 0 : factor * sum->loss,
      fabsl(factor) * (oracle_loss_bound(x->call->dtype) * sum->size + x->tiny * sum->weight) +
          x->tiny + oracle_smallest(F64),
      sides_times(sum->exceeds, factor), trust_of_nan(x, sum->loss, sum->trust)};
  wide got = data_get(x->call->dtype, x->call->loss_out, 0);
  hold(x, &x->verdict->reduced, e, got, "reduced loss", 0);
}

static void check_report(const context *x, const total *sum, size_t samples) {
  const vloss_report *r = x->options->report;
  if (r == NULL) return;
  expected e = {
      x->call->loss_out != NULL ? sum->loss : 0,
      oracle_loss_bound(x->call->dtype) * sum->size + x->tiny * sum->weight + oracle_smallest(F64),
      sum->exceeds, sum->trust};
  hold(x, &x->verdict->reduced, e, r->sum, "report.sum", 0);
  if (r->ignored != sum->ignored || r->counted != samples - sum->ignored)
    fail(x, "report counts %zu and ignores %zu, expected %zu and %zu", r->counted, r->ignored,
         samples - sum->ignored, sum->ignored);
  if (r->degenerate != sum->degenerate)
    fail(x, "report.degenerate is %zu, expected %zu", r->degenerate, sum->degenerate);
  wide bound = oracle_loss_bound(x->call->loss->family == VLOSS_BOXES ? x->call->dtype : F64);
  if (x->trust == TRUST_ACCURATE &&
      fabsl(r->weight - x->denominator) > bound * x->slack * x->denominator)
    fail(x, "report.weight is %.20g, expected %.20Lg", r->weight, x->denominator);
  if (r->bad_label != SIZE_MAX || r->argument != NULL) fail(x, "the report names an error");
}

/* The mean's denominator: weights of classes, or of boxes, make it more than a count. */
static void make_denominator(context *x, walk *w, size_t samples) {
  int weighed = call_get(x->call, "normalize") != 0;
  wide size = 0;
  x->denominator = 0;
  x->slack = 1;
  for (size_t i = 0; i < samples; i++) {
    if (weighed)
      walk_truth(w, i);
    else
      walk_sample(w, i);
    if (isnan(w->truth.share)) continue;
    x->denominator += w->truth.share;
    size += isnan(w->truth.share_size) ? 0 : w->truth.share_size;
    if (weighed && w->truth.trust > x->trust) x->trust = w->truth.trust;
  }
  if (weighed && x->denominator > 0) x->slack = 1 + size / x->denominator;
  if (x->options->divisor > 0 || x->options->reduction != VLOSS_MEAN) x->trust = TRUST_ACCURATE;
  if (weighed && x->options->reduction != VLOSS_MEAN) {
    x->denominator = (wide)samples;
    x->slack = 1;
  }
  if (x->options->divisor > 0) x->denominator = x->options->divisor;
  x->mean_of_nothing = x->options->reduction == VLOSS_MEAN && x->denominator == 0;
}

void oracle_check(const call *c, const void *input, verdict *v) {
  static const vloss_options defaults = VLOSS_OPTIONS_INIT;
  size_t samples = call_samples(c);
  context x = {.call = c, .options = c->options != NULL ? c->options : &defaults, .verdict = v};
  total sum = {0, 0, 0, 0, TRUST_ACCURATE, 0, 0};
  walk w = walk_begin(c, input);
  x.tiny = oracle_ulp(c->dtype, 0);
  make_denominator(&x, &w, samples);
  if (c->grad != NULL && oracle_is_coupled(c)) {
    x.grads = calloc(call_elements(c) + 1, sizeof *x.grads);
    if (x.grads == NULL) abort();
  }
  for (size_t i = 0; i < samples; i++) {
    walk_truth(&w, i);
    x.sample = &w.sample;
    add_up(&x, &w, &sum);
    if (c->loss_out != NULL && x.options->reduction == VLOSS_NONE) check_loss(&x, &w);
    if (c->grad != NULL) check_grad(&x, &w);
  }
  x.sample = NULL;
  check_shared_grads(&x);
  free(x.grads);
  if (c->loss_out != NULL && x.options->reduction != VLOSS_NONE) check_reduced(&x, &sum);
  check_report(&x, &sum, samples);
  walk_end(&w);
}
