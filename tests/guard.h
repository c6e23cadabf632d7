/* SPDX-License-Identifier: Apache-2.0 */
/* Memory between two pages that nothing may touch: the only check that sees every kind of access
 * outside an array (sanitizers miss masked loads and streamed stores). */
#ifndef VLOSS_TESTS_GUARD_H
#define VLOSS_TESTS_GUARD_H

#include <stddef.h>

typedef struct guard {
  unsigned char *first, *end; /* the bytes that may be used */
} guard;

/* Aborts the program when memory is short. */
guard guard_new(size_t bytes);
void guard_free(guard *g);

typedef enum placement {
  PLACE_START, /* behind the guard page, page-aligned */
  PLACE_ODD,   /* the same, one element further */
  PLACE_END,   /* in front of the other guard page */
  PLACEMENTS
} placement;

/* Where `bytes` go, elements being `element` bytes large; bytes + element must fit. */
void *guard_place(const guard *g, placement place, size_t bytes, size_t element);

/* Fill the neighbourhood of an output, and see whether it is as it was. */
void guard_paint(const guard *g, void *array, size_t bytes);
int guard_intact(const guard *g, const void *array, size_t bytes);

/* A fault names what was running, and ends the program with exit code 1. */
void guard_announce(const char *(*what)(void));

#endif
