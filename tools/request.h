/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `vloss eval`. */
#ifndef VLOSS_TOOLS_REQUEST_H
#define VLOSS_TOOLS_REQUEST_H

#include <vloss/vloss.h>

#include "call.h"

/* The arrays that eval reads, and then those that it writes. */
enum { INPUT, TARGET, VARIANCE, WEIGHT, CLASS_WEIGHT, POSITIVE_WEIGHT, GRAD_OUTPUT, ARRAYS };
enum { GRAD = ARRAYS, GRAD_VARIANCE, LOSS, FILES };

typedef struct request {
  call call;                /* the loss and its parameters; no loss with `help` alone */
  const char *paths[FILES]; /* NULL: not given */
  vloss_reduction reduction;
  double divisor, scale;
  size_t group_axes; /* overlap: the first axes, which count images */
  int classes_last;
  const char *isa;
  size_t threads, repeat;
  int json, help;
} request;

extern const char *const reduction_names[3]; /* by vloss_reduction */

/* The option of a file, without dashes. */
const char *file_option(int id);

/* Returns 0, or an exit code after saying what is wrong. With `help` set nothing else counts. */
int read_request(int argc, char **argv, request *r);

/* The options, and the parameters of one loss or (NULL) of all. */
void print_eval_help(const vloss_loss *loss);

#endif
