/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "npy.h"

/* Version 1.0, with the data at a multiple of 64 bytes. */
static void write_header(FILE *file, npy_type type, const npy_shape *shape) {
  enum { PREFIX = 10 };
  char text[NPY_SHAPE_TEXT];
  char header[PREFIX + NPY_SHAPE_TEXT + 192] = "\x93NUMPY\x01";
  int length = snprintf(header + PREFIX, sizeof header - PREFIX,
                        "{'descr': '%c%s', 'fortran_order': False, 'shape': %s, }",
                        npy_type_size(type) == 1 ? '|' : '<', npy_type_name(type),
                        npy_shape_text(shape, text));
  size_t used = PREFIX + (size_t)length;
  size_t total = (used + 1 + 63) / 64 * 64;
  memset(header + used, ' ', total - used - 1);
  header[total - 1] = '\n';
  header[8] = (char)((total - PREFIX) & 255);
  header[9] = (char)((total - PREFIX) >> 8);
  fwrite(header, 1, total, file);
}

void npy_write(FILE *file, npy_type type, const npy_shape *shape, const void *data) {
  write_header(file, type, shape);
  fwrite(data, npy_type_size(type), npy_shape_count(shape, 0, shape->axes), file);
}
