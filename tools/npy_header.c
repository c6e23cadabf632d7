/* SPDX-License-Identifier: Apache-2.0 */
/* The header of a .npy file is a Python literal:
 * {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "fail.h"
#include "npy.h"

static const struct {
  const char *name;
  size_t size;
} types[NPY_TYPES] = {
    [NPY_F4] = {"f4", 4}, [NPY_F8] = {"f8", 8}, [NPY_I8] = {"i8", 8}, [NPY_I4] = {"i4", 4},
    [NPY_I2] = {"i2", 2}, [NPY_I1] = {"i1", 1}, [NPY_U8] = {"u8", 8}, [NPY_U4] = {"u4", 4},
    [NPY_U2] = {"u2", 2}, [NPY_U1] = {"u1", 1}, [NPY_B1] = {"b1", 1},
};

size_t npy_type_size(npy_type type) { return types[type].size; }

const char *npy_type_name(npy_type type) { return types[type].name; }

typedef struct cursor {
  const char *path, *begin, *at, *end;
} cursor;

static int malformed(const cursor *c) {
  return fail("%s: malformed header at its byte %zu", c->path, (size_t)(c->at - c->begin));
}

static void skip_space(cursor *c) {
  while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t')) c->at++;
}

static int peek(cursor *c) {
  skip_space(c);
  return c->at < c->end ? (unsigned char)*c->at : -1;
}

static int accept(cursor *c, char wanted) {
  if (peek(c) != wanted) return 0;
  c->at++;
  return 1;
}

static int accept_word(cursor *c, const char *word) {
  size_t length = strlen(word);
  skip_space(c);
  if ((size_t)(c->end - c->at) < length || memcmp(c->at, word, length) != 0) return 0;
  c->at += length;
  return 1;
}

/* A string in either quotes, without escapes: no name or dtype that is known needs one. */
static int read_string(cursor *c, char *text, size_t size) {
  int quote = peek(c);
  if (quote != '\'' && quote != '"') return malformed(c);
  size_t length = 0;
  for (c->at++; c->at < c->end && *c->at != quote; c->at++) {
    if (*c->at < ' ' || *c->at > '~' || *c->at == '\\' || length + 1 >= size) return malformed(c);
    text[length++] = *c->at;
  }
  text[length] = '\0';
  return accept(c, (char)quote) ? 0 : malformed(c);
}

static int read_type(cursor *c, npy *array) {
  char text[32];
  if (peek(c) == '[') return fail("%s: structured dtypes are not supported", c->path);
  if (read_string(c, text, sizeof text)) return 1;
  if (text[0] == '>') return fail("%s: big-endian dtype '%s' is not supported", c->path, text);
  for (int i = 0; i < NPY_TYPES; i++) {
    if (text[0] != '\0' && strchr("<|=", text[0]) != NULL && strcmp(text + 1, types[i].name) == 0) {
      array->type = (npy_type)i;
      return 0;
    }
  }
  return fail("%s: dtype '%s' is not supported (f4, f8, integers and bool are)", c->path, text);
}

static int read_order(cursor *c, int *fortran) {
  *fortran = accept_word(c, "True");
  return *fortran || accept_word(c, "False") ? 0 : malformed(c);
}

static int read_size(cursor *c, size_t *size) {
  int digit = peek(c);
  if (digit < '0' || digit > '9') return malformed(c);
  const char *first = c->at;
  for (*size = 0; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
    size_t value = (size_t)(*c->at - '0');
    if (*size > (SIZE_MAX - value) / 10) return fail("%s: shape is too large", c->path);
    *size = *size * 10 + value;
  }
  if (*first == '0' && c->at > first + 1) return malformed(c); /* as in Python */
  accept(c, 'L'); /* Python 2 wrote its long integers so */
  return 0;
}

static int read_shape(cursor *c, npy_shape *shape) {
  if (!accept(c, '(')) return malformed(c);
  shape->axes = 0;
  while (!accept(c, ')')) {
    if (shape->axes == NPY_MAX_AXES) return fail("%s: more than %d axes", c->path, NPY_MAX_AXES);
    if (read_size(c, &shape->size[shape->axes])) return 1;
    shape->axes++;
    if (!accept(c, ',') && (shape->axes < 2 || peek(c) != ')')) return malformed(c);
  }
  return 0;
}

/* Axes of size 0 are left out of the check: no part of a shape may overflow either. */
static int count_elements(const char *path, npy *array) {
  size_t product = 1;
  int empty = 0;
  for (size_t i = 0; i < array->shape.axes; i++) {
    size_t size = array->shape.size[i];
    if (size == 0) {
      empty = 1;
    } else if (product > PTRDIFF_MAX / npy_type_size(array->type) / size) {
      return fail("%s: shape is too large", path);
    } else {
      product *= size;
    }
  }
  array->count = empty ? 0 : product;
  return 0;
}

/* Elements in a line, or none, are in either order the same. */
static int check_order(const npy *array, int fortran) {
  size_t longer = 0;
  for (size_t i = 0; i < array->shape.axes; i++) longer += array->shape.size[i] > 1;
  if (!fortran || longer <= 1 || array->count == 0) return 0;
  return fail("%s: Fortran order is not supported (numpy.ascontiguousarray helps)", array->path);
}

int npy_parse_header(npy *array, const char *text, size_t length) {
  static const char *const keys[] = {"descr", "fortran_order", "shape"};
  cursor c = {array->path, text, text, text + length};
  int seen[3] = {0, 0, 0}, fortran = 0;
  if (!accept(&c, '{')) return malformed(&c);
  while (!accept(&c, '}')) {
    char key[32];
    int k = 0;
    if (read_string(&c, key, sizeof key)) return 1;
    while (k < 3 && strcmp(key, keys[k]) != 0) k++;
    if (k == 3 || seen[k]++) return fail("%s: header has an extra key '%s'", c.path, key);
    if (!accept(&c, ':')) return malformed(&c);
    int status = k == 0   ? read_type(&c, array)
                 : k == 1 ? read_order(&c, &fortran)
                          : read_shape(&c, &array->shape);
    if (status) return status;
    if (!accept(&c, ',') && peek(&c) != '}') return malformed(&c);
  }
  if (peek(&c) != -1) return malformed(&c);
  for (int k = 0; k < 3; k++) {
    if (!seen[k]) return fail("%s: header has no '%s'", c.path, keys[k]);
  }
  int status = count_elements(c.path, array);
  return status ? status : check_order(array, fortran);
}

size_t npy_shape_count(const npy_shape *shape, size_t begin, size_t end) {
  size_t product = 1;
  for (size_t i = begin; i < end; i++) product *= shape->size[i];
  return product;
}

const char *npy_shape_text(const npy_shape *shape, char text[NPY_SHAPE_TEXT]) {
  size_t length = 1;
  strcpy(text, "(");
  for (size_t i = 0; i < shape->axes; i++) {
    const char *separator = i > 0 ? ", " : "";
    int more = snprintf(text + length, NPY_SHAPE_TEXT - length, "%s%zu", separator, shape->size[i]);
    length += (size_t)more;
  }
  snprintf(text + length, NPY_SHAPE_TEXT - length, shape->axes == 1 ? ",)" : ")");
  return text;
}
