/* SPDX-License-Identifier: Apache-2.0 */
#include "cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const vloss_loss *chosen_losses(size_t *count) {
  const vloss_loss *all = vloss_losses(count), *one = vloss_find_loss(getenv("VLOSS_TEST_LOSS"));
  if (one == NULL) return all;
  *count = 1;
  return one;
}

enum { VALUES = 16, MIXTURES = 24 };

static void add(double *values, size_t *count, const vloss_parameter *p, double value) {
  if (!(value >= p->low && value <= p->high) || value == p->value) return;
  for (size_t i = 0; i < *count; i++)
    if (values[i] == value) return;
  values[(*count)++] = value;
}

/* Values worth trying for a parameter, its default left out. */
static size_t candidates(const vloss_parameter *p, double *values) {
  size_t count = 0;
  if (p->choices != NULL) {
    double choice = 0;
    add(values, &count, p, choice);
    for (const char *c = p->choices; *c != 0; c++)
      if (*c == '|') add(values, &count, p, ++choice);
    return count;
  }
  if (p->whole) { /* an index */
    add(values, &count, p, 1);
    add(values, &count, p, 255);
    return count;
  }
  if (p->low < -1e6) add(values, &count, p, -1);
  add(values, &count, p, p->low);
  if (p->high <= 1e6) add(values, &count, p, p->high);
  if (p->high == 1) add(values, &count, p, 0.9999);
  if (strcmp(p->name, "gamma") == 0 || strcmp(p->name, "beta") == 0) { /* some have own code */
    add(values, &count, p, 0.5);
    add(values, &count, p, 1);
    add(values, &count, p, 5);
  }
  add(values, &count, p, p->value == 0 ? 1e-7 : p->value * 0.3);
  add(values, &count, p, 0.25);
  add(values, &count, p, 3);
  return count;
}

/* The rules between parameters: log needs smoothing > 0 and gamma = 1. */
static void repair(call *c) {
  if (call_get(c, "log") == 1) {
    (void)call_set(c, "gamma", 1);
    if (call_get(c, "smoothing") == 0) (void)call_set(c, "smoothing", 1e-5);
  }
}

size_t case_settings(const vloss_loss *loss) {
  size_t count = 1;
  double values[VALUES];
  for (size_t i = 0; i < loss->parameter_count; i++)
    count += candidates(&loss->parameters[i], values);
  return loss->parameter_count > 1 ? count + MIXTURES : count;
}

static void mix(call *c, size_t number) {
  rng r = rng_init(1, number);
  for (size_t i = 0; i < c->loss->parameter_count; i++) {
    double values[VALUES];
    size_t count = candidates(&c->loss->parameters[i], values);
    if (count > 0 && rng_below(&r, 2)) c->parameters[i] = values[rng_below(&r, count)];
  }
}

call case_call(const vloss_loss *loss, dtype type, size_t setting) {
  call c = call_init(loss, type);
  size_t left = setting - 1;
  for (size_t i = 0; setting > 0 && i < loss->parameter_count; i++) {
    double values[VALUES];
    size_t count = candidates(&loss->parameters[i], values);
    if (left < count) {
      c.parameters[i] = values[left];
      break;
    }
    left -= count;
    if (i + 1 == loss->parameter_count) mix(&c, left);
  }
  repair(&c);
  return c;
}

char *case_name(const call *c, char *buffer, size_t size) {
  size_t used = (size_t)snprintf(buffer, size, "%s %s", c->loss->name, dtype_name(c->dtype));
  for (size_t i = 0; i < c->loss->parameter_count && used < size; i++) {
    const vloss_parameter *p = &c->loss->parameters[i];
    if (c->parameters[i] != p->value)
      used += (size_t)snprintf(buffer + used, size - used, " %s=%g", p->name, c->parameters[i]);
  }
  return buffer;
}

int case_shape(vloss_family family, size_t n, size_t variant, size_t shape[3]) {
  static const size_t rows[][3] = {{0, 1, 1},  {0, 2, 1}, {0, 10, 1},
                                   {0, 33, 1}, {3, 0, 1}, {2, 5, 0}};
  /* groups, size, channels; -: n times as many */
  static const int groups[][3] = {{1, -1, 1}, {-1, 3, 1}, {3, -1, 1}, {2, -3, 3}, {-1, 5, 5}};
  size_t variants = family == VLOSS_ROWS ? 6 : family == VLOSS_OVERLAP ? 5 : 1;
  if (variant >= variants) return 0;
  shape[0] = n;
  shape[1] = shape[2] = 1;
  if (family == VLOSS_ROWS)
    for (size_t i = 0; i < 3; i++) shape[i] = rows[variant][i] ? rows[variant][i] : n;
  if (family == VLOSS_ROWS && shape[1] == 0) shape[1] = 1;
  if (family == VLOSS_OVERLAP)
    for (size_t i = 0; i < 3; i++) {
      int count = groups[variant][i];
      shape[i] = count < 0 ? (size_t)-count * n : (size_t)count;
    }
  return 1;
}

