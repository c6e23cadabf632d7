/* SPDX-License-Identifier: Apache-2.0 */
#include <float.h>
#include <math.h>

#include "api/check.h"
#include "api/evaluate.h"
#include "api/split.h"
#include "dispatch.h"
#include "registry.h"

/* A request whose address no call is given stays in registers: mse of 16 elements takes 50 ns, else
 * 80. */
#define INLINE static inline __attribute__((always_inline))

enum { CHUNK_MULTIPLE = 2048, GRAIN = 1 << 15 };
enum { PARAMETERS_MOST = sizeof((elements_job *)0)->parameters / sizeof(double) };

/* Where the values of the parameters are: in an array, or in the fields of a struct (NULL: their
 * defaults). */
typedef struct values_source {
  const double *values;
  const void *own;
  const char *name; /* of the struct */
  struct_sizes known;
} values_source;

INLINE void find_values(request *r, const vloss_loss *about, const values_source *from,
                        double *values) {
  const void *own = from->own ? request_struct(r, from->name, from->own, from->known) : NULL;
  for (size_t k = 0; k < about->parameter_count; k++) {
    const vloss_parameter *p = &about->parameters[k];
    const void *field = struct_has(own, p->offset) ? (const char *)own + p->offset : NULL;
    if (from->values)
      values[k] = from->values[k];
    else
      values[k] = field ? p->choices ? *(const int *)field : *(const double *)field : p->value;
    request_parameter(r, p, values[k]);
  }
}

/* The parameters as the steps know them, by numbers and flags. */
INLINE void set_parameters(const vloss_loss *about, const double *values, elements_job *j) {
  int numbers = 0, flags = 0;
  for (size_t k = 0; k < about->parameter_count; k++)
    if (about->parameters[k].choices) {
      j->flags |= (values[k] != 0) << flags++;
    } else {
      j->parameters[numbers++] = values[k];
      j->parameters[numbers] = 1 - values[k]; /* in the dtype it would lose digits */
    }
}

/* Those of the focal losses: the weights of the two classes, and the exponent. */
INLINE void set_focal_parameters(enum loss_id id, const double *values, double parameters[3]) {
  double alpha = id == LOSS_quality_focal ? -1 : values[0];
  int weighted = id == LOSS_varifocal || alpha >= 0;
  parameters[0] = weighted ? alpha : 1;
  parameters[1] = id == LOSS_focal && weighted ? 1 - alpha : parameters[0];
  parameters[2] = id == LOSS_quality_focal ? values[0] : values[1];
}

/* The weights of positives: one, or one for each class, which must divide the elements. */
INLINE void take_positive_weight(request *r, const void *weights, size_t classes, size_t inner,
                                 elements_job *j) {
  if (!weights) return;
  size_t period = request_product(r, "classes", classes, inner);
  if (r->status != VLOSS_OK) return;
  if (period == 0 || r->elements % period != 0) {
    request_fail(r, VLOSS_ERROR_PARAMETER, inner ? "classes" : "inner");
    return;
  }
  request_input(r, "positive_weight", weights, r->elements ? classes : 0, request_width(r));
  j->class_parameter = weights;
  j->classes = classes;
  j->inner = inner;
}

/* A single one is a parameter like others; and whether there is one at all is the second. */
INLINE void set_positive_weight(request *r, elements_job *j) {
  j->parameters[0] = 1;
  for (size_t k = 0; j->class_parameter && r->elements && k < j->classes; k++) {
    double w = request_number(r, j->class_parameter, k, 1);
    if (!(w >= 0 && w <= DBL_MAX)) request_fail(r, VLOSS_ERROR_PARAMETER, "positive_weight");
    j->parameters[0] = w;
  }
  j->parameters[1] = j->classes > 1 || j->parameters[0] != 1;
  if (j->classes == 1) j->class_parameter = NULL;
}

INLINE void run(request *r, enum loss_id id, const vloss_call *c, elements_job *j) {
  request_job(r, (double)c->shape[0], c->input, &j->base);
  if (!r->no_grad) j->further_grad = c->grad_variance;
  /* a report counts samples outside of the domain, of which the loss tells */
  if (r->options->report) j->base.want_loss = 1;
  kernel *loops = vloss_isa_active()->kernels[c->dtype]->loss[id];
  partial found;
  split_run(loops, j, (division){c->shape[0], CHUNK_MULTIPLE, GRAIN}, 2, r->options->executor,
            &found);
  r->degenerate = found.degenerate;
  /* losses of -inf, unless there is +inf or NaN too */
  compensated total = found.sums[0], bottom = found.sums[1];
  request_result(r, bottom.value < 0 && total.value < (double)INFINITY ? bottom : total);
}

