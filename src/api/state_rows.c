/* SPDX-License-Identifier: Apache-2.0 */
/* Losses of rows whose classes are in several shards, by states. */
#include "api/rows.h"
#include "api/split.h"
#include "dispatch.h"
#include "labels.h"
#include "registry.h"
#include "softmax_state.h"
#include "state_job.h"

/* Rows whose maxima are found before their sums are made, while both are in a cache. */
enum { ROWS_MOST = 32, GRAIN = 1 << 15, CLASSES_MOST = 1 << 22 };

/* A call: its request, sizes, options. */
typedef struct shard_call {
  request request;
  size_t rows, elements;
  vloss_shard shard;
  vloss_cross_entropy_options options;
  state_job job;
  kernel *run;
} shard_call;

/* --------------------------------------------------------------------------------------- checks */

static void check_shard(shard_call *c, const vloss_shard *shard) {
  request *r = &c->request;
  c->shard = (vloss_shard)VLOSS_SHARD_INIT;
  if (!shard) request_fail(r, VLOSS_ERROR_NULL, "shard");
  shard = request_struct(r, "shard", shard, STRUCT_SIZES(vloss_shard, all_classes));
  if (!shard) return;
  memcpy(&c->shard, shard, shard->struct_size);
  size_t all = c->shard.all_classes, first = c->shard.first_class, here = c->shard.classes;
  if (all > CLASSES_MOST) request_fail(r, VLOSS_ERROR_PARAMETER, "all_classes");
  if (first > all || here > all - first) request_fail(r, VLOSS_ERROR_PARAMETER, "first_class");
  c->rows = request_product(r, "n", c->shard.n, c->shard.inner);
  c->elements = request_product(r, "classes", c->rows, here);
  request_product(r, "n", c->rows, sizeof(vloss_softmax_state));
  if (all == 0) c->rows = 0;
}

static void check_options(shard_call *c, enum loss_id id, const vloss_cross_entropy_options *own) {
  request *r = &c->request;
  c->options = (vloss_cross_entropy_options)VLOSS_CROSS_ENTROPY_OPTIONS_INIT;
  own = request_struct(r, "cross_entropy", own, STRUCT_SIZES(vloss_cross_entropy_options, gamma));
  if (own) c->options.class_weight = own->class_weight;
  request_fields(r, &vloss_registry[id], own, &c->options);
}

/* The arrays of a call beside its logits and states. */
static void note_arrays(shard_call *c, vloss_labels labels) {
  request *r = &c->request;
  if (!label_type_is_known(labels.type)) request_fail(r, VLOSS_ERROR_ENUM, "labels");
  if (r->status != VLOSS_OK) return;
  request_input(r, "labels", labels.data, labels.data ? c->rows : 0, label_width(labels.type));
  if (c->options.class_weight)
    request_input(r, "class_weight", c->options.class_weight, c->rows ? c->shard.all_classes : 0,
                  request_width(r));
}

static void open_shard_call(shard_call *c, vloss_dtype dtype, const vloss_shard *shard,
                            const vloss_options *options, void *loss, void *grad) {
  *c = (shard_call){.rows = 0};
  request_open(&c->request, dtype, options, loss, grad);
  check_shard(c, shard);
}

/* The states as the output of a call that has no other. */
static void note_states(shard_call *c, const vloss_softmax_state *states) {
  request *r = &c->request;
  vloss_report *report = r->options->report;
  if (c->rows && !states) request_fail(r, VLOSS_ERROR_NULL, "states");
  if (r->status != VLOSS_OK) return;
  r->further_bytes = region_of(states, c->rows * sizeof *states);
  r->further_name = "states";
  r->report_bytes = region_of(report, report ? report->struct_size : 0);
}

/* The exponent of a power of two just above all class weights. */
static int weight_exponent(const shard_call *c) {
  double heaviest = c->options.class_weight ? 0 : 1;
  int exponent = 0;
  for (size_t k = 0; c->options.class_weight && k < c->shard.all_classes; k++) {
    double weight = request_number(&c->request, c->options.class_weight, k, 1);
    if (weight > heaviest) heaviest = weight; /* not fmax(): gcc 12 for AArch64 dies of it */
  }
  if (heaviest > 0) digits_of(heaviest, &exponent);
  return exponent;
}

static void fill_job(shard_call *c, const void *logits, vloss_labels labels) {
  const vloss_cross_entropy_options *o = &c->options;
  state_job *j = &c->job;
  j->rows.base.input = logits;
  j->rows.labels = labels;
  j->rows.classes = c->shard.all_classes;
  j->rows.inner = c->shard.inner;
  j->rows.class_weight = o->class_weight;
  j->rows.smoothing = o->smoothing;
  j->rows.gamma = o->gamma;
  j->rows.temperature = 1;
  j->rows.ignore_index = o->ignore_index;
  j->first_class = c->shard.first_class;
  j->classes = c->shard.classes;
  j->weight_exponent = o->smoothing > 0 ? weight_exponent(c) : 0;
  c->run = vloss_isa_active()->kernels[c->request.dtype]->softmax_states;
}

