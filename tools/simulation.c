/* SPDX-License-Identifier: Apache-2.0 */
#include "simulation.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Two points are a task: their boxes stay in a first cache of 48 KiB through all steps. */
enum { SHAPES = 7, TASK_POINTS = 2, BOXES = TASK_POINTS * SIMULATION_CASES, LANES = 8 };

/* In one loop over numbers: each lane of the sum has its own order, whatever the compiler does. */
enum { NUMBERS = 4 * BOXES };

typedef struct task_result {
  double sum[SIMULATION_STEPS + 1], worst, seconds;
} task_result;

typedef struct run {
  const simulation *simulation;
  const call *call;
  const float *points; /* x and y, from the centre */
  task_result *results;
  size_t tasks;
  atomic_size_t done;
  atomic_flag reporting;
  atomic_int failed;
} run;

/* The boxes of a task. */
typedef struct boxes {
  float prediction[NUMBERS], target[NUMBERS], grad[NUMBERS], iou_loss[BOXES];
  size_t count;
} boxes;

/* Sebastiano Vigna's splitmix64; 24 bits of it in [-1, 1). */
static float random_number(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  z ^= z >> 31;
  return (float)(z >> 40) * 0x1p-23f - 1.0f;
}

/* By rejection: sines differ from one libm to the next. */
static void make_points(uint64_t seed, float *points, size_t count) {
  for (size_t i = 0; i < count;) {
    float x = random_number(&seed), y = random_number(&seed);
    if (x * x + y * y > 1) continue;
    points[2 * i] = 3 * x;
    points[2 * i + 1] = 3 * y;
    i++;
  }
}

static const float aspects[SHAPES] = {0.25f, 1.0f / 3.0f, 0.5f, 1, 2, 3, 4};
static const float areas[SHAPES] = {0.5f, 0.67f, 0.75f, 1, 1.33f, 1.5f, 2};

static void put_box(float *box, const float *offset, float area, float aspect) {
  box[0] = 10 + offset[0];
  box[1] = 10 + offset[1];
  box[2] = sqrtf(area * aspect);
  box[3] = sqrtf(area / aspect);
}

static void make_boxes(const float *points, size_t count, boxes *b) {
  static const float centre[2] = {0, 0};
  size_t at = 0;
  memset(b->prediction, 0, sizeof b->prediction); /* what is left over has no error */
  memset(b->target, 0, sizeof b->target);
  for (size_t point = 0; point < count; point++)
    for (int area = 0; area < SHAPES; area++)
      for (int shape = 0; shape < SHAPES; shape++)
        for (int target = 0; target < SHAPES; target++, at += 4) {
          put_box(b->prediction + at, points + 2 * point, areas[area], aspects[shape]);
          put_box(b->target + at, centre, 1, aspects[target]);
        }
  b->count = count * SIMULATION_CASES;
}

static double sum_of_errors(const boxes *b) {
  double lanes[LANES] = {0}, sum = 0;
  for (size_t i = 0; i < NUMBERS; i += LANES)
    for (size_t k = 0; k < LANES; k++)
      lanes[k] += fabs((double)b->prediction[i + k] - (double)b->target[i + k]);
  for (size_t k = 0; k < LANES; k++) sum += lanes[k];
  return sum;
}

/* A NaN is worse than any number. */
static double worse(double a, double b) { return isnan(a) || a >= b ? a : b; }

static double worst_error(const boxes *b) {
  double worst = 0;
  for (size_t i = 0; i < NUMBERS; i += 4) {
    double error = 0;
    for (size_t k = 0; k < 4; k++)
      error += fabs((double)b->prediction[i + k] - (double)b->target[i + k]);
    worst = worse(worst, error);
  }
  return worst;
}

static float rate_of(int step) { return step <= 160 ? 0.1f : step <= 180 ? 0.01f : 0.001f; }

