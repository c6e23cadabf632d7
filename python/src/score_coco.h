/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VLOSS_PYTHON_SCORE_COCO_H
#define VLOSS_PYTHON_SCORE_COCO_H

#include <vloss/coco.h>

#include "score.h"

/* From (kind, thresholds, recalls, areas, max_detections, classes, frequencies). */
int read_coco(scoring *s, PyObject *tuple, vloss_coco_options *coco);

/* From (image_id, boxes, scores, classes, areas, target_boxes, target_classes, target_areas,
 * target_crowd, target_ignored, similarity, negative_classes, not_exhaustive_classes, format). */
int read_image(scoring *s, PyObject *tuple, vloss_coco_image *image);

#endif
