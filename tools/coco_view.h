/* SPDX-License-Identifier: Apache-2.0 */
/* An image of a data set as the library wants it: arrays, and the similarity of masks or
 * keypoints. */
#ifndef VLOSS_TOOLS_COCO_VIEW_H
#define VLOSS_TOOLS_COCO_VIEW_H

#include "coco_data.h"

enum { COCO_BUFFERS = 16 };

/* One image at a time; to start with, zeros. */
typedef struct coco_view {
  vloss_coco_image image;
  struct {
    void *bytes;
    size_t size;
  } buffers[COCO_BUFFERS];
  size_t used; /* buffers of this image */
} coco_view;

/* Fills view->image; 0 if memory is short. */
int coco_view_open(coco_view *view, const coco_data *data, size_t image);
void coco_view_free(coco_view *view);

/* Memory that lasts until another image is opened; NULL if there is none. */
void *coco_view_memory(coco_view *view, size_t bytes);

#endif
