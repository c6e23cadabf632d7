/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "implementation.h"

/* Odd in every way: whole vectors, and a tail. */
static const size_t shapes[][3] = {
    [VLOSS_ELEMENTS] = {1003},
    [VLOSS_BOXES] = {251},
    [VLOSS_ROWS] = {7, 37, 5},
    [VLOSS_OVERLAP] = {3, 351},
};

/* Relative to the loss and the largest slope; enough for a thousand floats summed in one lane. */
static const double tolerance[] = {[F32] = 1e-5, [F64] = 1e-12};

static double value(const void *array, dtype type, size_t i) {
  return type == F32 ? (double)((const float *)array)[i] : ((const double *)array)[i];
}

/* Largest difference over largest size. */
static double difference(const void *a, const void *b, dtype type, size_t count) {
  double largest = 0.0, size = 0.0;
  for (size_t i = 0; i < count; i++) {
    double distance = fabs(value(a, type, i) - value(b, type, i));
    if (isnan(distance)) return distance;
    largest = fmax(largest, distance);
    size = fmax(size, fabs(value(b, type, i)));
  }
  return largest == 0.0 ? 0.0 : largest / size;
}

typedef struct result {
  double loss[1];
  void *grad;
} result;

static int run(const implementation *how, const call *shape, result *out) {
  call c = *shape;
  memset(out->loss, 0, sizeof out->loss);
  memset(out->grad, 0xff, call_elements(&c) * dtype_size(c.dtype));
  c.loss_out = out->loss;
  c.grad = out->grad;
  implementation_select(how);
  return implementation_run(how, &c);
}

static int check_one(const implementation *how, const call *c, const result *truth, result *out) {
  if (run(how, c, out) == 0) {
    double loss = difference(out->loss, truth->loss, c->dtype, 1);
    double grad = difference(out->grad, truth->grad, c->dtype, call_elements(c));
    if (loss <= tolerance[c->dtype] && grad <= tolerance[c->dtype]) return 0;
    fprintf(stderr, "%s/%s/%s: loss off by %g, gradient by %g\n", c->loss->name,
            dtype_name(c->dtype), how->name, loss, grad);
  } else {
    fprintf(stderr, "%s/%s/%s failed\n", c->loss->name, dtype_name(c->dtype), how->name);
  }
  return 1;
}

static int check_loss(const vloss_loss *loss, dtype type) {
  implementation found[MAX_IMPLEMENTATIONS];
  size_t count = implementations(loss, type, found);
  call c = call_init(loss, type);
  memcpy(c.shape, shapes[loss->family], sizeof c.shape);
  data_fill(&c);
  size_t bytes = call_elements(&c) * dtype_size(type);
  result truth = {.grad = malloc(bytes)}, out = {.grad = malloc(bytes)};
  int wrong = truth.grad == NULL || out.grad == NULL || run(&found[0], &c, &truth) != 0;
  for (size_t i = 1; !wrong && i < count; i++)
    if (!found[i].idle) wrong += check_one(&found[i], &c, &truth, &out);
  free(truth.grad);
  free(out.grad);
  return wrong;
}

int check_implementations(void) {
  size_t losses;
  int wrong = 0;
  const vloss_loss *loss = vloss_losses(&losses);
  for (size_t i = 0; i < losses; i++)
    for (int type = 0; type < DTYPE_COUNT; type++) wrong += check_loss(&loss[i], (dtype)type);
  return wrong;
}
