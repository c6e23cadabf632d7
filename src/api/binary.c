/* SPDX-License-Identifier: Apache-2.0 */
/* Losses of single logits. */
#include <float.h>

#include "api/check.h"
#include "api/evaluate.h"
#include "api/split.h"
#include "dispatch.h"
#include "registry.h"

enum { CHUNK_MULTIPLE = 2048, GRAIN = 1 << 15 };

/* What all of them have: a target (NULL: none is read) and parameters that are checked already. */
static vloss_status run(request *r, enum loss_id id, const void *input, const void *target,
                        size_t n, pairwise_job *j) {
  partial found;
  kernel *loop = vloss_isa_active()->kernels[r->dtype]->loss[id];
  request_job(r, (double)n, input, &j->base);
  j->target = target ? target : input;
  split_run(loop, j, (division){n, CHUNK_MULTIPLE, GRAIN}, 1, r->options->executor, &found);
  r->degenerate = found.degenerate;
  request_result(r, found.sums[0]);
  return request_close(r);
}

static void open(request *r, int dtype, const void *input, size_t n, const vloss_options *options,
                 void *loss, void *grad) {
  request_open(r, dtype, options, loss, grad);
  request_outputs(r, n, request_product(r, "n", n, 1));
  request_main_input(r, "input", input);
}

static vloss_status single(enum loss_id id, int dtype, const void *input, size_t n,
                           const vloss_options *options, void *loss, void *grad) {
  request r;
  pairwise_job j = {.classes = 1};
  open(&r, dtype, input, n, options, loss, grad);
  return request_ready(&r) ? run(&r, id, input, NULL, n, &j) : request_close(&r);
}

/* The weights of positives: one, or one for each class, which must divide the elements. */
static void take_positive_weight(request *r, const vloss_binary_options *own, pairwise_job *j) {
  if (!own || !own->positive_weight) return;
  size_t period = request_product(r, "classes", own->classes, own->inner);
  if (r->status != VLOSS_OK) return;
  if (period == 0 || r->elements % period != 0) {
    request_fail(r, VLOSS_ERROR_PARAMETER, own->inner ? "classes" : "inner");
    return;
  }
  request_input(r, "positive_weight", own->positive_weight, r->elements ? own->classes : 0,
                request_width(r));
  if (own->classes > 1) j->class_parameter = own->positive_weight;
  j->classes = own->classes;
  j->inner = own->inner;
}

static void check_positive_weight(request *r, const void *weights, pairwise_job *j) {
  for (size_t k = 0; k < j->classes; k++) {
    double w = request_number(r, weights, k, 1);
    if (!(w >= 0 && w <= DBL_MAX)) request_fail(r, VLOSS_ERROR_PARAMETER, "positive_weight");
    j->parameters[0] = w; /* of use where there is one */
  }
  j->parameters[1] = j->classes > 1 || j->parameters[0] != 1;
}

static vloss_status binary(enum loss_id id, int dtype, const void *input, const void *target,
                           size_t n, const vloss_binary_options *own, const vloss_options *options,
                           void *loss, void *grad) {
  request r;
  pairwise_job j = {.classes = 1, .inner = 1};
  open(&r, dtype, input, n, options, loss, grad);
  own = request_struct(&r, "binary", own, STRUCT_SIZES(vloss_binary_options, inner));
  request_input(&r, "target", target, r.elements, request_width(&r));
  take_positive_weight(&r, own, &j);
  if (!request_ready(&r)) return request_close(&r);
  if (n) check_positive_weight(&r, own ? own->positive_weight : NULL, &j);
  return r.status == VLOSS_OK ? run(&r, id, input, target, n, &j) : request_close(&r);
}

/* The weights of the two classes, and the exponent. */
static void set_parameters(enum loss_id id, const vloss_focal_options *o, double parameters[3]) {
  int weighted = id == LOSS_varifocal || (id == LOSS_focal && o->alpha >= 0);
  parameters[0] = weighted ? o->alpha : 1;
  parameters[1] = id == LOSS_focal && weighted ? 1 - o->alpha : parameters[0];
  parameters[2] = id == LOSS_quality_focal ? o->beta : o->gamma;
}

static vloss_status focals(enum loss_id id, int dtype, const void *input, const void *target,
                           size_t n, const vloss_focal_options *own, const vloss_options *options,
                           void *loss, void *grad) {
  vloss_focal_options o = VLOSS_FOCAL_OPTIONS_INIT;
  request r;
  pairwise_job j = {.classes = 1};
  open(&r, dtype, input, n, options, loss, grad);
  own = request_struct(&r, "focal", own, STRUCT_SIZES(vloss_focal_options, beta));
  request_input(&r, "target", target, r.elements, request_width(&r));
  request_fields(&r, &vloss_registry[id], own, &o);
  if (!request_ready(&r)) return request_close(&r);
  set_parameters(id, &o, j.parameters);
  return run(&r, id, input, target, n, &j);
}

vloss_status vloss_evaluate_binary(enum loss_id id, const vloss_call *c) {
  vloss_binary_options own = VLOSS_BINARY_OPTIONS_INIT;
  own.positive_weight = c->class_weight;
  own.classes = c->shape[1];
  own.inner = c->shape[2];
  return binary(id, c->dtype, c->input, c->target, c->shape[0], &own, c->options, c->loss, c->grad);
}

vloss_status vloss_evaluate_focals(enum loss_id id, const vloss_call *c) {
  vloss_focal_options own = VLOSS_FOCAL_OPTIONS_INIT;
  vloss_evaluate_fields(id, c, &own);
  return focals(id, c->dtype, c->input, c->target, c->shape[0], &own, c->options, c->loss, c->grad);
}

vloss_status vloss_evaluate_single(enum loss_id id, const vloss_call *c) {
  return single(id, c->dtype, c->input, c->shape[0], c->options, c->loss, c->grad);
}

/* The public functions. */
#define DEFINE(name, dtype, id, real, family, own_options)                                  \
  vloss_status vloss_##name##_##dtype(const real *input, const real *target, size_t n,      \
                                      const own_options *own, const vloss_options *options, \
                                      real *loss, real *grad) {                             \
    return family(LOSS_##name, id, input, target, n, own, options, loss, grad);             \
  }
#define DEFINE_SINGLE(name, dtype, id, real)                                                     \
  vloss_status vloss_##name##_##dtype(const real *input, size_t n, const vloss_options *options, \
                                      real *loss, real *grad) {                                  \
    return single(LOSS_##name, id, input, n, options, loss, grad);                               \
  }

#define DEFINE_binary(name)                                         \
  DEFINE(name, f32, VLOSS_F32, float, binary, vloss_binary_options) \
  DEFINE(name, f64, VLOSS_F64, double, binary, vloss_binary_options)
#define DEFINE_focals(name)                                        \
  DEFINE(name, f32, VLOSS_F32, float, focals, vloss_focal_options) \
  DEFINE(name, f64, VLOSS_F64, double, focals, vloss_focal_options)
#define DEFINE_single(name) \
  DEFINE_SINGLE(name, f32, VLOSS_F32, float) DEFINE_SINGLE(name, f64, VLOSS_F64, double)
#define LOSS(name, family, arrays, parameters) DEFINE_##family(name)
#include "binary.def"
#include "focals.def"
#include "single.def"
#undef LOSS
