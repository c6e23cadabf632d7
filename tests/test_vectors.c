/* SPDX-License-Identifier: Apache-2.0 */
/* Do the losses give the numbers that other libraries publish? */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "data.h"
#include "testing.h"
#include "vectors.h"
#include "vectors_boxes.h"

static void check_near(const vector *v, dtype type, const char *part, size_t i, double got,
                       double expected) {
  if (!(fabs(got - expected) <= v->tolerance))
    fail_msg("%s %s: %s[%zu] is %.9g, published is %.9g", v->what, dtype_name(type), part, i, got,
             expected);
}

static int has_grad(const vector *v) {
  for (size_t i = 0; i < MOST; i++)
    if (v->grad[i] != 0) return 1;
  return 0;
}

static void check(const vector *v, dtype type) {
  double input[MOST], target[MOST], loss[MOST], grad[MOST], alpha[MOST]; /* also hold floats */
  int64_t labels[MOST];
  vloss_options options = VLOSS_OPTIONS_INIT;
  const vloss_loss *row = vloss_find_loss(v->loss_name);
  if (row == NULL) fail_msg("no loss %s", v->loss_name);
  options.reduction = v->reduction;
  if (v->scale != 0) options.scale = v->scale;
  call c = call_init(row, type);
  memcpy(c.shape, v->shape, sizeof c.shape);
  for (const setting *s = v->settings; s < v->settings + SETTINGS && s->name != NULL; s++)
    assert_true(call_set(&c, s->name, s->value));
  for (size_t i = 0; i < MOST; i++) {
    data_set(type, input, i, v->input[i]);
    data_set(type, target, i, v->target[i]);
    data_set(type, alpha, i, v->alpha);
    labels[i] = (int64_t)v->target[i];
  }
  if (v->alpha > 0) c.class_weight = alpha;
  c.input = input;
  if (row->arrays & VLOSS_ARRAY_LABELS)
    c.labels = (vloss_labels){labels, VLOSS_LABEL_INT64};
  else
    c.target = target;
  c.options = &options;
  c.loss_out = loss;
  c.grad = grad;
  assert_int_equal(call_run(&c), VLOSS_OK);
  for (size_t i = 0; i < v->loss_count; i++) {
    double got = data_get(type, loss, i);
    check_near(v, type, "loss", i, v->complement == 1 ? 1 - got : got, v->loss[i]);
  }
  for (size_t i = 0; has_grad(v) && i < call_elements(&c); i++)
    check_near(v, type, "gradient", i, data_get(type, grad, i), v->grad[i]);
}

static void check_all(const vector *list, size_t count) {
  for (size_t i = 0; i < count; i++)
    for (dtype type = F32; type < DTYPE_COUNT; type++) check(&list[i], type);
  printf("%zu published vectors in f32 and f64 on %s\n", count, vloss_isa());
}

static void published_numbers(void **state) {
  (void)state;
  check_all(vectors, sizeof vectors / sizeof vectors[0]);
  check_all(box_vectors, sizeof box_vectors / sizeof box_vectors[0]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(published_numbers)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