static void fail_row(request *r, size_t row) {
  if (r->status == VLOSS_OK) r->bad_label = row;
  request_fail(r, VLOSS_ERROR_PARAMETER, "states");
}

/* How many rows a task has, and start at multiples of. */
static division rows_division(const shard_call *c) {
  size_t classes = c->shard.classes;
  size_t grain = classes < GRAIN / ROWS_MOST ? GRAIN / (classes + 1) / ROWS_MOST * ROWS_MOST : 1;
  size_t quantum = grain < ROWS_MOST ? 1 : ROWS_MOST;
  return (division){c->rows, quantum, grain < 1 ? 1 : grain};
}

static void run_rows(const shard_call *c, kernel *run) {
  partial none;
  split_run(run, c, rows_division(c), 0, c->request.options->executor, &none);
}

/* --------------------------------------------------------------------------------------- states */

/* Raises the states of rows [begin, begin + count) to the logits of the shard. */
static void raise_rows(const shard_call *c, size_t begin, size_t count) {
  vloss_softmax_state tops[ROWS_MOST];
  state_job j = c->job;
  partial none;
  memset(tops, 0, sizeof tops);
  j.phase = STATE_TOPS;
  j.states = tops;
  j.first_row = begin;
  c->run(&j, begin, begin + count, &none);
  for (size_t k = 0; k < count; k++) vloss_state_merge(&c->job.states[begin + k], &tops[k]);
}

static size_t rows_at_once(const shard_call *c, size_t begin, size_t end) {
  size_t most = GRAIN / (c->shard.classes + 1);
  if (most > ROWS_MOST) most = ROWS_MOST;
  if (most < 1) most = 1;
  return end - begin < most ? end - begin : most;
}

static void maximum_rows(const void *work, size_t begin, size_t end, partial *result) {
  const shard_call *c = work;
  (void)result;
  for (size_t i = begin, count; i < end; i += count) {
    count = rows_at_once(c, i, end);
    raise_rows(c, i, count);
  }
}

static void update_rows(const void *work, size_t begin, size_t end, partial *result) {
  const shard_call *c = work;
  for (size_t i = begin, count; i < end; i += count) {
    count = rows_at_once(c, i, end);
    raise_rows(c, i, count);
    c->run(&c->job, i, i + count, result);
  }
}

static vloss_status maximum(vloss_dtype dtype, const void *logits, const vloss_shard *shard,
                            const vloss_cross_entropy_options *own, const vloss_options *options,
                            vloss_softmax_state *states) {
  const vloss_labels none = {NULL, VLOSS_LABEL_INT64};
  shard_call c;
  request *r = &c.request;
  open_shard_call(&c, dtype, shard, options, NULL, NULL);
  check_options(&c, LOSS_cross_entropy, own);
  note_states(&c, states);
  note_arrays(&c, none);
  if (r->status == VLOSS_OK) request_input(r, "logits", logits, c.elements, request_width(r));
  if (!request_ready(r)) return request_close(r);
  if (c.rows) vloss_rows_check_class_weights(r, c.options.class_weight, c.shard.all_classes);
  for (size_t i = 0; i < c.rows && r->status == VLOSS_OK; i++)
    if (states[i].classes != 0 || states[i].label != 0) fail_row(r, i);
  if (r->status != VLOSS_OK) return request_close(r);
  fill_job(&c, logits, none);
  c.job.states = states;
  if (c.rows && c.shard.classes) run_rows(&c, maximum_rows);
  return request_close(r);
}

static vloss_status update(vloss_dtype dtype, const void *logits, vloss_labels labels,
                           const vloss_shard *shard, const vloss_cross_entropy_options *own,
                           int entropy, const vloss_options *options, vloss_softmax_state *states) {
  shard_call c;
  request *r = &c.request;
  open_shard_call(&c, dtype, shard, options, NULL, NULL);
  check_options(&c, LOSS_cross_entropy, own);
  if (entropy != 0 && entropy != 1) request_fail(r, VLOSS_ERROR_ENUM, "entropy");
  note_states(&c, states);
  note_arrays(&c, labels);
  if (r->status == VLOSS_OK) request_input(r, "logits", logits, c.elements, request_width(r));
  if (!request_ready(r)) return request_close(r);
  if (c.rows) vloss_rows_check_class_weights(r, c.options.class_weight, c.shard.all_classes);
  if (labels.data && c.rows && r->status == VLOSS_OK)
    vloss_rows_check_labels(r, labels, c.rows, c.shard.all_classes, &c.options, NULL);
  for (size_t i = 0; i < c.rows && r->status == VLOSS_OK; i++)
    if (state_classes(&states[i]) > c.shard.all_classes - c.shard.classes) fail_row(r, i);
  if (r->status != VLOSS_OK) return request_close(r);
  fill_job(&c, logits, labels);
  c.job.phase = STATE_SUMS;
  c.job.states = states;
  c.job.smoothed = c.options.smoothing > 0;
  c.job.entropy = entropy;
  r->samples = c.rows;
  if (c.rows && c.shard.classes) run_rows(&c, update_rows);
  return request_close(r);
}

