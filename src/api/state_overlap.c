/* SPDX-License-Identifier: Apache-2.0 */
/* Overlap losses from the sums of their groups, which may have been made in parts. */
#include "api/overlap_shape.h"
#include "api/planes.h"
#include "api/split.h"
#include "dispatch.h"
#include "exact.h"
#include "registry.h"

/* Numbers that are added in the kernel before they go to an exact sum; of runs, below which those
 * of a group are put together. */
enum { SUM_BLOCK = 2048, SHORT_RUN = 64, GRAIN = 1 << 15 };

/* The numbers of a group: `count` runs, one every `step` numbers. */
typedef struct runs {
  size_t offset, step, count, length;
} runs;

/* What a call looks at. */
typedef struct pieces {
  request request;
  enum loss_id id;
  overlap_shape shape;
  vloss_overlap_options options;
  size_t elements;
  const void *input, *target;
  job base; /* of the gradient */
} pieces;

static runs runs_of(const overlap_shape *s, vloss_grouping grouping, size_t group) {
  size_t size = s->channels ? s->channels * s->inner : s->inner;
  if (grouping == VLOSS_GROUP_CHANNEL) return (runs){group * s->inner, size, s->images, s->inner};
  if (grouping == VLOSS_GROUP_IMAGE) return (runs){group * size, 0, 1, size};
  if (grouping == VLOSS_GROUP_IMAGE_CHANNEL) return (runs){group * s->inner, 0, 1, s->inner};
  if (size < SHORT_RUN) return (runs){0, 0, 1, s->images * size};
  return (runs){0, size, s->images, size};
}

/* Whether the channels' runs are so short that all of them go through the pixels together. */
static int takes_pixels(const pieces *p) {
  const overlap_shape *s = &p->shape;
  return p->options.grouping == VLOSS_GROUP_CHANNEL && s->inner < SHORT_RUN && s->channels > 1;
}

static void *at(const void *p, size_t bytes) { return p ? (char *)(uintptr_t)p + bytes : NULL; }

static overlap_job job_at(const pieces *p, size_t offset, overlap_phase phase) {
  size_t bytes = offset * request_width(&p->request);
  overlap_job j = {
      .base = p->base, .target = at(p->target, bytes), .phase = phase, .options = &p->options};
  j.base.input = at(p->input, bytes);
  j.base.grad = at(p->base.grad, bytes);
  return j;
}

/* Of channels [first, first + count) of all pixels. */
static overlap_job pixels_job(const pieces *p, size_t first, size_t count, overlap_phase phase) {
  overlap_job j = job_at(p, first * p->shape.inner, phase);
  j.channels = count;
  j.inner = p->shape.inner;
  j.image = p->shape.channels * p->shape.inner;
  j.part = SIZE_MAX;
  return j;
}

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static kernel *loops_of(const pieces *p) {
  return vloss_isa_active()->kernels[p->request.dtype]->loss[p->id];
}

/* ----------------------------------------------------------------------------------------- sums */

static void add_found(vloss_group_sums *to, const compensated found[3]) {
  vloss_exact_sum *sums[3] = {&to->product, &to->false_positives, &to->false_negatives};
  for (int k = 0; k < 3; k++) exact_add(sums[k], found[k].value + found[k].error);
}

static void add_runs(const pieces *p, runs g, vloss_group_sums *to) {
  kernel *loops = loops_of(p);
  for (size_t k = 0; k < g.count; k++) {
    overlap_job j = job_at(p, g.offset + k * g.step, OVERLAP_SUMS);
    for (size_t i = 0; i < g.length; i += SUM_BLOCK) {
      partial found = {0};
      loops(&j, i, smaller(g.length, i + SUM_BLOCK), &found);
      add_found(to, found.sums);
    }
  }
}

static void add_pixels(const pieces *p, size_t first, size_t count, vloss_group_sums *sums) {
  compensated found[MOST_CHANNELS][3];
  kernel *loops = loops_of(p);
  size_t units = p->shape.images * p->shape.inner;
  overlap_job j = pixels_job(p, first, count, PLANE_SUMS);
  j.sums = found;
  for (size_t i = 0; i < units; i += SUM_BLOCK) {
    partial none;
    loops(&j, i, smaller(units, i + SUM_BLOCK), &none);
    for (size_t k = 0; k < count; k++) add_found(&sums[first + k], found[k]);
  }
}

