/* SPDX-License-Identifier: Apache-2.0 */
/* Checking a call that scores, or that is about states. As in check.h the first fault wins and is
 * remembered with the name of its argument, and nothing but the report is written before all
 * arguments are good; for any number of arrays, and not where nanoseconds count. */
#ifndef VLOSS_API_SCORE_H
#define VLOSS_API_SCORE_H

#include <string.h>

#include "api/region.h"
#include "api/structs.h"
#include "score/jobs.h"

enum { SCORE_ARRAYS = 18 };

/* An array of the call; of nothing if it is not there. */
typedef struct score_array {
  region bytes;
  const char *name;
  int output;
} score_array;

typedef struct score_request {
  vloss_status status;
  const char *argument; /* that status complains of */
  vloss_report *report; /* or NULL */
  size_t counted, ignored, degenerate, bad;
  score_array arrays[SCORE_ARRAYS];
  size_t array_count;
  uint64_t control; /* the caller's floating point control word */
} score_request;

/* Starts a call; what it found goes to `report`. */
void vloss_score_open(score_request *r, vloss_report *report, const vloss_executor *executor);

/* Before that, of a call with options: `own` has the defaults and receives what the caller knows of
 * them. Returns whether they can be read; if not, the call is open to be closed. */
int vloss_score_options(score_request *r, const char *name, const void *options, struct_sizes known,
                        void *own);

/* Remembers the first fault; and the index of what is bad. */
void vloss_score_fail(score_request *r, vloss_status status, const char *argument);
void vloss_score_fail_at(score_request *r, vloss_status status, const char *argument, size_t index);

/* The options that all calls with boxes have. */
void vloss_score_boxes(score_request *r, vloss_box_format format, int any_corners);

/* count * width bytes, or a fault where that many cannot exist */
size_t vloss_score_bytes(score_request *r, const char *name, size_t count, size_t width);

/* count items that the call reads, or writes; NULL is a fault unless there are none */
void vloss_score_input(score_request *r, const char *name, const void *data, size_t count,
                       size_t width);
void vloss_score_output(score_request *r, const char *name, const void *data, size_t count,
                        size_t width);

/* The same, but nothing at NULL. */
void vloss_score_input_or_null(score_request *r, const char *name, const void *data, size_t count,
                               size_t width);
void vloss_score_output_or_null(score_request *r, const char *name, const void *data, size_t count,
                                size_t width);

/* The output of n x m numbers, in rows that may have a gap behind them. Returns its bytes. */
size_t vloss_score_matrix(score_request *r, const void *out, size_t n, size_t m, size_t row_stride,
                          size_t width);

/* Labels that the call reads, which need not be there. */
void vloss_score_labels(score_request *r, const char *name, vloss_labels labels, size_t n);

/* A workspace of which `need` bytes are used. */
void vloss_score_workspace(score_request *r, const void *workspace, size_t size, size_t need);

/* An array of 64-bit elements in a workspace, which has 7 bytes to spare. */
static inline void *aligned_workspace(void *workspace) {
  uintptr_t address = (uintptr_t)workspace;
  return (char *)workspace + ((8 - address % 8) % 8);
}

/* An array that hangs on one of the inputs is none of the outputs, which come before. */
void vloss_score_apart(score_request *r, const void *data, size_t bytes);

/* Whether the call may run: no output overlaps another array. */
int vloss_score_ready(score_request *r);

/* Says how many results there are; returns whether they fit. */
int vloss_score_count(score_request *r, size_t found, size_t capacity, size_t *count);

/* Writes the report and returns the status. */
vloss_status vloss_score_close(score_request *r);

/* How many of n boxes have an inverted axis or a NaN. */
size_t vloss_score_degenerate(const box_source *boxes, vloss_dtype dtype, size_t n);

#endif
