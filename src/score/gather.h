/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes from anywhere in an array. */
#ifndef VLOSS_SCORE_GATHER_H
#define VLOSS_SCORE_GATHER_H

#include "score/box.h"

/* count of them by their indices, and zeros up to whole vectors */
ALWAYS_INLINE void gather_groups(const box_source *s, const uint32_t *indices, size_t count,
                                 real *to) {
  for (size_t k = 0; k < count; k++)
    memcpy(to + 4 * k, reals(s->data, 4 * (size_t)indices[k]), 4 * sizeof(real));
  for (; count % LANES; count++) memset(to + 4 * count, 0, 4 * sizeof(real));
}

/* LANES gathered ones. */
ALWAYS_INLINE vec4 ordered_groups(const real *from) {
  vec4 raw = vload4(from);
  return (vec4){vorder4(raw.x), vorder4(raw.y), vorder4(raw.z), vorder4(raw.w)};
}

ALWAYS_INLINE vec4 gather_raw(const box_source *s, const uint32_t *indices, size_t count) {
  real groups[4 * LANES];
  gather_groups(s, indices, count, groups);
  return ordered_groups(groups);
}

/* Boxes without what CIoU alone asks for. */
ALWAYS_INLINE box load_corners(const box_arrays *a, size_t i) {
  return (box){vload(a->x1 + i),   vload(a->y1 + i), vload(a->x2 + i), vload(a->y2 + i),
               vload(a->area + i), vset1(0),         vset1(0)};
}

ALWAYS_INLINE box broadcast_corners(const box_arrays *a, size_t i) {
  return (box){vset1(a->x1[i]),   vset1(a->y1[i]), vset1(a->x2[i]), vset1(a->y2[i]),
               vset1(a->area[i]), vset1(0),        vset1(0)};
}

ALWAYS_INLINE void store_corners(const box_arrays *a, size_t i, box b) {
  vstore(a->x1 + i, b.x1);
  vstore(a->y1 + i, b.y1);
  vstore(a->x2 + i, b.x2);
  vstore(a->y2 + i, b.y2);
  vstore(a->area + i, b.area);
}

#endif
