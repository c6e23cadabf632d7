/* SPDX-License-Identifier: Apache-2.0 */
/* Labels of any type as numbers. */
#ifndef VLOSS_LABELS_H
#define VLOSS_LABELS_H

#include <vloss/types.h>

static inline int64_t label_at(vloss_labels labels, size_t i) {
  if (labels.type == VLOSS_LABEL_INT64) return ((const int64_t *)labels.data)[i];
  if (labels.type == VLOSS_LABEL_INT32) return ((const int32_t *)labels.data)[i];
  return ((const uint8_t *)labels.data)[i];
}

#endif
