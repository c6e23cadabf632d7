/* SPDX-License-Identifier: Apache-2.0 */
/* NumPy's .npy files: little-endian, C order, format versions 1 to 3. */
#ifndef VLOSS_TOOLS_NPY_H
#define VLOSS_TOOLS_NPY_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum npy_type {
  NPY_F4,
  NPY_F8,
  NPY_I8,
  NPY_I4,
  NPY_I2,
  NPY_I1,
  NPY_U8,
  NPY_U4,
  NPY_U2,
  NPY_U1,
  NPY_B1, /* a byte, 0 or 1 */
  NPY_TYPES
} npy_type;

enum { NPY_MAX_AXES = 64 }; /* NumPy 2's own limit */

typedef struct npy_shape {
  size_t axes;
  size_t size[NPY_MAX_AXES];
} npy_shape;

/* An array in memory; `data` has the alignment of its type. */
typedef struct npy {
  const char *path; /* NULL: not opened */
  npy_type type;
  npy_shape shape;
  size_t count; /* elements */
  const void *data;
  void *mapping, *memory; /* what npy_close() gives back */
  size_t mapping_size;
} npy;

size_t npy_type_size(npy_type type);
const char *npy_type_name(npy_type type); /* "f4" */

/* Elements of the axes [begin, end), whose product npy_open() has checked. */
size_t npy_shape_count(const npy_shape *shape, size_t begin, size_t end);

/* Is it "-", or /dev/stdin where that is a pipe? */
int npy_is_standard_input(const char *path);

/* An element of an array of integers; of u8, those above INT64_MAX are negative. */
int64_t npy_integer(const npy *array, size_t index);

/* "(3, 4)" */
enum { NPY_SHAPE_TEXT = 1600 };
const char *npy_shape_text(const npy_shape *shape, char text[NPY_SHAPE_TEXT]);

/* Each of these returns 0, or an exit code after saying what is wrong. */

/* Map a file, or read a pipe; "-" is standard input, which is read once. `path` must outlive the
 * array; npy_close() is due after success only. */
int npy_open(npy *array, const char *path);
void npy_close(npy *array);

/* Make i8 of integers. */
int npy_widen(npy *array);

/* Read the text of a header into type, shape and count. */
int npy_parse_header(npy *array, const char *text, size_t length);

/* Write a whole file; ferror() tells if that went wrong. */
void npy_write(FILE *file, npy_type type, const npy_shape *shape, const void *data);

#endif
