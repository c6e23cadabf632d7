/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "api/check.h"
#include "api/evaluate.h"
#include "api/split.h"
#include "dispatch.h"
#include "registry.h"

enum { CHUNK_MULTIPLE = 2048, GRAIN = 1 << 15 };
enum { PARAMETERS_MOST = sizeof((pairwise_job *)0)->parameters / sizeof(double) };

/* A call: what pairwise losses have, and more. */
typedef struct flagged_call {
  enum loss_id id;
  int dtype;
  const void *input, *target, *variance;
  size_t n;
  const vloss_options *options;
  void *loss, *grad, *grad_variance;
} flagged_call;

/* The parameters, by numbers and flags. */
static void take_parameters(const vloss_loss *about, const double *values, pairwise_job *j) {
  int numbers = 0, flags = 0;
  j->flags = 0;
  for (size_t k = 0; k < about->parameter_count; k++)
    if (about->parameters[k].choices)
      j->flags |= (values[k] != 0) << flags++;
    else
      j->parameters[numbers++] = values[k];
}

static vloss_status run(const flagged_call *c, request *r, const double *values) {
  const vloss_loss *about = &vloss_registry[c->id];
  r->further = c->grad_variance;
  r->further_name = "grad_variance";
  request_outputs(r, c->n, request_product(r, "n", c->n, 1));
  request_main_input(r, "input", c->input);
  request_input(r, "target", c->target, r->elements, request_width(r));
  if (about->arrays & VLOSS_ARRAY_VARIANCE) request_further_input(r, "variance", c->variance);
  for (size_t k = 0; k < about->parameter_count; k++)
    request_parameter(r, &about->parameters[k], values[k]);
  if (!request_ready(r)) return request_close(r);

  pairwise_job j = {.target = c->target, .further = c->variance};
  request_job(r, (double)c->n, c->input, &j.base);
  if (!r->no_grad) j.further_grad = c->grad_variance;
  /* a report counts samples outside of the domain, of which the loss tells */
  if (r->options->report) j.base.want_loss = 1;
  take_parameters(about, values, &j);
  kernel *loops = vloss_isa_active()->kernels[c->dtype]->loss[c->id];
  partial found;
  split_run(loops, &j, (division){c->n, CHUNK_MULTIPLE, GRAIN}, 2, r->options->executor, &found);
  r->degenerate = found.degenerate;
  /* losses of -inf, unless there is +inf or NaN too */
  compensated total = found.sums[0], bottom = found.sums[1];
  request_result(r, bottom.value < 0 && total.value < (double)INFINITY ? bottom : total);
  return request_close(r);
}

/* The values of the parameters: the flag of the prototype, or the fields of a struct (NULL: their
 * defaults). */
static vloss_status flagged(flagged_call c, const double *flag, const void *own,
                            struct_sizes known) {
  const vloss_loss *about = &vloss_registry[c.id];
  double values[PARAMETERS_MOST];
  request r;
  request_open(&r, c.dtype, c.options, c.loss, c.grad);
  own = request_struct(&r, about->name, own, known);
  for (size_t k = 0; k < about->parameter_count; k++) {
    const vloss_parameter *p = &about->parameters[k];
    const void *field = struct_has(own, p->offset) ? (const char *)own + p->offset : NULL;
    values[k] = field ? p->choices ? *(const int *)field : *(const double *)field : p->value;
    if (flag) values[k] = *flag;
  }
  return run(&c, &r, values);
}

vloss_status vloss_evaluate_flagged(enum loss_id id, const vloss_call *c) {
  double values[PARAMETERS_MOST];
  flagged_call call = {id,          c->dtype,   c->input, c->target, c->variance,
                       c->shape[0], c->options, c->loss,  c->grad,   c->grad_variance};
  request r;
  request_open(&r, call.dtype, call.options, call.loss, call.grad);
  vloss_evaluate_numbers(id, c, values);
  return run(&call, &r, values);
}

/* What stands between n and options, and where the values of the parameters are. */
#define DECLARE_NONE
#define DECLARE_SWITCH(flag) int flag,
#define DECLARE_FIELDS(list) const vloss_##list##_options *own,
#define NO_STRUCT ((struct_sizes){0, 0})
#define VALUES_NONE NULL, NULL, NO_STRUCT
#define VALUES_SWITCH(flag) &(const double){flag}, NULL, NO_STRUCT
#define VALUES_FIELDS(list) NULL, own, STRUCT_SIZES(vloss_##list##_options, eps)

#define DEFINE_FLAGGED(name, dtype, id, real, parameters)                                   \
  vloss_status vloss_##name##_##dtype(const real *input, const real *target, size_t n,      \
                                      DECLARE_##parameters const vloss_options *options,    \
                                      real *loss, real *grad) {                             \
    return flagged(                                                                         \
        (flagged_call){LOSS_##name, id, input, target, NULL, n, options, loss, grad, NULL}, \
        VALUES_##parameters);                                                               \
  }
#define DEFINE_VARIANCE(name, dtype, id, real, parameters)                                         \
  vloss_status vloss_##name##_##dtype(const real *input, const real *target, const real *variance, \
                                      size_t n, DECLARE_##parameters const vloss_options *options, \
                                      real *loss, real *grad, real *grad_variance) {               \
    return flagged((flagged_call){LOSS_##name, id, input, target, variance, n, options, loss,      \
                                  grad, grad_variance},                                            \
                   VALUES_##parameters);                                                           \
  }

#define DEFINE_flagged(name, parameters)                  \
  DEFINE_FLAGGED(name, f32, VLOSS_F32, float, parameters) \
  DEFINE_FLAGGED(name, f64, VLOSS_F64, double, parameters)
#define DEFINE_divergence(name, parameters) DEFINE_flagged(name, parameters)
#define DEFINE_variance(name, parameters)                  \
  DEFINE_VARIANCE(name, f32, VLOSS_F32, float, parameters) \
  DEFINE_VARIANCE(name, f64, VLOSS_F64, double, parameters)
#define LOSS(name, family, arrays, parameters) DEFINE_##family(name, parameters)
#include "divergence.def"
#include "flagged.def"
#include "variance.def"
#undef LOSS
