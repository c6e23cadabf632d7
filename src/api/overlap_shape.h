/* SPDX-License-Identifier: Apache-2.0 */
/* The shape of a call of an overlap loss, and what its options must not say. */
#ifndef VLOSS_OVERLAP_SHAPE_H
#define VLOSS_OVERLAP_SHAPE_H

#include "api/check.h"

/* Rules across fields. */
static inline void overlap_check_log(request *r, const vloss_overlap_options *o) {
  if (o->log && !(o->smoothing > 0)) request_fail(r, VLOSS_ERROR_PARAMETER, "smoothing");
  if (o->log && o->gamma != 1) request_fail(r, VLOSS_ERROR_PARAMETER, "gamma");
}

/* What the sizes mean: images x channels x inner. */
typedef struct overlap_shape {
  size_t images, channels, inner;
  size_t groups, size; /* of a group */
  int planes;          /* groups are not contiguous, or coupled by a softmax */
} overlap_shape;

/* `images` of `size` numbers each, in `channels` (0: none). */
static inline overlap_shape overlap_shape_of(request *r, size_t images, size_t size,
                                             size_t channels, const vloss_overlap_options *o) {
  vloss_grouping grouping = o->grouping;
  int softmax = o->activation == VLOSS_SOFTMAX, apart = grouping == VLOSS_GROUP_CHANNEL;
  int needs = softmax || apart || grouping == VLOSS_GROUP_IMAGE_CHANNEL;
  int good = channels ? size % channels == 0 : !needs;
  if (!good || (softmax && channels > MOST_CHANNELS)) {
    request_fail(r, VLOSS_ERROR_PARAMETER, "channels");
    channels = 0;
  }
  overlap_shape s = {images, channels, channels ? size / channels : size, images, size, 0};
  if (grouping == VLOSS_GROUP_IMAGE_CHANNEL) s.groups = images * channels;
  if (apart) s.groups = channels;
  if (grouping == VLOSS_GROUP_BATCH) s.groups = 1;
  s.size = s.groups ? images * size / s.groups : 0;
  s.planes = softmax || (apart && images > 1 && channels > 1);
  return s;
}

#endif
