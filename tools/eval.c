/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <vloss/vloss.h>

#include "call.h"
#include "command.h"
#include "fail.h"
#include "layout.h"
#include "npy.h"
#include "output.h"
#include "parameter.h"
#include "print.h"
#include "request.h"
#include "threads.h"

typedef struct evaluation {
  npy arrays[ARRAYS];
  FILE *outputs[FILES - ARRAYS]; /* NULL: not asked for */
  npy_shape samples;
  call call;
  vloss_options options;
  vloss_executor executor;
  vloss_report report;
  double seconds;
} evaluation;

static const npy_type float_types[DTYPE_COUNT] = {[F32] = NPY_F4, [F64] = NPY_F8};

/* The reason of a bad label: the library has checked that there is one at that index. */
static int fail_label(const evaluation *e) {
  const npy *labels = &e->arrays[TARGET];
  size_t i = e->report.bad_label;
  int64_t label = npy_integer(labels, i);
  return fail("%s: label %" PRId64 " at index %zu is outside [0, %zu)", labels->path, label, i,
              e->call.shape[1]);
}

/* Blame the file, or the option, that the argument at fault came from. */
static int fail_status(const evaluation *e, vloss_status status) {
  static const struct {
    const char *argument;
    int array;
  } sources[] = {{"input", INPUT},
                 {"logits", INPUT},
                 {"target", TARGET},
                 {"labels", TARGET},
                 {"variance", VARIANCE},
                 {"weight", WEIGHT},
                 {"class_weight", CLASS_WEIGHT},
                 {"positive_weight", POSITIVE_WEIGHT},
                 {"grad_output", GRAD_OUTPUT}};
  if (status == VLOSS_ERROR_LABEL) return fail_label(e);
  const char *argument = e->report.argument != NULL ? e->report.argument : e->call.loss->name;
  const char *reason = vloss_status_string(status);
  for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
    const char *path = e->arrays[sources[i].array].path;
    if (path != NULL && strcmp(argument, sources[i].argument) == 0) {
      return fail("%s: %s", path, reason);
    }
  }
  char option[PARAMETER_TEXT];
  const vloss_parameter named = {.name = argument};
  parameter_option(&named, option);
  if (status == VLOSS_ERROR_PARAMETER || status == VLOSS_ERROR_ENUM) {
    return fail_usage("--%s: %s", option, reason);
  }
  return fail("%s: %s", argument, reason);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Run as often as wanted; the fastest counts, and never less than the clock can tell. */
static int run(const request *r, evaluation *e) {
  for (size_t i = 0; i < r->repeat; i++) {
    double begin = now();
    vloss_status status = call_run(&e->call);
    double seconds = now() - begin;
    if (status != VLOSS_OK) return fail_status(e, status);
    if (i == 0 || seconds < e->seconds) e->seconds = seconds;
  }
  if (e->seconds < 1e-9) e->seconds = 1e-9;
  return 0;
}

/* Before the work: an output that cannot be is no reason to wait. */
static int open_outputs(const request *r, evaluation *e) {
  int status = 0;
  for (int id = ARRAYS; id < FILES && !status; id++) {
    if (r->paths[id] != NULL)
      status = output_open(file_option(id), r->paths[id], &e->outputs[id - ARRAYS]);
  }
  return status;
}

static int write_output(const evaluation *e, int id, const npy_shape *shape, const void *data) {
  FILE *file = e->outputs[id - ARRAYS];
  if (file == NULL) return 0;
  npy_write(file, float_types[e->call.dtype], shape, data);
  return output_close(file);
}

static int write_outputs(const request *r, const evaluation *e) {
  const npy_shape one = {.axes = 0}, *shape = &e->arrays[INPUT].shape;
  int status = write_output(e, GRAD, shape, e->call.grad);
  if (!status) status = write_output(e, GRAD_VARIANCE, shape, e->call.grad_variance);
  if (status) return status;
  return write_output(e, LOSS, r->reduction == VLOSS_NONE ? &e->samples : &one, e->call.loss_out);
}

/* Of the arrays that were given or asked for, each counted once. */
static double array_bytes(const evaluation *e) {
  double bytes = e->call.grad != NULL ? (double)e->arrays[INPUT].count : 0;
  if (e->call.grad_variance != NULL) bytes += (double)e->arrays[INPUT].count;
  bytes += e->options.reduction == VLOSS_NONE ? (double)call_samples(&e->call) : 1;
  bytes *= (double)dtype_size(e->call.dtype);
  for (int id = 0; id < ARRAYS; id++) {
    if (e->arrays[id].path == NULL) continue;
    bytes += (double)e->arrays[id].count * (double)npy_type_size(e->arrays[id].type);
  }
  return bytes;
}

