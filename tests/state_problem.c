/* SPDX-License-Identifier: Apache-2.0 */
#include "state_problem.h"

#include <math.h>
#include <string.h>

#include "executors.h"
#include "testing.h"

static vloss_labels labels_of(const rows_problem *p) {
  return (vloss_labels){p->labels, VLOSS_LABEL_INT64};
}

vloss_status call_maximum(const rows_problem *p, const void *logits, const vloss_shard *s,
                          vloss_softmax_state *states) {
  return p->type == F32 ? vloss_softmax_maximum_f32(logits, s, &p->own, NULL, states)
                        : vloss_softmax_maximum_f64(logits, s, &p->own, NULL, states);
}

vloss_status call_update(const rows_problem *p, const void *logits, const vloss_shard *s,
                         vloss_softmax_state *states) {
  vloss_labels labels = labels_of(p);
  int entropy = p->loss == ENTROPY;
  if (entropy) labels.data = NULL;
  return p->type == F32
             ? vloss_softmax_update_f32(logits, labels, s, &p->own, entropy, &p->options, states)
             : vloss_softmax_update_f64(logits, labels, s, &p->own, entropy, &p->options, states);
}

vloss_status call_from_states(const rows_problem *p, const vloss_softmax_state *states,
                              const void *z, const vloss_shard *s, void *loss, void *grad) {
  const vloss_options *o = &p->options;
  vloss_labels l = labels_of(p);
  if (p->type == F32) {
    if (p->loss == ENTROPY)
      return vloss_entropy_with_logits_from_states_f32(states, z, s, o, loss, grad);
    return p->loss == FOCAL
               ? vloss_focal_softmax_from_states_f32(states, z, l, s, &p->own, o, loss, grad)
               : vloss_cross_entropy_from_states_f32(states, z, l, s, &p->own, o, loss, grad);
  }
  if (p->loss == ENTROPY)
    return vloss_entropy_with_logits_from_states_f64(states, z, s, o, loss, grad);
  return p->loss == FOCAL
             ? vloss_focal_softmax_from_states_f64(states, z, l, s, &p->own, o, loss, grad)
             : vloss_cross_entropy_from_states_f64(states, z, l, s, &p->own, o, loss, grad);
}

void run_whole(const rows_problem *p, rows_result *to) {
  const vloss_options *o = &p->options;
  vloss_labels l = labels_of(p);
  vloss_status status;
  size_t n = p->n, classes = p->classes, inner = p->inner;
  memset(to, 0, sizeof *to);
  if (p->type == F32) {
    const float *z = (const void *)p->logits;
    float *loss = (void *)to->loss, *grad = (void *)to->grad;
    status = p->loss == ENTROPY ? vloss_entropy_with_logits_f32(z, n, classes, inner, o, loss, grad)
             : p->loss == FOCAL
                 ? vloss_focal_softmax_f32(z, l, n, classes, inner, &p->own, o, loss, grad)
                 : vloss_cross_entropy_f32(z, l, n, classes, inner, &p->own, o, loss, grad);
  } else {
    const double *z = p->logits;
    status = p->loss == ENTROPY
                 ? vloss_entropy_with_logits_f64(z, n, classes, inner, o, to->loss, to->grad)
             : p->loss == FOCAL
                 ? vloss_focal_softmax_f64(z, l, n, classes, inner, &p->own, o, to->loss, to->grad)
                 : vloss_cross_entropy_f64(z, l, n, classes, inner, &p->own, o, to->loss, to->grad);
  }
  assert_int_equal(status, VLOSS_OK);
}

static double logit(rng *r, size_t kind) {
  size_t which = rng_below(r, 200);
  if (kind == 0) return rng_between(r, -4, 4);
  if (kind == 1) return rng_below(r, 3) == 0 ? -INFINITY : rng_between(r, -30, 30);
  if (which == 0 && kind == 3) return (double)NAN;
  if (which == 1 && kind == 3) return INFINITY;
  if (which < 20) return -INFINITY;
  if (which < 22) return rng_between(r, -1e4, 1e4);
  return rng_between(r, 999, 1001);
}

int choose_problem(rng *r, rows_problem *p) {
  static const size_t sizes[] = {1, 2, 5, 63, 64, 65, 128, 200, 1000, 4097, 6000};
  p->loss = (row_loss)rng_below(r, 3);
  p->type = rng_below(r, 2) ? F64 : F32;
  p->n = 1 + rng_below(r, 40);
  p->inner = rng_below(r, 3) ? 1 : 1 + rng_below(r, 6);
  p->classes = sizes[rng_below(r, sizeof sizes / sizeof *sizes)];
  p->rows = p->n * p->inner;
  return p->rows <= ROWS_MOST && p->rows * p->classes <= NUMBERS;
}

void fill_problem(rng *r, rows_problem *p) {
  size_t kind = rng_below(r, 4);
  p->own = (vloss_cross_entropy_options)VLOSS_CROSS_ENTROPY_OPTIONS_INIT;
  p->options = (vloss_options)VLOSS_OPTIONS_INIT;
  p->options.reduction = VLOSS_NONE;
  if (rng_below(r, 3) == 0) p->options.executor = &executor_reversed;
  if (rng_below(r, 2)) p->options.weight = p->weight;
  if (rng_below(r, 2)) p->options.grad_output = p->upstream;
  data_fill_weights(r, p->type, p->rows, p->weight);
  data_fill_upstream(r, p->type, p->rows, p->upstream);
  data_fill_weights(r, p->type, p->classes, p->class_weight);
  if (p->loss != ENTROPY && rng_below(r, 2)) p->own.class_weight = p->class_weight;
  if (p->loss == CROSS_ENTROPY && rng_below(r, 2)) p->own.smoothing = rng_between(r, 0, 1);
  if (rng_below(r, 2)) p->own.gamma = rng_between(r, 0, 4);
  for (size_t i = 0; i < p->rows * p->classes; i++) data_set(p->type, p->logits, i, logit(r, kind));
  for (size_t i = 0; i < p->rows; i++)
    p->labels[i] = rng_below(r, 6) == 0 ? -100 : (int64_t)rng_below(r, p->classes);
  if (rng_below(r, 10) == 0)
    for (size_t i = 0; i < p->rows; i++) p->labels[i] = -100;
  for (size_t k = 0; rng_below(r, 4) == 0 && k < p->classes; k++) /* a row of masks */
    data_set(p->type, p->logits, k * p->inner, -INFINITY);
}
