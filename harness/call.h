/* SPDX-License-Identifier: Apache-2.0 */
/* One call of any loss of the registry, described by data: what tests, benches and the command line
 * tool share, so that none of them keeps a list of losses. */
#ifndef VLOSS_HARNESS_CALL_H
#define VLOSS_HARNESS_CALL_H

#include <vloss/vloss.h>

typedef enum dtype { F32 = VLOSS_F32, F64 = VLOSS_F64, DTYPE_COUNT = 2 } dtype;

enum { CALL_MAX_PARAMETERS = 16 };

typedef struct call {
  const vloss_loss *loss; /* a row of vloss_losses() */
  dtype dtype;
  const void *input;  /* logits for rows */
  const void *target; /* what loss->arrays says is read */
  const void *variance;
  vloss_labels labels;
  const void *class_weight; /* or positive_weight */
  /* elements: n, and where positives are weighed classes, inner; boxes: n; rows: n, classes,
   * inner; overlap: groups, size, channels */
  size_t shape[3];
  double parameters[CALL_MAX_PARAMETERS]; /* in the order of loss->parameters */
  int64_t rests[CALL_MAX_PARAMETERS];     /* of whole numbers: what their doubles leave out */
  const vloss_options *options;
  void *loss_out;
  void *grad, *grad_variance;
} call;

/* A call of `loss` with default parameters and everything else empty. */
call call_init(const vloss_loss *loss, dtype type);

/* Set a parameter by name; 0 if the loss has none of that name. */
int call_set(call *c, const char *name, double value);
double call_get(const call *c, const char *name);

/* Set a parameter that is a whole number, to the last digit. */
void call_set_whole(call *c, size_t parameter, int64_t value);

vloss_status call_run(const call *c);

size_t dtype_size(dtype type);
const char *dtype_name(dtype type); /* "f32", "f64" */
const char *family_name(vloss_family family);

/* Elements of the input (and gradient, and target where there is one), and samples. */
size_t call_elements(const call *c);
size_t call_samples(const call *c);

/* The sample of an element of the input. */
size_t call_sample_of(const call *c, size_t element);

#endif
