/* SPDX-License-Identifier: Apache-2.0 */
#include "api/score.h"

void vloss_score_open(score_request *r) {
  *r = (score_request){.status = VLOSS_OK, .control = vloss_cpu_pin()};
}

void vloss_score_fail(score_request *r, vloss_status status, const char *argument) {
  if (r->status != VLOSS_OK) return;
  r->status = status;
  r->argument = argument;
}

void vloss_score_report(score_request *r, vloss_report *report) {
  if (!report) return;
  if (!struct_is_known(report, REPORT_SIZES)) {
    vloss_score_fail(r, VLOSS_ERROR_STRUCT_SIZE, "report");
    return;
  }
  r->report = report;
  vloss_score_output(r, "report", report, 1, report->struct_size);
}

void vloss_score_executor(score_request *r, const vloss_executor *executor) {
  if (executor && !executor->run) vloss_score_fail(r, VLOSS_ERROR_NULL, "executor");
}

void vloss_score_boxes(score_request *r, vloss_box_format format, int any_corners) {
  if ((int)format < VLOSS_XYXY || (int)format > VLOSS_CXCYWH)
    vloss_score_fail(r, VLOSS_ERROR_ENUM, "format");
  if (any_corners != 0 && any_corners != 1) vloss_score_fail(r, VLOSS_ERROR_ENUM, "any_corners");
  if (any_corners && format != VLOSS_XYXY)
    vloss_score_fail(r, VLOSS_ERROR_PARAMETER, "any_corners");
}

/* The bytes of an array; a fault if it cannot exist. */
static region bytes_of(score_request *r, const char *name, const void *data, size_t count,
                       size_t width) {
  size_t bytes;
  if (__builtin_mul_overflow(count, width, &bytes) || bytes > PTRDIFF_MAX) {
    vloss_score_fail(r, VLOSS_ERROR_SIZE, name);
    return (region){0, 0};
  }
  if (bytes && !data) vloss_score_fail(r, VLOSS_ERROR_NULL, name);
  return region_of(data, bytes);
}

void vloss_score_input(score_request *r, const char *name, const void *data, size_t count,
                       size_t width) {
  region bytes = bytes_of(r, name, data, count, width);
  for (size_t i = 0; i < r->output_count; i++)
    if (regions_overlap(bytes, r->outputs[i].bytes))
      vloss_score_fail(r, VLOSS_ERROR_OVERLAP, r->outputs[i].name);
}

void vloss_score_output(score_request *r, const char *name, const void *data, size_t count,
                        size_t width) {
  region bytes = bytes_of(r, name, data, count, width);
  for (size_t i = 0; i < r->output_count; i++)
    if (regions_overlap(bytes, r->outputs[i].bytes)) vloss_score_fail(r, VLOSS_ERROR_OVERLAP, name);
  r->outputs[r->output_count].name = name;
  r->outputs[r->output_count++].bytes = bytes;
}

vloss_status vloss_score_close(score_request *r) {
  if (r->report)
    struct_put(r->report, &(vloss_report){.counted = r->counted,
                                          .degenerate = r->degenerate,
                                          .bad_label = SIZE_MAX,
                                          .argument = r->argument});
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
