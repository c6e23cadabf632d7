/* SPDX-License-Identifier: Apache-2.0 */
#include "api/score.h"

#include "api/numbers.h"
#include "cpu.h"
#include "labels.h"

void vloss_score_fail(score_request *r, vloss_status status, const char *argument) {
  if (r->status != VLOSS_OK) return;
  r->status = status;
  r->argument = argument;
}

void vloss_score_fail_at(score_request *r, vloss_status status, const char *argument,
                         size_t index) {
  if (r->status == VLOSS_OK) r->bad = index;
  vloss_score_fail(r, status, argument);
}

void vloss_score_open(score_request *r, vloss_report *report, const vloss_executor *executor) {
  r->status = VLOSS_OK;
  r->argument = NULL;
  r->report = NULL;
  r->counted = r->ignored = r->degenerate = r->array_count = 0;
  r->bad = SIZE_MAX;
  r->control = vloss_cpu_pin();
  if (report && !struct_is_known(report, REPORT_SIZES))
    vloss_score_fail(r, VLOSS_ERROR_STRUCT_SIZE, "report");
  else if (report) {
    r->report = report;
    vloss_score_output(r, "report", report, report->struct_size, 1);
  }
  if (executor && !executor->run) vloss_score_fail(r, VLOSS_ERROR_NULL, "executor");
}

int vloss_score_options(score_request *r, const char *name, const void *options, struct_sizes known,
                        void *own) {
  if (options && !struct_is_known(options, known)) {
    vloss_score_open(r, NULL, NULL);
    vloss_score_fail(r, VLOSS_ERROR_STRUCT_SIZE, name);
    return 0;
  }
  if (options) memcpy(own, options, struct_size(options));
  return 1;
}

void vloss_score_boxes(score_request *r, vloss_box_format format, int any_corners) {
  if ((int)format < VLOSS_XYXY || (int)format > VLOSS_CXCYWH)
    vloss_score_fail(r, VLOSS_ERROR_ENUM, "format");
  if (any_corners != 0 && any_corners != 1) vloss_score_fail(r, VLOSS_ERROR_ENUM, "any_corners");
  if (any_corners && format != VLOSS_XYXY)
    vloss_score_fail(r, VLOSS_ERROR_PARAMETER, "any_corners");
}

size_t vloss_score_bytes(score_request *r, const char *name, size_t count, size_t width) {
  size_t bytes;
  if (!__builtin_mul_overflow(count, width, &bytes) && bytes <= PTRDIFF_MAX) return bytes;
  vloss_score_fail(r, VLOSS_ERROR_SIZE, name);
  return 0;
}

static void note(score_request *r, const char *name, const void *data, size_t count, size_t width,
                 int output) {
  region bytes = region_of(data, vloss_score_bytes(r, name, count, width));
  r->arrays[r->array_count++] = (score_array){bytes, name, output};
}

void vloss_score_input_or_null(score_request *r, const char *name, const void *data, size_t count,
                               size_t width) {
  note(r, name, data, count, width, 0);
}

void vloss_score_output_or_null(score_request *r, const char *name, const void *data, size_t count,
                                size_t width) {
  note(r, name, data, count, width, 1);
}

void vloss_score_input(score_request *r, const char *name, const void *data, size_t count,
                       size_t width) {
  note(r, name, data, count, width, 0);
  if (count && !data) vloss_score_fail(r, VLOSS_ERROR_NULL, name);
}

void vloss_score_output(score_request *r, const char *name, const void *data, size_t count,
                        size_t width) {
  note(r, name, data, count, width, 1);
  if (count && !data) vloss_score_fail(r, VLOSS_ERROR_NULL, name);
}

size_t vloss_score_matrix(score_request *r, const void *out, size_t n, size_t m, size_t row_stride,
                          size_t width) {
  size_t count = 0;
  if (row_stride < m) vloss_score_fail(r, VLOSS_ERROR_PARAMETER, "row_stride");
  if (n && m &&
      (__builtin_mul_overflow(n - 1, row_stride, &count) ||
       __builtin_add_overflow(count, m, &count)))
    count = SIZE_MAX;
  vloss_score_output(r, "out", out, count, width);
  return r->status == VLOSS_OK ? count * width : 0;
}

void vloss_score_labels(score_request *r, const char *name, vloss_labels labels, size_t n) {
  if (!labels.data) return;
  if (!label_type_is_known(labels.type))
    vloss_score_fail(r, VLOSS_ERROR_ENUM, name);
  else
    vloss_score_input(r, name, labels.data, n, label_width(labels.type));
}

void vloss_score_workspace(score_request *r, const void *workspace, size_t size, size_t need) {
  if (need && size < need)
    vloss_score_fail(r, VLOSS_ERROR_WORKSPACE, "workspace");
  else
    vloss_score_output(r, "workspace", workspace, need, 1);
}

void vloss_score_apart(score_request *r, const void *data, size_t bytes) {
  for (size_t i = 0; i < r->array_count; i++)
    if (r->arrays[i].output && regions_overlap(r->arrays[i].bytes, region_of(data, bytes)))
      vloss_score_fail(r, VLOSS_ERROR_OVERLAP, r->arrays[i].name);
}

/* Of two outputs it is the later that should not be there. */
static int overlaps(const score_request *r, size_t output, size_t other) {
  if (output == other || (r->arrays[other].output && other > output)) return 0;
  return regions_overlap(r->arrays[output].bytes, r->arrays[other].bytes);
}

int vloss_score_ready(score_request *r) {
  for (size_t i = 0; i < r->array_count; i++)
    for (size_t k = 0; r->arrays[i].output && k < r->array_count; k++)
      if (overlaps(r, i, k)) vloss_score_fail(r, VLOSS_ERROR_OVERLAP, r->arrays[i].name);
  return r->status == VLOSS_OK;
}

int vloss_score_count(score_request *r, size_t found, size_t capacity, size_t *count) {
  *count = found;
  if (found > capacity) vloss_score_fail(r, VLOSS_ERROR_CAPACITY, "capacity");
  return r->status == VLOSS_OK;
}

vloss_status vloss_score_close(score_request *r) {
  if (r->report)
    struct_put(r->report, &(vloss_report){0, 0, 0, r->counted, r->ignored, r->degenerate, r->bad,
                                          r->argument});
  vloss_cpu_unpin(r->control);
  return r->status;
}

static double coordinate(const box_source *boxes, vloss_dtype dtype, size_t i) {
  if (boxes->integers) return ((const int32_t *)boxes->data)[i];
  return number_at(dtype, boxes->data, i, 0);
}

size_t vloss_score_degenerate(const box_source *boxes, vloss_dtype dtype, size_t n) {
  size_t count = 0;
  for (size_t i = 0; i < 4 * n; i += 4) {
    double x = coordinate(boxes, dtype, i), y = coordinate(boxes, dtype, i + 1);
    double z = coordinate(boxes, dtype, i + 2), w = coordinate(boxes, dtype, i + 3);
    int corners = boxes->format == VLOSS_XYXY;
    int inverted = z < (corners ? x : 0) || w < (corners ? y : 0);
    count += (inverted && !boxes->any_corners) || x != x || y != y || z != z || w != w;
  }
  return count;
}
