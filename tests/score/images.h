/* SPDX-License-Identifier: Apache-2.0 */
/* Images pixel by pixel, and their runs counted the slow way: what masks are compared with. */
#ifndef VLOSS_TESTS_IMAGES_H
#define VLOSS_TESTS_IMAGES_H

#include <vloss/mask.h>

#include "data.h"

typedef struct image {
  size_t height, width;
  uint8_t *pixels; /* column-major, 0 or 1 */
} image;

/* Zeroed memory of at least a byte; ends the program when there is none. */
void *new_array(size_t count, size_t width);

image image_new(size_t height, size_t width);
/* Empty, full, noise, a rectangle, or a rectangle with noise. */
image image_random(rng *r, size_t height, size_t width);
void image_free(image *i);

size_t image_area(const image *i);

/* Its runs, in memory to be freed. */
vloss_mask image_runs(const image *i);
void runs_free(vloss_mask *mask);

/* The same image in runs some of which are 0, in memory to be freed. */
vloss_mask runs_stretched(rng *r, const vloss_mask *mask);

/* Fails the running test unless both are equal. */
void expect_runs(const vloss_mask *expected, const uint32_t *counts, size_t count,
                 const char *what);

#endif
