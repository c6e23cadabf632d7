/* SPDX-License-Identifier: Apache-2.0 */
/* What the operations on states of <vloss/state.h> share. States are arrays of their words. */
#ifndef VLOSS_PYTHON_STATE_H
#define VLOSS_PYTHON_STATE_H

#include <vloss/state.h>

#include "score.h"

enum {
  SOFTMAX_WORDS = sizeof(vloss_softmax_state) / sizeof(int64_t),
  EXACT_WORDS = sizeof(vloss_exact_sum) / sizeof(int64_t),
  GROUP_WORDS = sizeof(vloss_group_sums) / sizeof(int64_t)
};

/* int64 in C order, of that many words a row, to be read and written where it lies. */
array *read_states(scoring *s, const char *name, PyObject *object, size_t words);

/* The fields that a loss has in its family's options struct, from a tuple of their values. */
int read_fields(scoring *s, const vloss_loss *loss, PyObject *values, void *options);

/* A loss by its name. */
const vloss_loss *read_loss(scoring *s, const char *name);

#endif
