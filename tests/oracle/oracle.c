/* SPDX-License-Identifier: Apache-2.0 */
#include "oracle.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"

oracle_function *oracle_find(const char *name) {
  const oracle_row *const tables[] = {oracle_distances, oracle_binary, oracle_elements,
                                      oracle_boxes,     oracle_rows,   oracle_overlap};
  for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
    for (const oracle_row *row = tables[i]; row->name != NULL; row++)
      if (strcmp(row->name, name) == 0) return row->function;
  return NULL;
}

wide oracle_parameter(const sample *s, const char *name) { return call_get(s->call, name); }

wide oracle_narrow(const sample *s, const char *name) {
  double value = call_get(s->call, name);
  return s->call->dtype == F32 ? (wide)(float)fmin(value, (double)FLT_MAX) : (wide)value;
}

wide oracle_smallest(dtype type) { return type == F32 ? (wide)FLT_MIN : (wide)DBL_MIN; }
wide oracle_largest(dtype type) { return type == F32 ? (wide)FLT_MAX : (wide)DBL_MAX; }
wide oracle_loss_bound(dtype type) { return type == F32 ? 5e-7L : 1e-14L; }
wide oracle_grad_bound(dtype type) { return type == F32 ? 1e-6L : 1e-14L; }

wide oracle_ulp(dtype type, wide value) {
  int digits = type == F32 ? FLT_MANT_DIG : DBL_MANT_DIG;
  int lowest = (type == F32 ? FLT_MIN_EXP : DBL_MIN_EXP) - digits, exponent;
  (void)frexpl(value, &exponent);
  exponent -= digits;
  return ldexpl(1, value == 0 || exponent < lowest ? lowest : exponent);
}

static int is_softmax(const call *c) {
  return c->loss->family == VLOSS_OVERLAP && call_get(c, "activation") == VLOSS_SOFTMAX;
}

int oracle_is_coupled(const call *c) {
  double grouping = call_get(c, "grouping");
  return is_softmax(c) &&
         (grouping == VLOSS_GROUP_IMAGE_CHANNEL || grouping == VLOSS_GROUP_CHANNEL);
}

/* Those of a group; with a softmax all channels of its images. */
static size_t group_count(const call *c) {
  size_t image = c->shape[1], part = is_softmax(c) ? 1 : c->shape[2];
  switch ((vloss_grouping)(int)call_get(c, "grouping")) {
    case VLOSS_GROUP_IMAGE_CHANNEL: return image / part;
    case VLOSS_GROUP_CHANNEL: return c->shape[0] * (image / part);
    case VLOSS_GROUP_BATCH: return c->shape[0] * image;
    default: return image;
  }
}

static size_t sample_count(const call *c) {
  switch (c->loss->family) {
    case VLOSS_ELEMENTS: return c->loss->arrays & VLOSS_ARRAY_VARIANCE ? 2 : 1;
    case VLOSS_BOXES: return 4;
    case VLOSS_ROWS: return c->shape[1];
    default: return group_count(c);
  }
}

static int is_variance(const walk *w, size_t k) {
  return k == 1 && w->sample.call->loss->arrays & VLOSS_ARRAY_VARIANCE;
}

wide walk_written(const walk *w, size_t k) {
  const call *c = w->sample.call;
  if (is_variance(w, k)) return data_get(c->dtype, c->grad_variance, w->index);
  return data_get(c->dtype, c->grad, walk_element(w, k));
}

size_t walk_element(const walk *w, size_t k) {
  return w->first + k / w->run * w->stride + k % w->run;
}

/* Where a group lies, by the header. */
static void walk_group(walk *w) {
  const call *c = w->sample.call;
  size_t channels = c->shape[2], inner = channels ? c->shape[1] / channels : c->shape[1];
  size_t image = w->index;
  sample *s = &w->sample;
  s->channels = channels;
  s->inner = inner;
  s->channel = SIZE_MAX;
  switch ((vloss_grouping)(int)call_get(c, "grouping")) {
    case VLOSS_GROUP_BATCH: w->first = 0; return;
    case VLOSS_GROUP_IMAGE: return;
    case VLOSS_GROUP_IMAGE_CHANNEL:
      s->channel = w->index % channels;
      image = w->index / channels;
      w->first = is_softmax(c) ? image * c->shape[1] : w->index * inner;
      return;
    case VLOSS_GROUP_CHANNEL:
      s->channel = w->index;
      w->first = is_softmax(c) ? 0 : w->index * inner;
      if (is_softmax(c)) return;
      w->run = inner;
      w->stride = c->shape[1];
      return;
  }
}

walk walk_begin(const call *c, const void *input) {
  walk w = {.sample = {.call = c, .count = sample_count(c)}, .input = input};
  size_t count = w.sample.count;
  w.function = oracle_find(c->loss->name);
  w.memory = malloc((5 * count + 1) * sizeof(wide));
  if (w.memory == NULL || w.function == NULL) {
    fprintf(stderr, "no memory or no oracle for %s\n", c->loss->name);
    abort();
  }
  w.sample.input = w.memory;
  w.sample.target = w.memory + count;
  w.truth.grad = w.memory + 2 * count;
  w.truth.grad_size = w.memory + 3 * count;
  wide *class_weight = w.memory + 4 * count;
  if (c->loss->family == VLOSS_ROWS)
    for (size_t k = 0; k < count; k++)
      class_weight[k] = c->class_weight != NULL ? data_get(c->dtype, c->class_weight, k) : 1;
  w.sample.class_weight = class_weight;
  return w;
}

