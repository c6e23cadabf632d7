/* SPDX-License-Identifier: Apache-2.0 */
/* Do extreme parameters, options and weights, whose products leave the type, meet extreme data
 * without NaN and with the right signs, and is a factor of 0 a result of 0? */
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "mode.h"
#include "oracle.h"
#include "testing.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Numbers at the ends of both types, and of what a product of two of them can hold. */
static double extreme(rng *r) {
  static const double values[] = {0, -0.0, 0x1p-1074, 1e-300, 0x1p-149, 0x1p-126, 1e-20, 0.25,
                                  1, 2.5,  1e3,       1e20,   1e30,     1e38,     1e150, 1e300};
  size_t choice = rng_below(r, COUNT(values) + 2);
  if (choice == COUNT(values)) return (double)FLT_MAX;
  return choice > COUNT(values) ? DBL_MAX : values[choice];
}

/* The same as a number of the dtype. */
static double extreme_of(rng *r, dtype type) {
  return fmin(extreme(r), type == F32 ? (double)FLT_MAX : DBL_MAX);
}

/* Different ones, or one: whose sum with others is out of the type or just in it. */
static void fill_extremes(rng *r, dtype type, void *array, size_t count, int both_signs) {
  int same = rng_below(r, 4) == 0;
  double value = extreme_of(r, type);
  for (size_t i = 0; array != NULL && i < count; i++) {
    if (!same) value = extreme_of(r, type);
    data_set(type, array, i, both_signs ? rng_signed(r, value) : value);
  }
}

/* Each number among the parameters may be extreme; the rules between them hold. */
static void set_parameters(rng *r, call *c) {
  for (size_t k = 0; k < c->loss->parameter_count; k++) {
    const vloss_parameter *p = &c->loss->parameters[k];
    if (p->choices != NULL) {
      c->parameters[k] = (double)rng_below(r, (size_t)p->high + 1);
    } else if (!p->whole && rng_below(r, 2)) {
      double value = extreme(r);
      if (value >= p->low && value <= p->high) c->parameters[k] = value;
      if (rng_below(r, 8) == 0) c->parameters[k] = rng_below(r, 2) ? p->low : p->high;
    }
  }
  if (call_get(c, "log") == 1) {
    (void)call_set(c, "gamma", 1);
    if (call_get(c, "smoothing") == 0) (void)call_set(c, "smoothing", 1e-5);
  }
}

/* Certain, impossible, equal: where slopes are 0. */
static void add_saturation(rng *r, problem *p) {
  static const double logits[] = {0, 200, -200, 1e4, -1e4, 1e30, -1e30};
  const call *c = &p->call;
  int probabilities = strcmp(c->loss->name, "entropy") == 0;
  for (size_t i = 0; i < p->elements && c->loss->family != VLOSS_BOXES; i++) {
    if (rng_below(r, 4)) continue;
    double value = probabilities ? (double)rng_below(r, 2) : logits[rng_below(r, COUNT(logits))];
    if (c->loss->family != VLOSS_OVERLAP || call_get(c, "activation") != 0)
      data_set(c->dtype, p->input, i, value);
  }
}

static void set_options(rng *r, problem *p) {
  dtype type = p->call.dtype;
  vloss_options *o = &p->options;
  size_t upstreams = o->reduction == VLOSS_NONE ? p->samples : 1;
  double scale = extreme(r);
  o->scale = rng_below(r, 3) ? 1 : rng_signed(r, scale);
  if (o->divisor != 0) o->divisor = fabs(extreme(r));
  fill_extremes(r, type, p->weight, p->samples, 0);
  fill_extremes(r, type, p->grad_output, upstreams, 1);
  if (p->class_weight != NULL) fill_extremes(r, type, p->class_weight, p->call.shape[1], 0);
}

static const char *describe(const problem *p) {
  static char text[CASE_NAME + 256], name[CASE_NAME];
  const vloss_options *o = &p->options;
  (void)snprintf(text, sizeof text, "%s of %zu,%zu,%zu, reduction %d, scale %g, divisor %g%s%s%s",
                 case_name(&p->call, name, sizeof name), p->call.shape[0], p->call.shape[1],
                 p->call.shape[2], (int)o->reduction, o->scale, o->divisor,
                 p->weight ? ", weights" : "", p->class_weight ? ", class weights" : "",
                 p->grad_output ? ", upstream" : "");
  return text;
}

