/* SPDX-License-Identifier: Apache-2.0 */
/* Stands for the readers of JSON where the build has no library for it. */
#include "coco_data.h"
#include "fail.h"
#include "nms.h"

static int refuse(const char *path) {
  return fail("%s: this vloss was built without a reader of JSON (simdjson)", path);
}

int coco_load_truth(coco_data *data) { return refuse(data->paths[0]); }

int coco_load_results(coco_data *data, size_t file) { return refuse(data->paths[file]); }

int nms_results(suppression *s) { return refuse(s->paths[NMS_BOXES]); }
