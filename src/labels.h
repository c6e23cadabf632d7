/* SPDX-License-Identifier: Apache-2.0 */
/* Labels of any type as numbers. */
#ifndef VLOSS_LABELS_H
#define VLOSS_LABELS_H

#include <vloss/types.h>

static inline int label_type_is_known(vloss_label_type type) {
  return (int)type >= VLOSS_LABEL_INT64 && (int)type <= VLOSS_LABEL_UINT8;
}

static inline size_t label_width(vloss_label_type type) {
  return type == VLOSS_LABEL_INT64 ? 8 : type == VLOSS_LABEL_INT32 ? 4 : 1;
}

static inline int64_t label_at(vloss_labels labels, size_t i) {
  if (labels.type == VLOSS_LABEL_INT64) return ((const int64_t *)labels.data)[i];
  if (labels.type == VLOSS_LABEL_INT32) return ((const int32_t *)labels.data)[i];
  return ((const uint8_t *)labels.data)[i];
}

#endif