static void add_all(const pieces *p, vloss_group_sums *sums) {
  if (takes_pixels(p))
    for (size_t k = 0; k < p->shape.channels; k += MOST_CHANNELS)
      add_pixels(p, k, smaller(p->shape.channels - k, MOST_CHANNELS), sums);
  else
    for (size_t g = 0; g < p->shape.groups; g++)
      add_runs(p, runs_of(&p->shape, p->options.grouping, g), &sums[g]);
  for (size_t g = 0; g < p->shape.groups; g++) {
    exact_carry(&sums[g].product);
    exact_carry(&sums[g].false_positives);
    exact_carry(&sums[g].false_negatives);
  }
}

/* --------------------------------------------------------------------------- loss and gradient */

static compensated rounded(const vloss_exact_sum *sum) {
  double value = vloss_exact_round(sum);
  if (value - value != 0) return (compensated){value, 0};
  vloss_exact_sum rest = *sum;
  exact_add(&rest, -value);
  return (compensated){value, vloss_exact_round(&rest)};
}

/* Returns weight x loss of a group, and puts its slopes. */
static double finish(const pieces *p, size_t g, const vloss_group_sums *from,
                     overlap_slopes *slopes) {
  const request *r = &p->request;
  double weight = request_number(r, p->base.weight, g, 1), loss = 0;
  *slopes = (overlap_slopes){.weightless = 1};
  if (weight != 0) {
    compensated sums[3] = {rounded(&from->product), rounded(&from->false_positives),
                           rounded(&from->false_negatives)};
    overlap_group group = group_of(r, sums, 0);
    overlap_job j = {.phase = OVERLAP_TERMS, .options = &p->options, .group = &group};
    partial none;
    vloss_isa_active()->kernels[VLOSS_F64]->loss[p->id](&j, 0, 1, &none);
    *slopes = group_slopes(r, &group, group_factor(r, &p->base, g));
    loss = weight * group.loss;
  }
  if (p->base.loss) request_store(r, p->base.loss, g, loss * p->base.loss_factor);
  return loss;
}

static void differentiate_runs(const pieces *p, runs g, const overlap_slopes *slopes) {
  partial none;
  for (size_t k = 0; k < g.count; k++) {
    overlap_job j = job_at(p, g.offset + k * g.step, OVERLAP_GRADIENT);
    j.slopes = slopes;
    if (slopes->weightless)
      memset(j.base.grad, 0, g.length * request_width(&p->request));
    else if (g.length)
      split_run(loops_of(p), &j, (division){g.length, SUM_BLOCK, GRAIN}, 0,
                p->request.options->executor, &none);
  }
}

static void differentiate_pixels(const pieces *p, size_t first, size_t count,
                                 const overlap_slopes *slopes) {
  overlap_job j = pixels_job(p, first, count, PLANE_GRADIENT);
  partial none;
  j.slopes = slopes;
  size_t units = p->shape.images * p->shape.inner;
  if (units)
    split_run(loops_of(p), &j, (division){units, SUM_BLOCK, GRAIN / count}, 0,
              p->request.options->executor, &none);
}

static void note(compensated *total, double loss) {
  sum_merge(total, (compensated){loss * SUM_UNIT, 0});
}

/* Groups [first, first + count), channels of short runs. */
static void finish_pixels(const pieces *p, const vloss_group_sums *sums, size_t first, size_t count,
                          compensated *total) {
  overlap_slopes slopes[MOST_CHANNELS];
  for (size_t k = 0; k < count; k++)
    note(total, finish(p, first + k, &sums[first + k], &slopes[k]));
  if (p->base.grad) differentiate_pixels(p, first, count, slopes);
}

static compensated finish_all(const pieces *p, const vloss_group_sums *sums) {
  compensated total = {0, 0};
  if (takes_pixels(p)) {
    for (size_t k = 0; k < p->shape.channels; k += MOST_CHANNELS)
      finish_pixels(p, sums, k, smaller(p->shape.channels - k, MOST_CHANNELS), &total);
    return total;
  }
  for (size_t g = 0; g < p->shape.groups; g++) {
    overlap_slopes slopes;
    note(&total, finish(p, g, &sums[g], &slopes));
    if (p->base.grad) differentiate_runs(p, runs_of(&p->shape, p->options.grouping, g), &slopes);
  }
  return total;
}

