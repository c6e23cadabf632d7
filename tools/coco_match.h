/* SPDX-License-Identifier: Apache-2.0 */
/* What a COCO evaluation is left with: records, and what is needed to read them. */
#ifndef VLOSS_TOOLS_COCO_MATCH_H
#define VLOSS_TOOLS_COCO_MATCH_H

#include <stdio.h>

#include "coco_data.h"

/* Records with the options that they were made with. All memory is owned. */
typedef struct coco_state {
  coco_type type;
  vloss_coco_options options; /* complete, with classes and frequencies; points to the lists */
  double *thresholds, *recalls, *areas;
  size_t *limits;
  int64_t *classes;
  uint8_t *frequencies;
  char *names; /* of the classes, each with its '\0' */
  size_t names_size;
  vloss_coco_record *records;
  size_t count;
  size_t images, dropped;
} coco_state;

void coco_state_free(coco_state *state);

/* Each of these returns 0, or an exit code after saying what is wrong. */

/* The options of an evaluation of the data. */
int coco_state_open(coco_state *state, const coco_data *data);

/* Match all images; `confusion`, if not NULL, is a matrix to add to. */
int coco_match_all(coco_state *state, const coco_data *data, size_t threads, int64_t *confusion);

void coco_state_write(const coco_state *state, FILE *file);
int coco_state_read(coco_state *state, const char *path);

/* Add the records of another state, which must be of the same evaluation. */
int coco_state_merge(coco_state *state, const coco_state *other, const char *path);

#endif
