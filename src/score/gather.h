/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes from anywhere in an array. */
#ifndef VLOSS_SCORE_GATHER_H
#define VLOSS_SCORE_GATHER_H

#include "score/box.h"

/* count <= LANES of them by their indices, zeros behind them */
ALWAYS_INLINE vec4 gather_raw(const box_source *s, const uint32_t *indices, size_t count) {
  real block[4 * LANES] = {0};
  for (size_t k = 0; k < count; k++)
    memcpy(block + 4 * k, reals(s->data, 4 * (size_t)indices[k]), 4 * sizeof(real));
  vec4 raw = vload4(block);
  return (vec4){vorder4(raw.x), vorder4(raw.y), vorder4(raw.z), vorder4(raw.w)};
}

#endif