/* --------------------------------------------------------------------------------------- checks */

/* What both calls have; nothing of a loss that is none of these. */
static void check(pieces *p, const vloss_loss *about, size_t images, size_t size,
                  const vloss_overlap_options *own) {
  request *r = &p->request;
  if (!about || about->family != VLOSS_OVERLAP) {
    request_fail(r, about ? VLOSS_ERROR_PARAMETER : VLOSS_ERROR_NULL, "about");
    return;
  }
  p->id = (enum loss_id)(about - vloss_registry);
  own = request_struct(r, "overlap", own, STRUCT_SIZES(vloss_overlap_options, channels));
  p->elements = request_product(r, "size", images, size);
  request_fields(r, about, own, &p->options);
  overlap_check_log(r, &p->options);
  if (p->options.activation == VLOSS_SOFTMAX) request_fail(r, VLOSS_ERROR_ENUM, "activation");
  if (r->status == VLOSS_OK)
    p->shape = overlap_shape_of(r, images, size, own ? own->channels : 0, &p->options);
  request_product(r, "channels", p->shape.groups, sizeof(vloss_group_sums));
}

static vloss_status add(vloss_dtype dtype, const vloss_loss *about, const void *input,
                        const void *target, size_t images, size_t size,
                        const vloss_overlap_options *own, vloss_report *report,
                        vloss_group_sums *sums) {
  vloss_options options = VLOSS_OPTIONS_INIT;
  pieces p = {.options = VLOSS_OVERLAP_OPTIONS_INIT, .input = input, .target = target};
  request *r = &p.request;
  options.report = report;
  request_open(r, dtype, &options, NULL, NULL);
  check(&p, about, images, size, own);
  if (p.shape.groups && !sums) request_fail(r, VLOSS_ERROR_NULL, "sums");
  r->further_bytes = region_of(sums, p.shape.groups * sizeof *sums);
  r->further_name = "sums";
  r->report_bytes = region_of(report, r->status == VLOSS_OK && report ? report->struct_size : 0);
  if (r->status == VLOSS_OK) {
    request_input(r, "input", input, p.elements, request_width(r));
    request_input(r, "target", target, p.elements, request_width(r));
  }
  if (request_ready(r) && p.elements) add_all(&p, sums);
  return request_close(r);
}

static vloss_status from_sums(vloss_dtype dtype, const vloss_loss *about,
                              const vloss_group_sums *sums, const void *input, const void *target,
                              size_t images, size_t size, const vloss_overlap_options *own,
                              const vloss_options *options, void *loss, void *grad) {
  pieces p = {.options = VLOSS_OVERLAP_OPTIONS_INIT, .input = input, .target = target};
  request *r = &p.request;
  request_open(r, dtype, options, loss, grad);
  check(&p, about, images, size, own);
  if (r->status != VLOSS_OK) return request_close(r);
  request_outputs(r, p.shape.groups, p.elements);
  request_main_input(r, "input", input);
  request_input(r, "target", target, p.elements, request_width(r));
  request_input(r, "sums", sums, p.shape.groups, sizeof *sums);
  if (!request_ready(r)) return request_close(r);
  request_job(r, (double)p.shape.groups, input, &p.base);
  request_result(r, finish_all(&p, sums));
  return request_close(r);
}

#define DEFINE(dtype, id, real)                                                                   \
  vloss_status vloss_group_sums_add_##dtype(                                                      \
      const vloss_loss *about, const real *input, const real *target, size_t groups, size_t size, \
      const vloss_overlap_options *overlap, vloss_report *report, vloss_group_sums *sums) {       \
    return add(id, about, input, target, groups, size, overlap, report, sums);                    \
  }                                                                                               \
  vloss_status vloss_overlap_from_sums_##dtype(                                                   \
      const vloss_loss *about, const vloss_group_sums *sums, const real *input,                   \
      const real *target, size_t groups, size_t size, const vloss_overlap_options *overlap,       \
      const vloss_options *options, real *loss, real *grad) {                                     \
    return from_sums(id, about, sums, input, target, groups, size, overlap, options, loss, grad); \
  }
DEFINE(f32, VLOSS_F32, float)
DEFINE(f64, VLOSS_F64, double)
