/* SPDX-License-Identifier: Apache-2.0 */
/* Row losses without labels. */
#include "api/rows.h"

#include <float.h>

#include "api/evaluate.h"
#include "api/split.h"
#include "dispatch.h"
#include "registry.h"

enum { BLOCK_MULTIPLE = 32, GRAIN = 1 << 15 };

rows_shape vloss_rows_shape_of(request *r, size_t n, size_t classes, size_t inner) {
  rows_shape s = {request_product(r, "n", n, inner), 0, classes, inner};
  s.elements = request_product(r, "classes", s.rows, classes);
  if (s.elements == 0) s.rows = 0;
  return s;
}

void vloss_rows_check_class_weights(request *r, const void *weights, size_t classes) {
  for (size_t k = 0; weights && k < classes; k++) {
    double w = request_number(r, weights, k, 1);
    if (!(w >= 0 && w <= DBL_MAX)) request_fail(r, VLOSS_ERROR_PARAMETER, "class_weight");
  }
}

void vloss_rows_run(request *r, enum loss_id id, const rows_shape *s, double denominator,
                    const void *input, rows_job *j) {
  request_job(r, denominator, input, &j->base);
  j->classes = s->classes;
  j->inner = s->inner;
  kernel *run = vloss_isa_active()->kernels[r->dtype]->loss[id];
  size_t grain = s->classes < GRAIN ? GRAIN / (s->classes ? s->classes : 1) : 1;
  size_t quantum = grain < BLOCK_MULTIPLE ? grain : BLOCK_MULTIPLE;
  partial found;
  split_run(run, j, (division){s->rows, quantum, grain}, 1, r->options->executor, &found);
  r->degenerate = found.degenerate;
  request_result(r, found.sums[0]);
}

/* The arrays of a call, and what j says of them. */
static vloss_status rows(request *r, enum loss_id id, const char *name, const void *input, size_t n,
                         size_t classes, size_t inner, rows_job *j) {
  rows_shape s = vloss_rows_shape_of(r, n, classes, inner);
  size_t width = request_width(r);
  request_outputs(r, s.rows, s.elements);
  request_main_input(r, name, input);
  if (vloss_registry[id].arrays & VLOSS_ARRAY_TARGET)
    request_input(r, "target", j->target, s.elements, width);
  if (j->class_weight)
    request_input(r, "class_weight", j->class_weight, s.rows ? classes : 0, width);
  if (request_ready(r) && s.rows) vloss_rows_check_class_weights(r, j->class_weight, classes);
  if (r->status == VLOSS_OK) vloss_rows_run(r, id, &s, (double)s.rows, input, j);
  return request_close(r);
}

static vloss_status soft(enum loss_id id, vloss_dtype dtype, const void *logits, const void *target,
                         size_t n, size_t classes, size_t inner, const vloss_soft_options *own,
                         const vloss_options *options, void *loss, void *grad) {
  vloss_soft_options o = VLOSS_SOFT_OPTIONS_INIT;
  request r;
  request_open(&r, dtype, options, loss, grad);
  own = request_struct(&r, "soft", own, STRUCT_SIZES(vloss_soft_options, smoothing));
  request_fields(&r, &vloss_registry[id], own, &o);
  rows_job j = {.target = target, .smoothing = o.smoothing, .temperature = 1};
  if (own) j.class_weight = own->class_weight;
  return rows(&r, id, "logits", logits, n, classes, inner, &j);
}

static vloss_status teacher(enum loss_id id, vloss_dtype dtype, const void *logits,
                            const void *target, size_t n, size_t classes, size_t inner,
                            const vloss_teacher_options *own, const vloss_options *options,
                            void *loss, void *grad) {
  vloss_teacher_options o = VLOSS_TEACHER_OPTIONS_INIT;
  request r;
  request_open(&r, dtype, options, loss, grad);
  own = request_struct(&r, "teacher", own, STRUCT_SIZES(vloss_teacher_options, squared));
  request_fields(&r, &vloss_registry[id], own, &o);
  rows_job j = {.target = target,
                .temperature = o.temperature,
                .squared = o.squared,
                .teacher_logits = o.teacher == VLOSS_TEACHER_LOGITS};
  return rows(&r, id, "logits", logits, n, classes, inner, &j);
}

static vloss_status alone(enum loss_id id, vloss_dtype dtype, const void *input, size_t n,
                          size_t classes, size_t inner, const vloss_options *options, void *loss,
                          void *grad) {
  request r;
  request_open(&r, dtype, options, loss, grad);
  rows_job j = {.temperature = 1};
  const char *name = id == LOSS_entropy ? "input" : "logits";
  return rows(&r, id, name, input, n, classes, inner, &j);
}

vloss_status vloss_evaluate_soft(enum loss_id id, const vloss_call *c) {
  vloss_soft_options own = VLOSS_SOFT_OPTIONS_INIT;
  own.class_weight = c->class_weight;
  vloss_evaluate_fields(id, c, &own);
  return soft(id, c->dtype, c->input, c->target, c->shape[0], c->shape[1], c->shape[2], &own,
              c->options, c->loss, c->grad);
}

vloss_status vloss_evaluate_teacher(enum loss_id id, const vloss_call *c) {
  vloss_teacher_options own = VLOSS_TEACHER_OPTIONS_INIT;
  vloss_evaluate_fields(id, c, &own);
  return teacher(id, c->dtype, c->input, c->target, c->shape[0], c->shape[1], c->shape[2], &own,
                 c->options, c->loss, c->grad);
}

vloss_status vloss_evaluate_input(enum loss_id id, const vloss_call *c) {
  return alone(id, c->dtype, c->input, c->shape[0], c->shape[1], c->shape[2], c->options, c->loss,
               c->grad);
}

#define DEFINE_PAIR(function, name, dtype, id, real)                                               \
  vloss_status vloss_##name##_##dtype(const real *logits, const real *target, size_t n,            \
                                      size_t classes, size_t inner,                                \
                                      const vloss_##function##_options *own,                       \
                                      const vloss_options *options, real *loss, real *grad) {      \
    return function(LOSS_##name, id, logits, target, n, classes, inner, own, options, loss, grad); \
  }
#define DEFINE_ALONE(name, dtype, id, real)                                                      \
  vloss_status vloss_##name##_##dtype(const real *input, size_t n, size_t classes, size_t inner, \
                                      const vloss_options *options, real *loss, real *grad) {    \
    return alone(LOSS_##name, id, input, n, classes, inner, options, loss, grad);                \
  }

#define TARGET_ROWS(name, function)                  \
  DEFINE_PAIR(function, name, f32, VLOSS_F32, float) \
  DEFINE_PAIR(function, name, f64, VLOSS_F64, double)
#define DEFINE_WEIGHTED(name) TARGET_ROWS(name, soft)
#define DEFINE_TARGET(name) TARGET_ROWS(name, teacher)
#define DEFINE_INPUT(name) \
  DEFINE_ALONE(name, f32, VLOSS_F32, float) DEFINE_ALONE(name, f64, VLOSS_F64, double)
#define DEFINE_LABELS(name)
#define LOSS(name, family, arrays, parameters) DEFINE_##arrays(name)
#include "rows.def"
#undef LOSS
