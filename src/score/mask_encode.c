/* SPDX-License-Identifier: Apache-2.0 */
#include "score/mask_pixels.h"
#include "score/masks.h"

/* Pixels as they come: where they change goes to the writer. */
typedef struct scan {
  run_writer *writer;
  uint32_t place;
  uint64_t last; /* the pixel before */
} scan;

/* The next `n` of at most 64 pixels, the first in the lowest bit. */
static inline void scan_bits(scan *s, uint64_t bits, unsigned n) {
  uint64_t turns = bits ^ (bits << 1 | s->last);
  if (n < 64) turns &= ((uint64_t)1 << n) - 1;
  s->last = bits >> (n - 1) & 1;
  for (; turns; turns &= turns - 1)
    run_turn(s->writer, s->place + (uint32_t)__builtin_ctzll(turns));
  s->place += n;
}

/* Whether 64 pixels have this value. */
static inline int all_are(const uint8_t *pixels, uint8_t value) {
  uint64_t other = 0;
  for (int k = 0; k < 8; k++) other |= load8(pixels + 8 * k) ^ EACH_BYTE * value;
  return !other;
}

static void scan_column_major(scan *s, const uint8_t *pixels, size_t n) {
  for (; n >= 64; n -= 64, pixels += 64) {
    if (s->place && all_are(pixels, pixels[-1])) { /* most of an image goes on as it was */
      s->place += 64;
      continue;
    }
    uint64_t bits = 0;
    for (int k = 0; k < 8; k++) bits |= pack8(flags8(load8(pixels + 8 * k))) << 8 * k;
    scan_bits(s, bits, 64);
  }
  for (; n; n--, pixels++) scan_bits(s, *pixels != 0, 1);
}

/* The flags of up to 8 pixels of a row. */
static inline uint64_t row_flags(const uint8_t *pixels, size_t columns) {
  uint64_t a = 0;
  if (columns == BLOCK_COLUMNS) return flags8(load8(pixels));
  for (size_t k = 0; k < columns; k++) a |= (uint64_t)pixels[k] << 8 * k;
  return flags8(a);
}

/* Columns of a row-major image: byte k of rows[i] has the rows 8 i .. 8 i + 7 of column k. */
static void load_columns(const uint8_t *pixels, size_t height, size_t width, size_t columns,
                         uint64_t *rows) {
  for (size_t row = 0; row < height; row += 8) {
    uint64_t eight = 0;
    size_t left = height - row < 8 ? height - row : 8;
    for (size_t k = 0; k < left; k++) eight |= row_flags(pixels + (row + k) * width, columns) << k;
    rows[row / 8] = eight;
  }
}

static void scan_column(scan *s, const uint64_t *rows, size_t height, size_t column) {
  for (size_t row = 0; row < height; row += 64) {
    size_t left = height - row < 64 ? height - row : 64;
    uint64_t bits = 0;
    for (size_t k = 0; 8 * k < left; k++) bits |= (rows[row / 8 + k] >> 8 * column & 255) << 8 * k;
    scan_bits(s, bits, (unsigned)left);
  }
}

static void scan_row_major(scan *s, const uint8_t *pixels, size_t height, size_t width) {
  uint64_t rows[BLOCK_HEIGHT / 8];
  for (size_t x = 0; x < width; x += BLOCK_COLUMNS) {
    size_t columns = width - x < BLOCK_COLUMNS ? width - x : BLOCK_COLUMNS;
    if (height <= BLOCK_HEIGHT) load_columns(pixels + x, height, width, columns, rows);
    for (size_t k = 0; k < columns; k++) {
      if (height <= BLOCK_HEIGHT)
        scan_column(s, rows, height, k);
      else
        for (size_t y = 0; y < height; y++) scan_bits(s, pixels[y * width + x + k] != 0, 1);
    }
  }
}

size_t vloss_mask_scan(const uint8_t *pixels, size_t height, size_t width, vloss_mask_layout layout,
                       uint32_t *counts, size_t capacity) {
  run_writer writer = {counts, capacity, 0, 0};
  scan s = {&writer, 0, 0};
  if (layout == VLOSS_ROW_MAJOR)
    scan_row_major(&s, pixels, height, width);
  else
    scan_column_major(&s, pixels, height * width);
  run_end(&writer, s.place);
  return writer.count;
}
