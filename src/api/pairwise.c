/* SPDX-License-Identifier: Apache-2.0 */
#include "api/check.h"
#include "api/evaluate.h"
#include "api/split.h"
#include "dispatch.h"
#include "registry.h"

enum { CHUNK_MULTIPLE = 2048, GRAIN = 1 << 15 };

static inline __attribute__((always_inline)) vloss_status checked(
    enum loss_id id, int dtype, const void *input, const void *target, size_t n,
    const double *parameters, const vloss_options *options, void *loss, void *grad) {
  const vloss_loss *about = &vloss_registry[id];
  request r;
  request_open(&r, dtype, options, loss, grad);
  request_outputs(&r, n, request_product(&r, "n", n, 1));
  request_main_input(&r, "input", input);
  request_input(&r, "target", target, r.elements, request_width(&r));
  for (size_t k = 0; k < about->parameter_count; k++)
    request_parameter(&r, &about->parameters[k], parameters[k]);
  if (!request_ready(&r)) return request_close(&r);

  pairwise_job j;
  request_job(&r, (double)n, input, &j.base);
  j.target = target;
  j.class_parameter = NULL;
  j.further = j.further_grad = NULL;
  for (size_t k = 0; k < about->parameter_count; k++) {
    j.parameters[k] = parameters[k];
    j.parameters[k + 1] = 1 - parameters[k]; /* behind the last: the dtype would lose digits */
  }
  kernel *run = vloss_isa_active()->kernels[dtype]->loss[id];
  partial found;
  split_run(run, &j, (division){n, CHUNK_MULTIPLE, GRAIN}, 1, r.options->executor, &found);
  request_result(&r, found.sums[0]);
  return request_close(&r);
}

/* Twice: what the default options leave undone need not be asked. */
static vloss_status pairwise(enum loss_id id, int dtype, const void *input, const void *target,
                             size_t n, const double *parameters, const vloss_options *options,
                             void *loss, void *grad) {
  return options ? checked(id, dtype, input, target, n, parameters, options, loss, grad)
                 : checked(id, dtype, input, target, n, parameters, NULL, loss, grad);
}

vloss_status vloss_evaluate_pairwise(enum loss_id id, const vloss_call *c) {
  double parameters[1];
  vloss_evaluate_numbers(id, c, parameters);
  return pairwise(id, c->dtype, c->input, c->target, c->shape[0], parameters, c->options, c->loss,
                  c->grad);
}

/* The public functions: parameters of the prototype, and their values in an array. */
#define DECLARE_NONE
#define DECLARE_ONE(parameter, value) double parameter,
#define PASS_NONE NULL
#define PASS_ONE(parameter, value) &parameter

#define DEFINE(name, dtype, id, real, parameters)                                               \
  vloss_status vloss_##name##_##dtype(const real *input, const real *target, size_t n,          \
                                      DECLARE_##parameters const vloss_options *options,        \
                                      real *loss, real *grad) {                                 \
    return pairwise(LOSS_##name, id, input, target, n, PASS_##parameters, options, loss, grad); \
  }

#define DEFINE_pairwise(name, parameters)         \
  DEFINE(name, f32, VLOSS_F32, float, parameters) \
  DEFINE(name, f64, VLOSS_F64, double, parameters)
#define LOSS(name, family, arrays, parameters) DEFINE_##family(name, parameters)
#include "pairwise.def"
#undef LOSS