/* The first failures of a loss are shown. */
static size_t failures, shown;

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static void
complain(const problem *p, const char *format, ...) {
  enum { SHOWN = 3 };
  failures++;
  if (shown++ >= SHOWN && !mode_set("VLOSS_TEST_SHOW_ALL")) return;
  va_list arguments;
  va_start(arguments, format);
  printf("%s: ", describe(p));
  (void)vprintf(format, arguments);
  printf("\n");
  va_end(arguments);
}

/* Inputs whose sums or products leave the type, of which the header promises nothing. */
static int is_promised(const problem *p, const walk *w) {
  const sample *s = &w->sample;
  if (s->call->loss->family == VLOSS_OVERLAP)
    for (size_t k = 0; k < s->count; k++)
      if (fabsl(s->target[k]) > 1e6L ||
          (call_get(s->call, "activation") == 0 && fabsl(s->input[k]) > 1e6L))
        return 0;
  return !isnan(w->truth.loss) && w->truth.trust != TRUST_NOTHING &&
         p->call.loss->family <= VLOSS_OVERLAP;
}

/* A number of the dtype: what is below its smallest is 0. */
static wide narrow(const problem *p, wide value) {
  wide largest = oracle_largest(p->call.dtype);
  if (fabsl(value) <= oracle_ulp(p->call.dtype, 0) * 0.5L) return 0;
  return fmaxl(-largest, fminl(largest, value));
}

/* What multiplies the gradient of a sample, kept in the type at each step. */
static wide factor_of(const problem *p, const walk *w) {
  const vloss_options *o = &p->options;
  int none = o->reduction == VLOSS_NONE, group = p->call.loss->family == VLOSS_OVERLAP;
  wide factor = o->scale, own = 1;
  if (p->grad_output != NULL) own = data_get(p->call.dtype, p->grad_output, none ? w->index : 0);
  if (!none) factor *= own;
  if (o->reduction == VLOSS_MEAN) factor = p->report.weight > 0 ? factor / p->report.weight : 0;
  if (group) return narrow(p, factor * w->weight * (none ? own : 1));
  factor = narrow(p, narrow(p, factor) * w->weight);
  return none ? narrow(p, factor * own) : factor;
}

static void check_sign(const problem *p, double got, wide right, wide size, const char *what,
                       size_t at) {
  wide noise = 8 * oracle_grad_bound(p->call.dtype) * size;
  if (isinf(got) && fabsl(right) > noise && (got > 0) != (right > 0))
    complain(p, "%s %zu is %g, expected %Lg", what, at, got, right);
}

static void check_sample(const problem *p, const walk *w) {
  const truth *t = &w->truth;
  dtype type = p->call.dtype;
  wide factor = factor_of(p, w);
  int promised = is_promised(p, w), coupled = oracle_is_coupled(&p->call);
  for (size_t k = 0; k < w->sample.count && !coupled; k++) {
    double got = (double)walk_written(w, k);
    size_t at = walk_element(w, k);
    if (factor == 0 && !(got == 0)) complain(p, "gradient %zu is %g, the factor 0", at, got);
    if (promised && isnan(got)) complain(p, "gradient %zu is NaN", at);
    if (promised && t->trust == TRUST_ACCURATE)
      check_sign(p, got, t->grad[k] * (factor < 0 ? -1 : 1), t->grad_size[k], "gradient", at);
  }
  if (p->options.reduction != VLOSS_NONE) return;
  double loss = data_get(type, p->loss, w->index), scale = p->options.scale;
  int nothing = w->weight == 0 || narrow(p, scale) == 0;
  if (nothing && !(loss == 0)) complain(p, "loss %zu is %g", w->index, loss);
  if (promised && isnan(loss)) complain(p, "loss %zu is NaN", w->index);
  if (promised) check_sign(p, loss, t->loss * (scale < 0 ? -1 : 1), t->loss_size, "loss", w->index);
}

/* Losses of both signs beyond the type may sum to NaN. */
static void check_problem(const problem *p) {
  walk w = walk_begin(&p->call, p->input);
  int promised = 1, above = 0, below = 0;
  for (size_t i = 0; i < p->samples; i++) {
    walk_truth(&w, i);
    check_sample(p, &w);
    promised &= is_promised(p, &w);
    above |= w.truth.loss > 0;
    below |= w.truth.loss < 0;
  }
  walk_end(&w);
  if (p->options.reduction == VLOSS_NONE) return;
  double loss = data_get(p->call.dtype, p->loss, 0);
  if (p->options.scale == 0 && !(loss == 0)) complain(p, "loss %g", loss);
  if (promised && !(above && below) && isnan(loss)) complain(p, "loss is NaN");
}