static void descend(boxes *b, float rate) {
  for (size_t i = 0; i < BOXES; i++) {
    float pace = rate * (1 + b->iou_loss[i]); /* 2 - IoU */
    for (size_t k = 0; k < 4; k++) b->prediction[4 * i + k] -= pace * b->grad[4 * i + k];
  }
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* The loss's gradient, one per box, and IoU: the library's calls for one step. */
static vloss_status evaluate(const call *c, boxes *b, double *seconds) {
  vloss_box_options centres = VLOSS_BOX_OPTIONS_INIT;
  vloss_options sum = VLOSS_OPTIONS_INIT, none = VLOSS_OPTIONS_INIT;
  call step = *c;
  sum.reduction = VLOSS_SUM;
  none.reduction = VLOSS_NONE;
  centres.format = VLOSS_CXCYWH;
  step.options = &sum;
  step.input = b->prediction;
  step.target = b->target;
  step.grad = b->grad;
  step.shape[0] = b->count;
  double begin = now();
  vloss_status status = call_run(&step);
  *seconds += now() - begin;
  if (status != VLOSS_OK) return status;
  return vloss_iou_f32(b->prediction, b->target, b->count, &centres, &none, b->iou_loss, NULL);
}

static void report(run *r) {
  const simulation *s = r->simulation;
  size_t done = atomic_fetch_add(&r->done, 1) + 1;
  if (s->progress == NULL || atomic_flag_test_and_set(&r->reporting)) return;
  s->progress(s->context, (double)done / (double)r->tasks);
  atomic_flag_clear(&r->reporting);
}

static void do_task(void *argument, size_t index) {
  run *r = argument;
  task_result *result = &r->results[index];
  boxes b;
  size_t first = index * TASK_POINTS, left = r->simulation->points - first;
  make_boxes(r->points + 2 * first, left < TASK_POINTS ? left : TASK_POINTS, &b);
  memset(b.grad, 0, sizeof b.grad);
  memset(b.iou_loss, 0, sizeof b.iou_loss);
  *result = (task_result){{sum_of_errors(&b)}, 0, 0};
  for (int step = 1; step <= SIMULATION_STEPS; step++) {
    if (evaluate(r->call, &b, &result->seconds) != VLOSS_OK) atomic_store(&r->failed, 1);
    descend(&b, rate_of(step));
    result->sum[step] = sum_of_errors(&b);
  }
  result->worst = worst_error(&b);
  report(r);
}

/* In the order of the tasks, whatever order they ran in. */
static void merge(const run *r, simulation_result *result) {
  double cases = (double)r->simulation->points * SIMULATION_CASES, seconds = 0;
  *result = (simulation_result){{0}, 0, 0};
  for (size_t i = 0; i < r->tasks; i++) {
    for (int step = 0; step <= SIMULATION_STEPS; step++)
      result->mean[step] += r->results[i].sum[step];
    result->worst = worse(result->worst, r->results[i].worst);
    seconds += r->results[i].seconds;
  }
  for (int step = 0; step <= SIMULATION_STEPS; step++) result->mean[step] /= cases;
  result->nanoseconds = 1e9 * seconds / (cases * SIMULATION_STEPS);
}

int simulate(const simulation *s, const call *c, simulation_result *result) {
  call centres = *c;
  run r = {.simulation = s, .call = &centres, .reporting = ATOMIC_FLAG_INIT};
  r.tasks = (s->points + TASK_POINTS - 1) / TASK_POINTS;
  float *points = malloc(2 * s->points * sizeof *points + 1);
  r.results = malloc(r.tasks * sizeof *r.results + 1);
  int failed = points == NULL || r.results == NULL;
  if (!failed) {
    make_points(s->seed, points, s->points);
    r.points = points;
    (void)call_set(&centres, "format", VLOSS_CXCYWH);
    if (s->executor != NULL)
      s->executor->run(s->executor->context, do_task, &r, r.tasks);
    else
      for (size_t i = 0; i < r.tasks; i++) do_task(&r, i);
    failed = atomic_load(&r.failed);
    merge(&r, result);
  }
  free(points);
  free(r.results);
  return failed;
}
