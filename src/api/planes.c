/* SPDX-License-Identifier: Apache-2.0 */
#include "api/planes.h"

#include "api/split.h"

/* Sums of parts take 15 KiB of stack. */
enum { CHUNK_MULTIPLE = 2048, GRAIN = 1 << 15, MANY_IMAGES = 64, MOST_PARTS = 320 };

/* Channels of some images that are taken together. */
typedef struct planes {
  const planes_call *call;
  size_t image, images, channel, channels;
  size_t group, groups; /* one that all channels share, or one for each channel */
  int whole; /* not split: the call is split by images, and both would take too much stack */
  const vloss_executor *executor;
} planes;

static size_t divide_up(size_t a, size_t b) { return a / b + (a % b != 0); }

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

static void *at(const void *p, size_t bytes) { return p ? (char *)(uintptr_t)p + bytes : NULL; }

static double weight_of(const planes *p, size_t k) {
  return request_number(p->call->request, p->call->base.weight, p->group + k, 1);
}

static overlap_job open_job(const planes *p, overlap_phase phase) {
  const planes_call *c = p->call;
  size_t image = c->channels * c->inner;
  size_t offset = (p->image * image + p->channel * c->inner) * request_width(c->request);
  overlap_job j = {.base = c->base,
                   .target = at(c->target, offset),
                   .phase = phase,
                   .options = c->options,
                   .channels = p->channels,
                   .inner = c->inner,
                   .image = image,
                   .shared = p->groups < p->channels};
  j.base.input = at(c->base.input, offset);
  j.base.grad = at(c->base.grad, offset);
  return j;
}

static void add(compensated to[3], const compensated from[3]) {
  for (int i = 0; i < 3; i++) sum_merge(&to[i], from[i]);
}

/* The sums of group k are left in sums[k]. */
static void add_pixels(const planes *p, int faint, compensated sums[MOST_PARTS][3]) {
  size_t units = p->images * p->call->inner, n = p->channels, most = MOST_PARTS / n;
  if (most > TASKS_MOST) most = TASKS_MOST;
  overlap_job j = open_job(p, PLANE_SUMS);
  j.faint = faint;
  j.part = divide_up(larger(GRAIN / n, divide_up(units, most)), CHUNK_MULTIPLE) * CHUNK_MULTIPLE;
  j.sums = sums;
  if (p->whole) j.part = units;
  partial none;
  split_run(p->call->sums_and_gradient, &j, (division){units, j.part, j.part}, 0, p->executor,
            &none);
  for (size_t i = 1; i < divide_up(units, j.part); i++)
    for (size_t k = 0; k < n; k++) add(sums[k], sums[i * n + k]);
  for (size_t k = 1; k < n && j.shared; k++) add(sums[0], sums[k]);
}

/* The loss of group k, times its weight; puts its slopes. */
static double finish(const planes *p, size_t k, const compensated sums[3], int faint,
                     overlap_slopes *slopes) {
  const planes_call *c = p->call;
  const request *r = c->request;
  double weight = weight_of(p, k);
  overlap_group g = group_of(r, sums, faint);
  *slopes = (overlap_slopes){.weightless = 1};
  if (weight != 0) {
    overlap_job j = {.phase = OVERLAP_TERMS, .options = c->options, .group = &g};
    partial none;
    c->terms(&j, 0, 1, &none);
    *slopes = group_slopes(r, &g, group_factor(r, &c->base, p->group + k));
    g.loss *= weight;
  }
  if (c->base.loss) request_store(r, c->base.loss, p->group + k, g.loss * c->base.loss_factor);
  return g.loss;
}

/* Finishes the groups whose sums, lifted as `faint` says, are right; returns what others want. */
static int finish_groups(const planes *p, compensated (*sums)[3], int faint, unsigned char *wants,
                         overlap_slopes *slopes, compensated *total) {
  size_t size = p->images * p->call->inner * (p->groups < p->channels ? p->channels : 1);
  int others = 0;
  for (size_t k = 0; k < p->groups; k++) {
    if (faint == 0)
      wants[k] = (unsigned char)faint_products(p->call->request, p->call->options, sums[k], size);
    if (wants[k] == faint)
      sum_merge(total, (compensated){finish(p, k, sums[k], faint, slopes + k) * SUM_UNIT, 0});
    else if (wants[k] > faint)
      others |= 1 << wants[k];
  }
  return others;
}