INLINE vloss_status checked(enum loss_id id, const vloss_call *c, const values_source *from,
                            const vloss_options *options) {
  const vloss_loss *about = &vloss_registry[id];
  double values[PARAMETERS_MOST];
  request r;
  elements_job j; /* field by field: gcc would clear it by a slow loop */
  j.target = c->target ? c->target : c->input;
  j.further = c->variance;
  j.further_grad = NULL;
  j.flags = 0;
  j.class_parameter = NULL;
  j.classes = j.inner = 1;
  for (int k = 0; k < PARAMETERS_MOST; k++) j.parameters[k] = 0;
  request_open(&r, c->dtype, options, c->loss, c->grad);
  r.further = c->grad_variance;
  r.further_name = "grad_variance";
  request_outputs(&r, c->shape[0], request_product(&r, "n", c->shape[0], 1));
  request_main_input(&r, "input", c->input);
  if (about->arrays & VLOSS_ARRAY_TARGET)
    request_input(&r, "target", c->target, r.elements, request_width(&r));
  if (about->arrays & VLOSS_ARRAY_VARIANCE) request_further_input(&r, "variance", c->variance);
  find_values(&r, about, from, values);
  if (about->arrays & VLOSS_ARRAY_POSITIVE_WEIGHT)
    take_positive_weight(&r, c->class_weight, c->shape[1], c->shape[2], &j);
  if (!request_ready(&r)) return request_close(&r);

  if (id == LOSS_focal || id == LOSS_quality_focal || id == LOSS_varifocal)
    set_focal_parameters(id, values, j.parameters);
  else if (about->arrays & VLOSS_ARRAY_POSITIVE_WEIGHT)
    set_positive_weight(&r, &j);
  else
    set_parameters(about, values, &j);
  if (r.status == VLOSS_OK) run(&r, id, c, &j);
  return request_close(&r);
}

/* Twice: what the default options leave undone need not be asked. */
static vloss_status elements(enum loss_id id, const vloss_call *c, const values_source *from) {
  return c->options ? checked(id, c, from, c->options) : checked(id, c, from, NULL);
}

vloss_status vloss_evaluate_elements(enum loss_id id, const vloss_call *c) {
  double values[PARAMETERS_MOST];
  vloss_evaluate_numbers(id, c, values);
  return elements(id, c, &(values_source){.values = values});
}

/* The struct of a loss whose options are all beside the registry's parameters. */
static vloss_status binary(enum loss_id id, vloss_call *c, const vloss_binary_options *own) {
  if (own && struct_is_known(own, STRUCT_SIZES(vloss_binary_options, inner))) {
    c->class_weight = own->positive_weight;
    c->shape[1] = own->classes;
    c->shape[2] = own->inner;
  }
  return elements(
      id, c,
      &(values_source){
          .own = own, .name = "binary", .known = STRUCT_SIZES(vloss_binary_options, inner)});
}

/* The public functions: what stands between n and options, and where the values are. */
#define DECLARE_NONE
#define DECLARE_ONE(parameter, value, low, high) double parameter,
#define DECLARE_SWITCH(flag) int flag,
#define DECLARE_FIELDS(list) const vloss_##list##_options *own,
#define SOURCE_NONE \
  { .values = NULL }
#define SOURCE_ONE(parameter, value, low, high) \
  { .values = &parameter }
#define SOURCE_SWITCH(flag)            \
  {                                    \
    .values = &(const double) { flag } \
  }
#define SOURCE_FIELDS(list) \
  { .own = own, .name = #list, .known = STRUCT_SIZES(vloss_##list##_options, eps) }
#define SOURCE_FOCAL \
  { .own = own, .name = "focal", .known = STRUCT_SIZES(vloss_focal_options, beta) }

#define CALL(type, ...)                                                                  \
  {                                                                                      \
    .dtype = type, .input = input, .shape = {n, 1, 1}, .options = options, .loss = loss, \
    .grad = grad, __VA_ARGS__                                                            \
  }

#define DEFINE_INPUT(name, dtype, type, real, parameters)                                        \
  vloss_status vloss_##name##_##dtype(const real *input, size_t n, const vloss_options *options, \
                                      real *loss, real *grad) {                                  \
    return elements(LOSS_##name, &(vloss_call)CALL(type, .target = NULL),                        \
                    &(values_source)SOURCE_NONE);                                                \
  }
#define DEFINE_TARGET(name, dtype, type, real, parameters)                               \
  vloss_status vloss_##name##_##dtype(const real *input, const real *target, size_t n,   \
                                      DECLARE_##parameters const vloss_options *options, \
                                      real *loss, real *grad) {                          \
    return elements(LOSS_##name, &(vloss_call)CALL(type, .target = target),              \
                    &(values_source)SOURCE_##parameters);                                \
  }
#define DEFINE_PROBABILITY(name, dtype, type, real, parameters)                               \
  vloss_status vloss_##name##_##dtype(const real *input, const real *target, size_t n,        \
                                      const vloss_focal_options *own,                         \
                                      const vloss_options *options, real *loss, real *grad) { \
    return elements(LOSS_##name, &(vloss_call)CALL(type, .target = target),                   \
                    &(values_source)SOURCE_FOCAL);                                            \
  }
#define DEFINE_POSITIVES(name, dtype, type, real, parameters)                                 \
  vloss_status vloss_##name##_##dtype(const real *input, const real *target, size_t n,        \
                                      const vloss_binary_options *own,                        \
                                      const vloss_options *options, real *loss, real *grad) { \
    return binary(LOSS_##name, &(vloss_call)CALL(type, .target = target), own);               \
  }
#define DEFINE_VARIANCE(name, dtype, type, real, parameters)                                       \
  vloss_status vloss_##name##_##dtype(const real *input, const real *target, const real *variance, \
                                      size_t n, DECLARE_##parameters const vloss_options *options, \
                                      real *loss, real *grad, real *grad_variance) {               \
    return elements(LOSS_##name,                                                                   \
                    &(vloss_call)CALL(type, .target = target, .variance = variance,                \
                                      .grad_variance = grad_variance),                             \
                    &(values_source)SOURCE_##parameters);                                          \
  }

#define LOSS(name, family, arrays, parameters)             \
  DEFINE_##arrays(name, f32, VLOSS_F32, float, parameters) \
      DEFINE_##arrays(name, f64, VLOSS_F64, double, parameters)
#include "elements.def"
#undef LOSS
