/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "score/mask_pixels.h"
#include "score/masks.h"

/* Shorter runs are stored with what follows them, which is cheaper than a call. */
enum { SHORT_RUN = 32 };

static void decode_column_major(const vloss_mask *mask, uint8_t *pixels) {
  uint8_t *end = pixels + mask->height * mask->width;
  for (size_t i = 0; i < mask->count; i++) {
    size_t run = mask->counts[i];
    int value = i & 1;
    if (run <= SHORT_RUN && end - pixels >= SHORT_RUN)
      memset(pixels, value, SHORT_RUN);
    else if (run) /* of no pixels, there may be no array */
      memset(pixels, value, run);
    pixels += run;
  }
}

/* The runs of a mask, cut at the ends of columns. */
typedef struct run_reader {
  const vloss_mask *mask;
  size_t index, left; /* of the run in which the next pixel is */
} run_reader;

/* The next stretch of at most `most` > 0 pixels of one value, which it returns. */
static inline int next_stretch(run_reader *r, size_t most, size_t *length) {
  while (!r->left) r->left = r->mask->counts[++r->index];
  *length = r->left < most ? r->left : most;
  r->left -= *length;
  return r->index & 1;
}

/* Sets the rows [begin, end) of a column in rows as load_columns() of the encoder has them. */
static void set_rows(uint64_t *rows, size_t column, size_t begin, size_t end) {
  for (size_t row = begin; row < end;) {
    size_t stop = row / 8 * 8 + 8 < end ? row / 8 * 8 + 8 : end;
    uint64_t bits = (UINT64_C(255) >> (8 - (stop - row))) << row % 8;
    rows[row / 8] |= bits << 8 * column;
    row = stop;
  }
}

static void store_columns(const uint64_t *rows, size_t height, size_t width, size_t columns,
                          uint8_t *pixels) {
  for (size_t y = 0; y < height; y++, pixels += width) {
    uint64_t flags = rows[y / 8] >> y % 8 & EACH_BYTE;
    if (columns == BLOCK_COLUMNS)
      store8(pixels, flags);
    else
      for (size_t k = 0; k < columns; k++) pixels[k] = flags >> 8 * k & 1;
  }
}

static void decode_block(run_reader *r, size_t columns, uint8_t *pixels) {
  uint64_t rows[BLOCK_HEIGHT / 8];
  size_t height = r->mask->height, length;
  memset(rows, 0, (height + 7) / 8 * sizeof *rows);
  for (size_t k = 0; k < columns; k++)
    for (size_t y = 0; y < height; y += length)
      if (next_stretch(r, height - y, &length)) set_rows(rows, k, y, y + length);
  store_columns(rows, height, r->mask->width, columns, pixels);
}

static void decode_row_major(const vloss_mask *mask, uint8_t *pixels) {
  run_reader r = {mask, 0, mask->count ? mask->counts[0] : 0};
  size_t height = mask->height, width = mask->width, length;
  if (height <= BLOCK_HEIGHT) {
    for (size_t x = 0; height && x < width; x += BLOCK_COLUMNS)
      decode_block(&r, width - x < BLOCK_COLUMNS ? width - x : BLOCK_COLUMNS, pixels + x);
    return;
  }
  for (size_t x = 0; x < width; x++)
    for (size_t y = 0; y < height; y += length) {
      int value = next_stretch(&r, height - y, &length);
      for (size_t k = 0; k < length; k++) pixels[(y + k) * width + x] = (uint8_t)value;
    }
}

void vloss_mask_fill(const vloss_mask *mask, vloss_mask_layout layout, uint8_t *pixels) {
  if (layout == VLOSS_ROW_MAJOR)
    decode_row_major(mask, pixels);
  else
    decode_column_major(mask, pixels);
}
