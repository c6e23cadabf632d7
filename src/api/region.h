/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of arrays, for what may not overlap. */
#ifndef VLOSS_REGION_H
#define VLOSS_REGION_H

#include <stddef.h>
#include <stdint.h>

/* The bytes of an array, [0, 0) if there are none. */
typedef struct region {
  uintptr_t begin, end;
} region;

static inline region region_of(const void *data, size_t bytes) {
  if (!data || !bytes) return (region){0, 0};
  return (region){(uintptr_t)data, (uintptr_t)data + bytes};
}

static inline int regions_overlap(region a, region b) { return a.begin < b.end && b.begin < a.end; }

#endif
