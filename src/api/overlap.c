/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/check.h"
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
  overlap_group group = {{{0, 0}, {0, 0}, {0, 0}}, 0, 0, 0, 0};
  overlap_job j = {all->base, at(all->target, index * bytes), OVERLAP_SUMS, all->options, &group};
  j.base.input = at(all->base.input, index * bytes);
  j.base.grad = grad;
  j.base.grad_factor *= weight * request_number(r, all->base.grad_output, index, 1);
  partial found;
  split_run(all->sums_and_gradient, &j, all->size, CHUNK_MULTIPLE, GRAIN, all->executor, &found);
  memcpy(group.sums, found.sums, sizeof group.sums);
  j.phase = OVERLAP_TERMS;
  all->terms(&j, index, index + 1, &found);
  j.phase = OVERLAP_GRADIENT;
  if (grad)
    split_run(all->sums_and_gradient, &j, all->size, CHUNK_MULTIPLE, GRAIN, all->executor, &found);
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

/* Rules across fields. */
static void check_log(request *r, const vloss_overlap_options *o) {
  if (o->log && !(o->smoothing > 0)) request_fail(r, VLOSS_ERROR_PARAMETER, "smoothing");
  if (o->log && o->gamma != 1) request_fail(r, VLOSS_ERROR_PARAMETER, "gamma");
}

static vloss_status overlap(enum loss_id id, int dtype, const void *input, const void *target,
                            size_t groups, size_t size, const vloss_overlap_options *own,
                            const vloss_options *options, void *loss, void *grad) {
  vloss_overlap_options o = VLOSS_OVERLAP_OPTIONS_INIT;
  request r;
  request_open(&r, dtype, options, loss, grad);
  own = request_struct(&r, "overlap", own, sizeof o);
  size_t elements = request_product(&r, "size", groups, size);
  if (elements == 0) groups = 0;
  request_outputs(&r, groups, elements);
  request_main_input(&r, "input", input);
  request_input(&r, "target", target, elements, request_width(&r));
  request_fields(&r, &vloss_registry[id], own, &o);
  check_log(&r, &o);
  if (!request_ready(&r)) return request_close(&r);

  const isa *active = vloss_isa_active();
  int many = groups >= MANY_GROUPS;
  groups_job all = {&r,
                    {0},
                    target,
                    size,
                    &o,
                    active->kernels[dtype]->loss[id],
                    active->kernels[DTYPE_F64]->loss[id],
                    many ? NULL : r.options->executor};
  request_job(&r, (double)groups, input, &all.base);
  size_t grain = size < GRAIN ? GRAIN / (size ? size : 1) : 1;
  partial found;
  split_run(run_groups, &all, groups, 1, many ? grain : groups + 1,
            many ? r.options->executor : NULL, &found);
  request_result(&r, found.sums[0]);
  return request_close(&r);
}

#define DEFINE(name, dtype, id, real)                                                         \
  vloss_status vloss_##name##_##dtype(const real *input, const real *target, size_t groups,   \
                                      size_t size, const vloss_overlap_options *own,          \
                                      const vloss_options *options, real *loss, real *grad) { \
    return overlap(LOSS_##name, id, input, target, groups, size, own, options, loss, grad);   \
  }

#define DEFINE_overlap(name) \
  DEFINE(name, f32, DTYPE_F32, float) DEFINE(name, f64, DTYPE_F64, double)
#define DEFINE_pairwise(name)
#define DEFINE_boxes(name)
#define DEFINE_rows(name)
#define LOSS(name, family, parameters) DEFINE_##family(name)
#include "losses.def"
#undef LOSS