static void *array(size_t count, size_t size) {
  void *memory = malloc(count * size + 1);
  if (memory == NULL) {
    fprintf(stderr, "out of memory: %zu values\n", count);
    abort();
  }
  memset(memory, 0x5a, count * size + 1);
  return memory;
}

static void make_labels(rng *r, problem *p, int ignore) {
  vloss_label_type type = (vloss_label_type)rng_below(r, 3);
  p->labels = array(p->samples, data_label_size(type));
  if (p->call.shape[1] > 0) data_fill_labels(r, &p->call, p->samples, ignore, type, p->labels);
  p->call.labels = (vloss_labels){p->labels, type};
}

/* Weights of positives: one, or of classes that divide the samples. */
static void make_positive_weights(rng *r, problem *p) {
  size_t *shape = p->call.shape, n = shape[0];
  static const size_t sizes[] = {1, 2, 3, 5, 64};
  size_t classes = sizes[rng_below(r, 5)], inner = sizes[rng_below(r, 5)];
  if (n % (classes * inner) == 0) {
    shape[1] = classes;
    shape[2] = inner;
  } else if (rng_below(r, 2) && n > 0) {
    shape[1] = n;
  }
  p->call.class_weight = p->class_weight = array(shape[1], dtype_size(p->call.dtype));
  data_fill_weights(r, p->call.dtype, shape[1], p->class_weight);
}

static void make_extras(rng *r, problem *p, unsigned extras) {
  dtype type = p->call.dtype;
  if (extras & EXTRA_WEIGHT) {
    p->options.weight = p->weight = array(p->samples, dtype_size(type));
    data_fill_weights(r, type, p->samples, p->weight);
  }
  if (extras & EXTRA_GRAD_OUTPUT) {
    size_t count = p->options.reduction == VLOSS_NONE ? p->samples : 1;
    p->options.grad_output = p->grad_output = array(count, dtype_size(type));
    data_fill_upstream(r, type, count, p->grad_output);
  }
  if (extras & EXTRA_CLASS_WEIGHT && p->call.loss->arrays & VLOSS_ARRAY_CLASS_WEIGHT) {
    p->call.class_weight = p->class_weight = array(p->call.shape[1], dtype_size(type));
    data_fill_weights(r, type, p->call.shape[1], p->class_weight);
  }
  if (extras & EXTRA_CLASS_WEIGHT && p->call.loss->arrays & VLOSS_ARRAY_POSITIVE_WEIGHT)
    make_positive_weights(r, p);
  if (extras & EXTRA_DIVISOR) p->options.divisor = 3.5;
  if (extras & EXTRA_SCALE) p->options.scale = 1.75;
}

static void make_variance(rng *r, problem *p, data_kind kind) {
  size_t size = dtype_size(p->call.dtype);
  p->call.variance = p->variance = array(p->elements, size);
  p->call.grad_variance = p->grad_variance = array(p->elements, size);
  data_fill_variance(r, kind, &p->call, p->variance);
}

problem *problem_new(rng *r, const call *from, const size_t shape[3], data_kind kind,
                     vloss_reduction reduction, unsigned extras) {
  problem *p = array(1, sizeof *p);
  *p = (problem){.call = *from, .options = VLOSS_OPTIONS_INIT, .report = VLOSS_REPORT_INIT};
  size_t size = dtype_size(from->dtype);
  memcpy(p->call.shape, shape, sizeof p->call.shape);
  p->elements = call_elements(&p->call);
  p->samples = call_samples(&p->call);
  p->options.reduction = reduction;
  p->options.report = &p->report;
  p->call.options = &p->options;
  p->loss_count = reduction == VLOSS_NONE ? p->samples : 1;
  p->call.input = p->input = array(p->elements, size);
  if (from->loss->arrays & VLOSS_ARRAY_LABELS) make_labels(r, p, (extras & EXTRA_IGNORED) != 0);
  if (from->loss->arrays & VLOSS_ARRAY_TARGET)
    p->call.target = p->target = array(p->elements, size);
  data_fill(r, kind, &p->call, p->input, p->target);
  if (from->loss->arrays & VLOSS_ARRAY_VARIANCE) make_variance(r, p, kind);
  make_extras(r, p, extras);
  p->call.loss_out = p->loss = array(p->loss_count, size);
  p->call.grad = p->grad = array(p->elements, size);
  return p;
}

void problem_free(problem *p) {
  void *arrays[] = {p->input,        p->target,      p->variance, p->labels, p->weight,
                    p->class_weight, p->grad_output, p->loss,     p->grad,   p->grad_variance};
  for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) free(arrays[i]);
  free(p);
}

void for_each_isa(void (*check)(const void *context), const void *context) {
  for (size_t i = 0; i < vloss_isa_count(); i++) {
    if (!vloss_isa_usable(i)) continue;
    if (vloss_set_isa(vloss_isa_name(i)) != VLOSS_OK) abort();
    check(context);
  }
  if (vloss_set_isa(NULL) != VLOSS_OK) abort();
}
