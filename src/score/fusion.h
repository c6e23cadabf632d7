/* SPDX-License-Identifier: Apache-2.0 */
/* Weighted boxes fusion: what is checked (fusion.c) and how it is done (fusion_clusters.c). */
#ifndef VLOSS_FUSION_H
#define VLOSS_FUSION_H

#include <vloss/assign.h>

typedef double real;

#include "score/corners.h"

/* Boxes that join each other. */
typedef struct box_cluster {
  double box[4];          /* fused, in the format of the call */
  double sums[4], weight; /* of s box and of s */
  double score;
  size_t first, members; /* the box that opened it, how many there are */
} box_cluster;

/* The boxes, and where they go: arrays in the workspace. */
typedef struct fusion {
  const void *boxes, *scores; /* of `width` bytes a number */
  size_t width, n;
  vloss_labels classes;
  double threshold, total_weight;
  const vloss_fusion_options *options;
  double *weighted;      /* n: s */
  size_t *order, *spare; /* n each */
  size_t *joined;        /* n: the cluster of a box, in the order of opening within its class */
  box_cluster *clusters; /* n */
  corners *overlaps;     /* n: the clusters' boxes by their corners */
  size_t used, count, degenerate; /* boxes that take part, clusters, degenerate boxes */
} fusion;

enum { FUSION_BOX_SIZE = 4 * 8 + sizeof(box_cluster) + sizeof(corners) };

/* Fuses; order[0..count) are then the clusters as they come out. */
void vloss_fuse(fusion *f);

int64_t vloss_fusion_class(const fusion *f, size_t i);

#endif
