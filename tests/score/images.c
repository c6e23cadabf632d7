/* SPDX-License-Identifier: Apache-2.0 */
#include "images.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testing.h"

void *new_array(size_t count, size_t width) {
  void *p = calloc(count + 1, width);
  if (p == NULL) {
    fputs("out of memory\n", stderr);
    abort();
  }
  return p;
}

image image_new(size_t height, size_t width) {
  return (image){height, width, new_array(height * width, 1)};
}

static void fill_rectangle(rng *r, image *i) {
  size_t top = rng_below(r, i->height), left = rng_below(r, i->width);
  size_t bottom = top + 1 + rng_below(r, i->height - top);
  size_t right = left + 1 + rng_below(r, i->width - left);
  for (size_t x = left; x < right; x++)
    for (size_t y = top; y < bottom; y++) i->pixels[x * i->height + y] = 1;
}

image image_random(rng *r, size_t height, size_t width) {
  static const double densities[] = {0, 1, .5, .03, .97};
  image i = image_new(height, width);
  size_t n = height * width, kind = rng_below(r, 8);
  if (!n) return i;
  if (kind >= 5) fill_rectangle(r, &i);
  double density = kind < 5 ? densities[kind] : kind == 6 ? .05 : 0;
  for (size_t k = 0; k < n; k++) i.pixels[k] ^= rng_unit(r) < density;
  return i;
}

void image_free(image *i) { free(i->pixels); }

size_t image_area(const image *i) {
  size_t area = 0;
  for (size_t k = 0; k < i->height * i->width; k++) area += i->pixels[k];
  return area;
}

vloss_mask image_runs(const image *i) {
  size_t n = i->height * i->width, count = 0;
  uint32_t *counts = new_array(n + 1, sizeof *counts);
  for (size_t k = 0; k < n; k++) {
    if (i->pixels[k] != count % 2) count++;
    counts[count]++;
  }
  return (vloss_mask){counts, count + 1, i->height, i->width};
}

void runs_free(vloss_mask *mask) { free((void *)(uintptr_t)mask->counts); }

vloss_mask runs_stretched(rng *r, const vloss_mask *mask) {
  uint32_t *counts = new_array(5 * mask->count, sizeof *counts);
  size_t count = 0;
  for (size_t i = 0; i < mask->count; i++) {
    uint32_t run = mask->counts[i], part = (uint32_t)rng_below(r, run + (size_t)1);
    counts[count++] = part;
    counts[count++] = 0;
    counts[count++] = run - part;
  }
  if (rng_below(r, 2)) count++; /* one of 0 at the end */
  return (vloss_mask){counts, count, mask->height, mask->width};
}

void expect_runs(const vloss_mask *expected, const uint32_t *counts, size_t count,
                 const char *what) {
  if (count != expected->count)
    fail_msg("%s, %zu x %zu: %zu runs, not %zu", what, expected->height, expected->width, count,
             expected->count);
  for (size_t i = 0; i < count; i++)
    if (counts[i] != expected->counts[i])
      fail_msg("%s, %zu x %zu: run %zu is %u, not %u", what, expected->height, expected->width, i,
               counts[i], expected->counts[i]);
}
