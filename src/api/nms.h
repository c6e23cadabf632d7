/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a suppression share. */
#ifndef VLOSS_API_NMS_H
#define VLOSS_API_NMS_H

#include "api/order.h"
#include "score/jobs.h"

/* What a call finds in its workspace. Arrays that are done with give their room to others. */
typedef struct nms_layout {
  uint64_t *items; /* of the sort */
  uint32_t *class_table;
  size_t table_size; /* a power of two */
  nms_job job;       /* the arrays in it */
} nms_layout;

/* Numbers classes in the order in which they appear by rank. */
void vloss_nms_number_classes(nms_layout *l, vloss_labels labels);

/* Soft and matrix suppression of n boxes, of which those in the order take part; the job's order
 * becomes that of the result. Returns how many those are, and where their scores are. */
size_t vloss_nms_soft(nms_job *j, vloss_dtype dtype, const void *scores, size_t n,
                      const void **results);
size_t vloss_nms_matrix(nms_job *j, vloss_dtype dtype, const void *scores,
                        const vloss_executor *executor, const void **results);

#endif
