/* SPDX-License-Identifier: Apache-2.0 */
/* Checking a call that scores: the first fault wins and is remembered with the name of its
 * argument; nothing but the report is written before all arguments are good. */
#ifndef VLOSS_SCORING_H
#define VLOSS_SCORING_H

#include "api/check.h"

enum { SCORING_ARRAYS = 16 };

/* An array of the call; of nothing if it is not there. */
typedef struct scoring_array {
  region bytes;
  const char *name;
  int output;
} scoring_array;

typedef struct scoring {
  vloss_status status;
  const char *argument;
  vloss_report *report;
  size_t counted, ignored, degenerate, bad;
  scoring_array arrays[SCORING_ARRAYS];
  size_t array_count;
  uint64_t control; /* the caller's floating point control word */
} scoring;

static inline void scoring_fail(scoring *s, vloss_status status, const char *argument) {
  if (s->status != VLOSS_OK) return;
  s->status = status;
  s->argument = argument;
}

/* The same, with the index of what is bad. */
static inline void scoring_fail_at(scoring *s, vloss_status status, const char *argument,
                                   size_t index) {
  if (s->status == VLOSS_OK) s->bad = index;
  scoring_fail(s, status, argument);
}

static inline void scoring_note(scoring *s, const char *name, const void *data, size_t bytes,
                                int output) {
  s->arrays[s->array_count++] = (scoring_array){region_of(data, bytes), name, output};
}

/* count * width bytes, or a fault where that many cannot exist */
static inline size_t scoring_bytes(scoring *s, const char *name, size_t count, size_t width) {
  size_t bytes;
  if (!__builtin_mul_overflow(count, width, &bytes) && bytes <= PTRDIFF_MAX) return bytes;
  scoring_fail(s, VLOSS_ERROR_SIZE, name);
  return 0;
}

/* count items that the call reads; NULL is a fault unless there are none */
static inline void scoring_input(scoring *s, const char *name, const void *data, size_t count,
                                 size_t width) {
  size_t bytes = scoring_bytes(s, name, count, width);
  if (count && !data) scoring_fail(s, VLOSS_ERROR_NULL, name);
  scoring_note(s, name, data, bytes, 0);
}

/* count items that the call writes, or nothing at NULL */
static inline void scoring_output_or_null(scoring *s, const char *name, const void *data,
                                          size_t count, size_t width) {
  scoring_note(s, name, data, scoring_bytes(s, name, count, width), 1);
}

static inline void scoring_output(scoring *s, const char *name, const void *data, size_t count,
                                  size_t width) {
  if (count && !data) scoring_fail(s, VLOSS_ERROR_NULL, name);
  scoring_output_or_null(s, name, data, count, width);
}

/* The output of n x m numbers in double, in rows that may have a gap behind them. */
static inline void scoring_matrix(scoring *s, const double *out, size_t n, size_t m,
                                  size_t row_stride) {
  size_t count = 0;
  if (row_stride < m) scoring_fail(s, VLOSS_ERROR_PARAMETER, "row_stride");
  if (n && m &&
      (__builtin_mul_overflow(n - 1, row_stride, &count) ||
       __builtin_add_overflow(count, m, &count)))
    scoring_fail(s, VLOSS_ERROR_SIZE, "row_stride");
  else
    scoring_output(s, "out", out, count, sizeof *out);
}

/* Starts a call; what it found goes to `report`. */
static inline void scoring_open(scoring *s, vloss_report *report, const vloss_executor *executor) {
  *s = (scoring){.bad = SIZE_MAX, .control = vloss_cpu_pin()};
  if (report && !struct_is_known(report, REPORT_SIZES)) {
    scoring_fail(s, VLOSS_ERROR_STRUCT_SIZE, "report");
    report = NULL;
  }
  s->report = report;
  if (report) scoring_note(s, "report", report, report->struct_size, 1);
  if (executor && !executor->run) scoring_fail(s, VLOSS_ERROR_NULL, "executor");
}

/* Starts a call with options: `own` has the defaults and receives what the caller knows of them.
 * Returns whether they can be read. */
static inline int scoring_options(scoring *s, const char *name, const void *options,
                                  struct_sizes known, void *own) {
  if (options && !struct_is_known(options, known)) {
    scoring_open(s, NULL, NULL);
    scoring_fail(s, VLOSS_ERROR_STRUCT_SIZE, name);
    return 0;
  }
  if (options) memcpy(own, options, struct_size(options));
  return 1;
}

/* A workspace of which `need` bytes are used. */
static inline void scoring_workspace(scoring *s, const void *workspace, size_t size, size_t need) {
  if (need && size < need)
    scoring_fail(s, VLOSS_ERROR_WORKSPACE, "workspace");
  else
    scoring_output(s, "workspace", workspace, need, 1);
}

/* An array of 64-bit elements in a workspace, which has 7 bytes to spare. */
static inline void *aligned_workspace(void *workspace) {
  uintptr_t address = (uintptr_t)workspace;
  return (char *)workspace + ((8 - address % 8) % 8);
}

static inline void scoring_format(scoring *s, vloss_box_format format, int any_corners) {
  if ((int)format < VLOSS_XYXY || (int)format > VLOSS_CXCYWH)
    scoring_fail(s, VLOSS_ERROR_ENUM, "format");
  if (any_corners != 0 && any_corners != 1) scoring_fail(s, VLOSS_ERROR_ENUM, "any_corners");
  if (any_corners && format != VLOSS_XYXY) scoring_fail(s, VLOSS_ERROR_PARAMETER, "any_corners");
}

/* Labels that the call reads, which need not be there. */
static inline void scoring_labels(scoring *s, const char *name, vloss_labels labels, size_t n) {
  static const size_t widths[] = {
      [VLOSS_LABEL_INT64] = 8, [VLOSS_LABEL_INT32] = 4, [VLOSS_LABEL_UINT8] = 1};
  if (!labels.data) return;
  if ((int)labels.type < VLOSS_LABEL_INT64 || (int)labels.type > VLOSS_LABEL_UINT8)
    scoring_fail(s, VLOSS_ERROR_ENUM, name);
  else
    scoring_input(s, name, labels.data, n, widths[labels.type]);
}

/* Whether the call may run: no output overlaps another array. */
static inline int scoring_ready(scoring *s) {
  for (size_t i = 0; i < s->array_count; i++)
    for (size_t k = 0; k < s->array_count; k++)
      if (i != k && s->arrays[i].output && regions_overlap(s->arrays[i].bytes, s->arrays[k].bytes))
        scoring_fail(s, VLOSS_ERROR_OVERLAP, s->arrays[i].name);
  return s->status == VLOSS_OK;
}

/* Says how many results there are; returns whether they fit. */
static inline int scoring_count(scoring *s, size_t found, size_t capacity, size_t *count) {
  *count = found;
  if (found > capacity) scoring_fail(s, VLOSS_ERROR_CAPACITY, "capacity");
  return s->status == VLOSS_OK;
}

/* Writes the report and returns the status. */
static inline vloss_status scoring_close(scoring *s) {
  if (s->report)
    struct_put(s->report, &(vloss_report){0, 0, 0, s->counted, s->ignored, s->degenerate, s->bad,
                                          s->argument});
  vloss_cpu_unpin(s->control);
  return s->status;
}

#endif