static void print_result(const request *r, const evaluation *e) {
  const call *c = &e->call;
  int reduced = r->reduction != VLOSS_NONE;
  double loss = !reduced ? 0 : c->dtype == F32 ? *(float *)c->loss_out : *(double *)c->loss_out;
  field_kind kind = !reduced ? FIELD_NONE : c->dtype == F32 ? FIELD_F32 : FIELD_F64;
  const vloss_report *report = &e->report;
  const field fields[] = {
      {.key = "name", .kind = FIELD_TEXT, .text = c->loss->name},
      {.key = "dtype", .kind = FIELD_TEXT, .text = dtype_name(c->dtype)},
      {.key = "reduction", .kind = FIELD_TEXT, .text = reduction_names[r->reduction]},
      {.key = "loss", .kind = kind, .number = loss},
      {.key = "sum", .kind = FIELD_F64, .number = report->sum},
      {.key = "weight", .kind = FIELD_F64, .number = report->weight},
      {.key = "counted", .kind = FIELD_COUNT, .count = report->counted},
      {.key = "ignored", .kind = FIELD_COUNT, .count = report->ignored},
      {.key = "degenerate", .kind = FIELD_COUNT, .count = report->degenerate},
      {.key = "isa", .kind = FIELD_TEXT, .text = vloss_isa()},
      {.key = "threads", .kind = FIELD_COUNT, .count = r->threads},
      {.key = "seconds", .kind = FIELD_MEASURED, .number = e->seconds},
      {.key = "elements_per_second",
       .kind = FIELD_MEASURED,
       .number = (double)call_elements(c) / e->seconds},
      {.key = "bytes_per_second", .kind = FIELD_MEASURED, .number = array_bytes(e) / e->seconds},
  };
  print_fields(fields, sizeof fields / sizeof *fields, r->json);
}

/* Everything between the arrays and the result. */
static int evaluate(const request *r, evaluation *e) {
  call *c = &e->call;
  int status = layout(r, e->arrays, c, &e->samples);
  if (status) return status;
  size_t size = dtype_size(c->dtype);
  size_t losses = r->reduction == VLOSS_NONE ? call_samples(c) : 1;
  /* calloc: samples of size 0 are not written, and one more: it may give NULL for nothing. */
  c->loss_out = calloc(losses + 1, size);
  if (r->paths[GRAD] != NULL) c->grad = calloc(call_elements(c) + 1, size);
  if (r->paths[GRAD_VARIANCE] != NULL) c->grad_variance = calloc(call_elements(c) + 1, size);
  if (c->loss_out == NULL || (r->paths[GRAD] != NULL && c->grad == NULL) ||
      (r->paths[GRAD_VARIANCE] != NULL && c->grad_variance == NULL)) {
    status = fail("out of memory for the results of %s", e->arrays[INPUT].path);
  }
  if (!status) status = run(r, e);
  if (!status) status = write_outputs(r, e);
  if (!status) print_result(r, e);
  free(c->loss_out);
  free(c->grad);
  free(c->grad_variance);
  return status;
}

static void prepare(request *r, evaluation *e) {
  e->report = (vloss_report)VLOSS_REPORT_INIT;
  e->options = (vloss_options)VLOSS_OPTIONS_INIT;
  e->options.reduction = r->reduction;
  e->options.divisor = r->divisor;
  e->options.scale = r->scale;
  e->options.weight = e->arrays[WEIGHT].data;
  e->options.grad_output = e->arrays[GRAD_OUTPUT].data;
  e->options.report = &e->report;
  e->executor = threads_executor(&r->threads);
  if (r->threads > 1) e->options.executor = &e->executor;
  e->call = r->call;
  e->call.options = &e->options;
}

int eval_main(int argc, char **argv) {
  request r;
  int status = read_request(argc, argv, &r);
  if (status) return status;
  if (r.help) {
    print_eval_help(r.call.loss);
    return EXIT_SUCCESS;
  }
  if (r.isa != NULL && vloss_set_isa(r.isa) != VLOSS_OK) {
    return fail_usage("--isa: '%s' is not usable here ('vloss info' shows what is)", r.isa);
  }
  evaluation e = {0};
  status = open_outputs(&r, &e);
  for (int id = 0; id < ARRAYS && !status; id++) {
    if (r.paths[id] != NULL) status = npy_open(&e.arrays[id], r.paths[id]);
  }
  if (!status) {
    prepare(&r, &e);
    status = evaluate(&r, &e);
  }
  for (int id = 0; id < ARRAYS; id++) npy_close(&e.arrays[id]);
  return status;
}
