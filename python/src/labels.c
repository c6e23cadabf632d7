/* SPDX-License-Identifier: Apache-2.0 */
#include "array.h"

#include <string.h>

/* An integer of any type; one beyond int64_t is -1 in `*too_large`. */
static int64_t integer_at(const array *a, size_t index, int *too_large) {
  union {
    uint8_t u8;
    int8_t i8;
    uint16_t u16;
    int16_t i16;
    uint32_t u32;
    int32_t i32;
    uint64_t u64;
    int64_t i64;
  } value;
  memcpy(&value, (const char *)a->data + index * a->width, a->width);
  int is_signed = a->kind == KIND_SIGNED;
  switch (a->width) {
    case 1: return is_signed ? value.i8 : value.u8;
    case 2: return is_signed ? value.i16 : value.u16;
    case 4: return is_signed ? value.i32 : (int64_t)value.u32;
    default: *too_large |= !is_signed && value.u64 > INT64_MAX; return value.i64;
  }
}

static int widen(array *a, const place *at) {
  int64_t *wide = PyMem_Malloc((a->count ? a->count : 1) * sizeof *wide);
  if (!wide) return PyErr_NoMemory(), -1;
  int too_large = 0;
  size_t i = 0;
  while (i < a->count && !too_large) {
    wide[i] = integer_at(a, i, &too_large);
    i++;
  }
  PyMem_Free(a->copy);
  a->data = a->copy = wide;
  a->kind = KIND_SIGNED;
  a->width = sizeof *wide;
  if (!too_large) return 0;
  return place_fail(at, PyExc_IndexError, "label %llu at index %zu exceeds int64",
                    (unsigned long long)wide[i - 1], i - 1);
}

int array_to_int64(array *a, const place *at) {
  if (a->kind == KIND_SIGNED && a->width == sizeof(int64_t)) return 0;
  if (a->kind == KIND_SIGNED || a->kind == KIND_UNSIGNED) return widen(a, at);
  return place_fail(at, PyExc_TypeError, "must be integers, not %s", array_type_name(a));
}

int array_to_doubles(array *a, const place *at) {
  int is_float = a->kind == KIND_FLOAT && (a->width == 4 || a->width == 8);
  if (is_float && a->width == 8) return 0;
  if (!is_float && a->kind != KIND_SIGNED && a->kind != KIND_UNSIGNED)
    return place_fail(at, PyExc_TypeError, "must be float32, float64 or integers, not %s",
                      array_type_name(a));
  double *wide = PyMem_Malloc((a->count ? a->count : 1) * sizeof *wide);
  if (!wide) return PyErr_NoMemory(), -1;
  int too_large = 0;
  for (size_t i = 0; i < a->count; i++)
    wide[i] = is_float ? (double)((const float *)a->data)[i] : (double)integer_at(a, i, &too_large);
  PyMem_Free(a->copy);
  a->data = a->copy = wide;
  a->kind = KIND_FLOAT;
  a->width = sizeof *wide;
  return too_large ? place_fail(at, PyExc_ValueError, "a number exceeds int64") : 0;
}

int array_to_labels(array *a, vloss_labels *labels, const place *at) {
  if (a->kind != KIND_SIGNED && a->kind != KIND_UNSIGNED)
    return place_fail(at, PyExc_TypeError, "labels must be integers, not %s", array_type_name(a));
  int known = a->kind == KIND_SIGNED ? a->width >= 4 : a->width == 1;
  if (!known && widen(a, at) != 0) return -1;
  labels->data = a->data;
  labels->type = a->width == 8   ? VLOSS_LABEL_INT64
                 : a->width == 4 ? VLOSS_LABEL_INT32
                                 : VLOSS_LABEL_UINT8;
  return 0;
}
