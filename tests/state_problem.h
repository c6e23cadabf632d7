/* SPDX-License-Identifier: Apache-2.0 */
/* Problems of rows of classes, and the calls that take parts of them. */
#ifndef VLOSS_TESTS_STATE_PROBLEM_H
#define VLOSS_TESTS_STATE_PROBLEM_H

#include <vloss/state.h>
#include <vloss/vloss.h>

#include "data.h"

enum { NUMBERS = 1 << 15, ROWS_MOST = 96, CLASSES_MOST = 6000 };

typedef enum row_loss { CROSS_ENTROPY, FOCAL, ENTROPY } row_loss;

typedef struct rows_problem {
  row_loss loss;
  dtype type;
  size_t n, classes, inner, rows;
  vloss_cross_entropy_options own;
  vloss_options options;
  double logits[NUMBERS], class_weight[CLASSES_MOST], weight[ROWS_MOST], upstream[ROWS_MOST];
  int64_t labels[ROWS_MOST];
} rows_problem;

typedef struct rows_result {
  double loss[ROWS_MOST], grad[NUMBERS];
} rows_result;

/* A loss, a dtype and sizes; returns whether they fit. Then everything else. */
int choose_problem(rng *r, rows_problem *p);
void fill_problem(rng *r, rows_problem *p);

/* The function of the loss and dtype. */
void run_whole(const rows_problem *p, rows_result *to);
vloss_status call_maximum(const rows_problem *p, const void *logits, const vloss_shard *s,
                          vloss_softmax_state *states);
vloss_status call_update(const rows_problem *p, const void *logits, const vloss_shard *s,
                         vloss_softmax_state *states);
vloss_status call_from_states(const rows_problem *p, const vloss_softmax_state *states,
                              const void *z, const vloss_shard *s, void *loss, void *grad);

#endif
