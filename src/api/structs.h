/* SPDX-License-Identifier: Apache-2.0 */
/* Structs that start with their size, of callers who may know fewer fields. */
#ifndef VLOSS_STRUCTS_H
#define VLOSS_STRUCTS_H

#include <string.h>

#include <vloss/types.h>

/* What a struct of options may measure: as in the first release, which ended with the field `last`,
 * or up to today, with fields that came later. */
typedef struct struct_sizes {
  size_t first, now;
} struct_sizes;

#define STRUCT_SIZES(type, last)                                                            \
  ((struct_sizes){(offsetof(type, last) + sizeof(((type *)0)->last) + _Alignof(type) - 1) / \
                      _Alignof(type) * _Alignof(type),                                      \
                  sizeof(type)})
#define OPTIONS_SIZES STRUCT_SIZES(vloss_options, report)
#define REPORT_SIZES STRUCT_SIZES(vloss_report, argument)

static inline size_t struct_size(const void *s) { return *(const size_t *)s; }

static inline int struct_is_known(const void *s, struct_sizes known) {
  return struct_size(s) >= known.first && struct_size(s) <= known.now;
}

/* Whether the caller's struct has a field: what stands beyond its size came later. */
static inline int struct_has(const void *s, size_t offset) { return s && offset < struct_size(s); }

/* Writes the fields that the caller's struct has. */
static inline void struct_put(void *to, const void *whole) {
  size_t head = sizeof(size_t);
  memcpy((char *)to + head, (const char *)whole + head, struct_size(to) - head);
}

#endif
