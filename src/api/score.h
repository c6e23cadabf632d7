/* SPDX-License-Identifier: Apache-2.0 */
/* Checking a call that scores detections. As in check.h the first fault wins, and nothing but the
 * report is written before all is known to be good. */
#ifndef VLOSS_API_SCORE_H
#define VLOSS_API_SCORE_H

#include "api/check.h"
#include "score/jobs.h"

enum { SCORE_OUTPUTS = 6 };

typedef struct score_request {
  vloss_status status;
  const char *argument; /* that status complains of */
  vloss_report *report; /* or NULL */
  size_t counted, degenerate;
  struct {
    const char *name;
    region bytes;
  } outputs[SCORE_OUTPUTS]; /* with the report and the workspace */
  size_t output_count;
  uint64_t control; /* the caller's floating point control word */
} score_request;

void vloss_score_open(score_request *r);
/* What the call is told of through its options. */
void vloss_score_report(score_request *r, vloss_report *report);
void vloss_score_executor(score_request *r, const vloss_executor *executor);

/* Remembers the first fault. */
void vloss_score_fail(score_request *r, vloss_status status, const char *argument);

/* The options that all calls with boxes have. */
void vloss_score_boxes(score_request *r, vloss_box_format format, int any_corners);

/* A pointer to something that must be there for count items of width bytes; an output may not
 * overlap another array. Outputs first. */
void vloss_score_output(score_request *r, const char *name, const void *data, size_t count,
                        size_t width);
void vloss_score_input(score_request *r, const char *name, const void *data, size_t count,
                       size_t width);

/* Writes the report and returns the status. */
vloss_status vloss_score_close(score_request *r);

/* How many of n boxes have an inverted axis or a NaN. */
size_t vloss_score_degenerate(const box_source *boxes, vloss_dtype dtype, size_t n);

#endif