/* Out of line, so that the gradient has the stack of the sums. */
__attribute__((noinline)) static void evaluate(const planes *p, overlap_slopes *slopes,
                                               compensated *total) {
  compensated sums[MOST_PARTS][3];
  unsigned char wants[MOST_CHANNELS];
  int others = 1;
  for (int faint = 0; faint <= (FAINT_PRODUCT | FAINT_MISTAKES); faint++) {
    if (!(others >> faint & 1)) continue;
    add_pixels(p, faint, sums);
    others |= finish_groups(p, sums, faint, wants, slopes, total);
  }
}

static int has_weight(const planes *p) {
  for (size_t k = 0; k < p->groups; k++)
    if (weight_of(p, k) != 0) return 1;
  return 0;
}

static void clear_losses(const planes *p) {
  const planes_call *c = p->call;
  for (size_t k = 0; c->base.loss && k < p->groups; k++)
    request_store(c->request, c->base.loss, p->group + k, 0);
}

/* 0 everywhere, whatever the input holds. */
static void clear_gradient(const planes *p) {
  const planes_call *c = p->call;
  overlap_job j = open_job(p, PLANE_GRADIENT);
  size_t width = request_width(c->request);
  for (size_t i = 0; j.base.grad && i < p->images; i++)
    memset(at(j.base.grad, i * j.image * width), 0, p->channels * c->inner * width);
}

static int has_slopes(const planes *p, const overlap_slopes *slopes) {
  for (size_t k = 0; k < p->groups; k++)
    if (!slopes[k].weightless) return 1;
  return 0;
}

static void run_planes(const planes *p, compensated *total) {
  overlap_slopes slopes[MOST_CHANNELS];
  int weighed = has_weight(p);
  if (weighed)
    evaluate(p, slopes, total);
  else
    clear_losses(p);
  if (!weighed || !has_slopes(p, slopes)) {
    clear_gradient(p);
    return;
  }
  if (!p->call->base.grad) return;
  overlap_job j = open_job(p, PLANE_GRADIENT);
  j.slopes = slopes;
  size_t units = p->images * p->call->inner;
  partial none;
  division d = {units, CHUNK_MULTIPLE, p->whole ? units : GRAIN / p->channels};
  split_run(p->call->sums_and_gradient, &j, d, 0, p->executor, &none);
}

/* Each image for itself. */
static void run_images(const void *work, size_t begin, size_t end, partial *result) {
  const planes_call *c = work;
  const vloss_executor *executor = c->request->options->executor;
  size_t groups = c->options->grouping == VLOSS_GROUP_IMAGE ? 1 : c->channels;
  int many = c->images >= MANY_IMAGES;
  for (size_t i = begin; i < end; i++) {
    planes p = {.call = c,
                .image = i,
                .images = 1,
                .channels = c->channels,
                .group = i * groups,
                .groups = groups,
                .whole = many,
                .executor = executor};
    run_planes(&p, &result->sums[0]);
  }
}

/* All images together; channels that no softmax couples go in portions. */
static void run_batch(const planes_call *c, compensated *total) {
  int shared = c->options->grouping == VLOSS_GROUP_BATCH;
  for (size_t k = 0, count; k < c->channels; k += count) {
    count = c->channels - k < MOST_CHANNELS ? c->channels - k : MOST_CHANNELS;
    planes p = {.call = c,
                .images = c->images,
                .channel = k,
                .channels = count,
                .group = k,
                .groups = shared ? 1 : count,
                .executor = c->request->options->executor};
    run_planes(&p, total);
  }
}

compensated vloss_planes_run(const planes_call *c) {
  partial found = {0};
  size_t size = c->channels * c->inner;
  if (c->options->grouping == VLOSS_GROUP_CHANNEL || c->options->grouping == VLOSS_GROUP_BATCH)
    run_batch(c, &found.sums[0]);
  else if (c->images < MANY_IMAGES)
    run_images(c, 0, c->images, &found);
  else
    split_run(run_images, c, (division){c->images, 1, size < GRAIN ? GRAIN / size : 1}, 1,
              c->request->options->executor, &found);
  return found.sums[0];
}
