/* SPDX-License-Identifier: Apache-2.0 */
/* Stands for the readers of JSON where the build has no library for it. */
#include "coco_data.h"
#include "fail.h"

int coco_load_truth(coco_data *data) {
  return fail("%s: this vloss was built without a reader of JSON (simdjson)", data->paths[0]);
}

int coco_load_results(coco_data *data, size_t file) {
  return fail("%s: this vloss was built without a reader of JSON (simdjson)", data->paths[file]);
}