/* Every usable instruction set, against the first one. */
static void check_bits(problem *p) {
  dtype type = p->call.dtype;
  uint64_t first = 0;
  int any = 0;
  for (size_t k = 0; k < vloss_isa_count(); k++) {
    if (!vloss_isa_usable(k)) continue;
    assert_int_equal(vloss_set_isa(vloss_isa_name(k)), VLOSS_OK);
    uint64_t hash = DATA_HASH_INIT;
    vloss_status status = call_run(&p->call);
    if (status != VLOSS_OK) complain(p, "status %d", (int)status);
    hash = data_hash(hash, type, p->loss, p->loss_count);
    hash = data_hash(hash, type, p->grad, p->elements);
    if (p->variance != NULL) hash = data_hash(hash, type, p->grad_variance, p->elements);
    if (!any++) first = hash;
    if (hash != first) complain(p, "other bits on %s", vloss_isa_name(k));
  }
  assert_int_equal(vloss_set_isa(NULL), VLOSS_OK);
}

static void try_one(rng *r, const vloss_loss *loss, dtype type) {
  static const size_t sizes[] = {1, 3, 20, 70};
  size_t shape[3], variant = rng_below(r, 6), n = sizes[rng_below(r, COUNT(sizes))];
  while (!case_shape(loss->family, n, variant, shape)) variant = rng_below(r, 6);
  call c = call_init(loss, type);
  set_parameters(r, &c);
  data_kind kind = (data_kind)rng_below(r, DATA_KINDS);
  unsigned extras = (unsigned)rng_below(r, EXTRA_ALL + 1);
  vloss_reduction reduction = (vloss_reduction)rng_below(r, VLOSS_NONE + 1);
  problem *p = problem_new(r, &c, shape, kind, reduction, extras);
  set_options(r, p);
  if (rng_below(r, 2)) add_saturation(r, p);
  check_bits(p);
  check_problem(p);
  problem_free(p);
}

static void test_extremes(void **state) {
  (void)state;
  size_t count, tries = mode_full() ? 20000 : mode_emulated() ? 20 : 300;
  const vloss_loss *losses = chosen_losses(&count);
  for (size_t i = 0; i < count; i++)
    for (dtype type = F32; type < DTYPE_COUNT; type++) {
      rng r = rng_init(data_seed(), 2 * i + type);
      shown = 0;
      for (size_t k = 0; k < tries; k++) try_one(&r, &losses[i], type);
    }
  assert_int_equal(failures, 0);
}

/* Shares of the largest weight, which add up to it, more or less, beside a certain class. */
static void test_largest_weights(void **state) {
  (void)state;
  enum { MOST = 70 };
  float logits[MOST] = {200}, weights[MOST], target[MOST] = {1}, loss[2], grad[2][MOST];
  const uint8_t label = 0;
  vloss_options options = VLOSS_OPTIONS_INIT;
  vloss_cross_entropy_options hard = VLOSS_CROSS_ENTROPY_OPTIONS_INIT;
  vloss_soft_options soft = VLOSS_SOFT_OPTIONS_INIT;
  options.divisor = 1e30;
  hard.class_weight = soft.class_weight = weights;
  hard.smoothing = soft.smoothing = 1;
  for (size_t k = 0; k < MOST; k++) weights[k] = FLT_MAX;
  for (size_t n = 1; n <= MOST; n++) {
    assert_int_equal(vloss_cross_entropy_f32(logits, (vloss_labels){&label, VLOSS_LABEL_UINT8}, 1,
                                             n, 1, &hard, &options, &loss[0], grad[0]),
                     VLOSS_OK);
    assert_int_equal(
        vloss_cross_entropy_soft_f32(logits, target, 1, n, 1, &soft, &options, &loss[1], grad[1]),
        VLOSS_OK);
    for (size_t k = 0; k < 2; k++) {
      assert_true(loss[k] >= 0);
      for (size_t i = 0; i < n; i++) assert_true(isfinite(grad[k][i]));
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_extremes),
                                     cmocka_unit_test(test_largest_weights)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
