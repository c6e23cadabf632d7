/* SPDX-License-Identifier: Apache-2.0 */
/* What calls of COCO evaluation share: their options, and checked images and records. */
#ifndef VLOSS_API_COCO_H
#define VLOSS_API_COCO_H

#include "api/score.h"
#include "score/coco.h"

typedef struct coco_call {
  score_request request;
  vloss_coco_options options; /* with all their lists */
} coco_call;

/* Opens a call; NULL options are the defaults. */
void vloss_coco_open(coco_call *call, const vloss_coco_options *coco);

/* An image with the fields that its caller does not know. */
vloss_coco_image vloss_coco_open_image(coco_call *call, const vloss_coco_image *image);

/* Records that the call orders, in a workspace. */
void vloss_coco_open_records(coco_call *call, vloss_coco_record *records, size_t count,
                             void *workspace, size_t workspace_size);

#endif
