/* SPDX-License-Identifier: Apache-2.0 */
/* What the two kinds of files have in common. */
#ifndef VLOSS_TOOLS_COCO_LOAD_H
#define VLOSS_TOOLS_COCO_LOAD_H

#include "coco_data.h"
#include "coco_entry.h"

/* A file in memory, parsed. */
typedef struct coco_file {
  char *text;
  json_document *document;
  json_node root;
} coco_file;

/* Each of these returns 0, or an exit code after saying what is wrong. */

int coco_file_open(coco_file *file, const char *path);
void coco_file_close(coco_file *file);

/* A segmentation into the pool of runs; or the rectangle of a box. */
int coco_read_mask(coco_data *data, const entry *e, int field, coco_item *item);
int coco_make_mask(coco_data *data, const entry *e, int field, coco_item *item);

/* 17 keypoints into the pool. */
int coco_read_points(coco_data *data, const entry *e, int field, coco_item *item);

/* A new item behind the others. */
int coco_add_item(coco_items *items, coco_item **item);

#endif
