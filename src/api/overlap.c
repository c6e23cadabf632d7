/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/evaluate.h"
#include "api/overlap_shape.h"
#include "api/planes.h"
#include "api/split.h"
#include "dispatch.h"
#include "registry.h"

enum { CHUNK_MULTIPLE = 2048, GRAIN = 1 << 15, MANY_GROUPS = 64 };

/* All groups of a call. */
typedef struct groups_job {
  const request *request;
  job base;
  const void *target;
  size_t size;
  const vloss_overlap_options *options;
  kernel *sums_and_gradient, *terms;
  const vloss_executor *executor; /* for the parts of one group */
} groups_job;

static const void *at(const void *p, size_t offset) { return p ? (const char *)p + offset : NULL; }

static division groups_division(const groups_job *all) {
  return (division){all->size, CHUNK_MULTIPLE, GRAIN};
}

/* The sums of a group, and which of them are lifted. */
static void add_up(const groups_job *all, overlap_job *j, partial *found) {
  j->phase = OVERLAP_SUMS;
  split_run(all->sums_and_gradient, j, groups_division(all), 3, all->executor, found);
  j->faint = faint_products(all->request, all->options, found->sums, all->size);
  if (j->faint) split_run(all->sums_and_gradient, j, groups_division(all), 3, all->executor, found);
}

/* One group: its sums, its terms, its gradient. Returns weight x loss. */
static double run_group(const groups_job *all, size_t index) {
  const request *r = all->request;
  size_t bytes = all->size * request_width(r);
  double weight = request_number(r, all->base.weight, index, 1);
  void *grad = all->base.grad ? (char *)all->base.grad + index * bytes : NULL;
  if (weight == 0) {
    if (grad) memset(grad, 0, bytes);
    return 0;
  }
  overlap_group group;
  overlap_job j = {.base = all->base,
                   .target = at(all->target, index * bytes),
                   .options = all->options,
                   .group = &group};
  j.base.input = at(all->base.input, index * bytes);
  j.base.grad = grad;
  partial found;
  add_up(all, &j, &found);
  group = group_of(r, found.sums, j.faint);
  j.phase = OVERLAP_TERMS;
  all->terms(&j, index, index + 1, &found);
  overlap_slopes slopes = group_slopes(r, &group, group_factor(r, &all->base, index));
  j.phase = OVERLAP_GRADIENT;
  j.slopes = &slopes;
  if (grad && slopes.weightless)
    memset(grad, 0, bytes);
  else if (grad)
    split_run(all->sums_and_gradient, &j, groups_division(all), 0, all->executor, &found);
  return weight * group.loss;
}

static void run_groups(const void *work, size_t begin, size_t end, partial *result) {
  const groups_job *all = work;
  for (size_t i = begin; i < end; i++) {
    double loss = run_group(all, i);
    if (all->base.loss)
      request_store(all->request, all->base.loss, i, loss * all->base.loss_factor);
    sum_merge(&result->sums[0], (compensated){loss * SUM_UNIT, 0});
  }
}

/* Groups that are contiguous. */
static compensated run_contiguous(groups_job *all, size_t groups) {
  const vloss_executor *executor = all->executor;
  int many = groups >= MANY_GROUPS;
  all->executor = many ? NULL : executor;
  size_t grain = all->size < GRAIN ? GRAIN / all->size : 1;
  division d = {groups, 1, many ? grain : groups + 1};
  partial found;
  split_run(run_groups, all, d, 1, many ? executor : NULL, &found);
  return found.sums[0];
}

static compensated run(const request *r, enum loss_id id, const job *base, const void *target,
                       const overlap_shape *s, const vloss_overlap_options *o) {
  const isa *active = vloss_isa_active();
  kernel *loops = active->kernels[r->dtype]->loss[id];
  kernel *terms = active->kernels[VLOSS_F64]->loss[id];
  if (s->planes) {
    planes_call c = {r, *base, target, o, loops, terms, s->images, s->channels, s->inner};
    return vloss_planes_run(&c);
  }
  groups_job all = {r, *base, target, s->size, o, loops, terms, r->options->executor};
  return run_contiguous(&all, s->groups);
}

static vloss_status overlap(enum loss_id id, vloss_dtype dtype, const void *input,
                            const void *target, size_t groups, size_t size,
                            const vloss_overlap_options *own, const vloss_options *options,
                            void *loss, void *grad) {
  vloss_overlap_options o = VLOSS_OVERLAP_OPTIONS_INIT;
  overlap_shape s = {0};
  request r;
  request_open(&r, dtype, options, loss, grad);
  own = request_struct(&r, "overlap", own, STRUCT_SIZES(vloss_overlap_options, channels));
  size_t elements = request_product(&r, "size", groups, size);
  request_fields(&r, &vloss_registry[id], own, &o);
  overlap_check_log(&r, &o);
  if (elements) s = overlap_shape_of(&r, groups, size, own ? own->channels : 0, &o);
  request_outputs(&r, s.groups, elements);
  request_main_input(&r, "input", input);
  request_input(&r, "target", target, elements, request_width(&r));
  if (!request_ready(&r)) return request_close(&r);

  job base = {0};
  compensated total = {0, 0};
  request_job(&r, (double)s.groups, input, &base);
  if (elements) total = run(&r, id, &base, target, &s, &o);
  request_result(&r, total);
  return request_close(&r);
}

vloss_status vloss_evaluate_overlap(enum loss_id id, const vloss_call *c) {
  vloss_overlap_options own = VLOSS_OVERLAP_OPTIONS_INIT;
  own.channels = c->shape[2];
  vloss_evaluate_fields(id, c, &own);
  return overlap(id, c->dtype, c->input, c->target, c->shape[0], c->shape[1], &own, c->options,
                 c->loss, c->grad);
}

#define DEFINE(name, dtype, id, real)                                                         \
  vloss_status vloss_##name##_##dtype(const real *input, const real *target, size_t groups,   \
                                      size_t size, const vloss_overlap_options *own,          \
                                      const vloss_options *options, real *loss, real *grad) { \
    return overlap(LOSS_##name, id, input, target, groups, size, own, options, loss, grad);   \
  }

#define DEFINE_overlap(name) \
  DEFINE(name, f32, VLOSS_F32, float) DEFINE(name, f64, VLOSS_F64, double)
#define LOSS(name, family, arrays, parameters) DEFINE_##family(name)
#include "overlap.def"
#undef LOSS