/* ---------------------------------------------------------------------------- loss and gradient */

/* The kernel, with the job of a call. */
static void finish_rows(const void *work, size_t begin, size_t end, partial *result) {
  const shard_call *c = work;
  c->run(&c->job, begin, end, result);
}

/* A request that is ready. */
static void run_states(shard_call *c, state_phase phase, const void *logits, vloss_labels labels,
                       double denominator, const vloss_softmax_state *states) {
  request *r = &c->request;
  partial found;
  fill_job(c, logits, labels);
  request_job(r, denominator, logits, &c->job.rows.base);
  c->job.phase = phase;
  c->job.states = (vloss_softmax_state *)(uintptr_t)states; /* only read */
  /* the sums must not depend on the shard's size, so that all shards give the same loss */
  division d = {c->rows, ROWS_MOST, ROWS_MOST};
  split_run(finish_rows, c, d, 1, r->options->executor, &found);
  request_result(r, found.sums[0]);
}

static vloss_status from_states(state_phase phase, enum loss_id id, vloss_dtype dtype,
                                const vloss_softmax_state *states, const void *logits,
                                vloss_labels labels, const vloss_shard *shard,
                                const vloss_cross_entropy_options *own,
                                const vloss_options *options, void *loss, void *grad) {
  int labelled = phase != STATE_ENTROPY;
  shard_call c;
  request *r = &c.request;
  open_shard_call(&c, dtype, shard, options, loss, grad);
  if (labelled) check_options(&c, id, own);
  if (labelled && c.rows && !labels.data) request_fail(r, VLOSS_ERROR_NULL, "labels");
  request_outputs(r, c.rows, c.elements);
  note_arrays(&c, labels);
  if (r->status == VLOSS_OK && (grad || logits)) request_main_input(r, "logits", logits);
  if (r->status == VLOSS_OK) request_input(r, "states", states, c.rows, sizeof *states);
  if (!request_ready(r)) return request_close(r);
  if (c.rows) vloss_rows_check_class_weights(r, c.options.class_weight, c.shard.all_classes);
  double total = (double)c.rows;
  if (labelled && c.rows && r->status == VLOSS_OK)
    total = vloss_rows_check_labels(r, labels, c.rows, c.shard.all_classes, &c.options,
                                    mean_weights(id, c.options.class_weight));
  for (size_t i = 0; i < c.rows && r->status == VLOSS_OK; i++)
    if (state_classes(&states[i]) != c.shard.all_classes) fail_row(r, i);
  if (r->status == VLOSS_OK) run_states(&c, phase, logits, labels, total, states);
  return request_close(r);
}

#define DEFINE_STATES(dtype, id, real)                                                           \
  vloss_status vloss_softmax_maximum_##dtype(                                                    \
      const real *logits, const vloss_shard *shard, const vloss_cross_entropy_options *own,      \
      const vloss_options *options, vloss_softmax_state *states) {                               \
    return maximum(id, logits, shard, own, options, states);                                     \
  }                                                                                              \
  vloss_status vloss_softmax_update_##dtype(                                                     \
      const real *logits, vloss_labels labels, const vloss_shard *shard,                         \
      const vloss_cross_entropy_options *own, int entropy, const vloss_options *options,         \
      vloss_softmax_state *states) {                                                             \
    return update(id, logits, labels, shard, own, entropy, options, states);                     \
  }                                                                                              \
  vloss_status vloss_entropy_with_logits_from_states_##dtype(                                    \
      const vloss_softmax_state *states, const real *logits, const vloss_shard *shard,           \
      const vloss_options *options, real *loss, real *grad) {                                    \
    const vloss_labels none = {NULL, VLOSS_LABEL_INT64};                                         \
    return from_states(STATE_ENTROPY, LOSS_entropy_with_logits, id, states, logits, none, shard, \
                       NULL, options, loss, grad);                                               \
  }
DEFINE_STATES(f32, VLOSS_F32, float)
DEFINE_STATES(f64, VLOSS_F64, double)

#define DEFINE_LABELLED(name, phase, dtype, id, real)                                             \
  vloss_status vloss_##name##_from_states_##dtype(                                                \
      const vloss_softmax_state *states, const real *logits, vloss_labels labels,                 \
      const vloss_shard *shard, const vloss_cross_entropy_options *own,                           \
      const vloss_options *options, real *loss, real *grad) {                                     \
    return from_states(phase, LOSS_##name, id, states, logits, labels, shard, own, options, loss, \
                       grad);                                                                     \
  }
DEFINE_LABELLED(cross_entropy, STATE_CROSS_ENTROPY, f32, VLOSS_F32, float)
DEFINE_LABELLED(cross_entropy, STATE_CROSS_ENTROPY, f64, VLOSS_F64, double)
DEFINE_LABELLED(focal_softmax, STATE_FOCAL_SOFTMAX, f32, VLOSS_F32, float)
DEFINE_LABELLED(focal_softmax, STATE_FOCAL_SOFTMAX, f64, VLOSS_F64, double)