void walk_end(walk *w) { free(w->memory); }

/* Of element i of n x classes x inner. */
static wide positive_weight(const call *c, size_t i) {
  if (!(c->loss->arrays & VLOSS_ARRAY_POSITIVE_WEIGHT) || c->class_weight == NULL) return 1;
  return data_get(c->dtype, c->class_weight, i / c->shape[2] % c->shape[1]);
}

void walk_sample(walk *w, size_t index) {
  const call *c = w->sample.call;
  const void *weight = c->options != NULL ? c->options->weight : NULL;
  w->index = index;
  w->first = index * w->sample.count;
  w->stride = w->run = w->sample.count;
  if (c->loss->family == VLOSS_ELEMENTS) w->first = index;
  w->weight = weight != NULL ? data_get(c->dtype, weight, index) : 1;
  w->ignored = 0;
  w->sample.positive_weight = positive_weight(c, index);
  w->truth.share = w->truth.share_size = 1;
  if (c->loss->family == VLOSS_OVERLAP) walk_group(w);
  if (c->loss->family != VLOSS_ROWS) return;
  w->run = 1;
  w->stride = c->shape[2];
  w->first = index / w->stride * w->sample.count * w->stride + index % w->stride;
  if (!(c->loss->arrays & VLOSS_ARRAY_LABELS)) return;
  w->sample.label = data_label(&c->labels, index);
  w->ignored = (wide)w->sample.label == oracle_parameter(&w->sample, "ignore_index");
  if (w->ignored) /* by a label that need not be of a class */
    w->truth.share = 0;
  else if (strcmp(c->loss->name, "focal_softmax") != 0)
    w->truth.share = w->sample.class_weight[w->sample.label];
}

/* Of the log-probabilities of a row only the label's is read. */
static int is_read(const sample *s, size_t k) {
  return strcmp(s->call->loss->name, "nll") != 0 || (int64_t)k == s->label;
}

int oracle_owns(const sample *s, size_t k) {
  return !is_softmax(s->call) || s->channel == SIZE_MAX || k / s->inner % s->channels == s->channel;
}

int oracle_probable_target(const call *c) {
  static const char *const names[] = {"binary_cross_entropy", "cross_entropy_soft", "kl_div",
                                      "kl_div_with_logits", "js_div_with_logits"};
  if (c->loss->arrays & VLOSS_ARRAY_PROBABILITY) return 1;
  if (call_get(c, "log_target") != 0 || call_get(c, "teacher") != 0) return 0;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (strcmp(c->loss->name, names[i]) == 0) return 1;
  return 0;
}

int oracle_probable_input(const call *c) {
  return strcmp(c->loss->name, "binary_cross_entropy") == 0 ||
         strcmp(c->loss->name, "entropy") == 0;
}

/* What rounding has left outside [0, 1], up to 16 units in the last place of 1. */
static wide repaired(dtype type, wide p) {
  wide nearest = p < 0 ? 0 : p > 1 ? 1 : p, slack = type == F32 ? 0x1p-19L : 0x1p-48L;
  return fabsl(p - nearest) <= slack ? nearest : p;
}

/* Whether the sample holds a NaN; reads its values. */
static int gather(walk *w) {
  const call *c = w->sample.call;
  wide *input = w->memory, *target = w->memory + w->sample.count;
  int nan = 0, probable_input = oracle_probable_input(c);
  int probable_target = oracle_probable_target(c);
  for (size_t k = 0; k < w->sample.count; k++) {
    int further = is_variance(w, k);
    size_t at = further ? w->index : walk_element(w, k);
    input[k] = data_get(c->dtype, further ? c->variance : w->input, at);
    target[k] = c->loss->arrays & VLOSS_ARRAY_TARGET ? data_get(c->dtype, c->target, at) : 0;
    if (probable_input) input[k] = repaired(c->dtype, input[k]);
    if (probable_target) target[k] = repaired(c->dtype, target[k]);
    nan |= (isnan(input[k]) && is_read(&w->sample, k)) ||
           (isnan(target[k]) && oracle_owns(&w->sample, k));
  }
  return nan;
}

void walk_truth(walk *w, size_t index) {
  truth *t = &w->truth;
  walk_sample(w, index);
  int nan = gather(w), left_out = w->ignored || w->weight == 0;
  t->loss = t->loss_size = 0;
  t->grad_ulps = t->degenerate = 0;
  t->trust = TRUST_ACCURATE;
  if (!w->ignored) w->function(&w->sample, t);
  if (!left_out && !nan) return;
  if (w->weight == 0 && w->sample.call->loss->family == VLOSS_ROWS) t->degenerate = 0;
  t->loss = left_out ? 0 : (wide)NAN;
  t->loss_size = 0;
  t->trust = TRUST_ACCURATE;
  for (size_t k = 0; k < w->sample.count; k++) {
    t->grad[k] = t->loss;
    t->grad_size[k] = 0;
  }
}
