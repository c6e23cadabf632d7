/* SPDX-License-Identifier: Apache-2.0 */
/* The structs of DLPack 1.3 (https://dmlc.github.io/dlpack) that cross from other libraries: laid
 * out as its ABI says, under names of our own. */
#ifndef VLOSS_PYTHON_DLPACK_H
#define VLOSS_PYTHON_DLPACK_H

#include <stdint.h>

enum { DLPACK_MAJOR = 1, DLPACK_CPU = 1 };
enum { DLPACK_INT = 0, DLPACK_UINT = 1, DLPACK_FLOAT = 2, DLPACK_BOOL = 6 };

typedef struct dlpack_version {
  uint32_t major, minor;
} dlpack_version;

typedef struct dlpack_tensor {
  void *data;
  struct {
    int32_t type, id;
  } device;
  int32_t dimensions;
  struct {
    uint8_t code, bits;
    uint16_t lanes;
  } type;
  int64_t *shape;
  int64_t *strides; /* in elements; NULL: C order */
  uint64_t byte_offset;
} dlpack_tensor;

/* What a capsule "dltensor" holds. */
typedef struct dlpack_managed {
  dlpack_tensor tensor;
  void *context;
  void (*deleter)(struct dlpack_managed *);
} dlpack_managed;

/* What a capsule "dltensor_versioned" holds. */
typedef struct dlpack_versioned {
  dlpack_version version;
  void *context;
  void (*deleter)(struct dlpack_versioned *);
  uint64_t flags;
  dlpack_tensor tensor;
} dlpack_versioned;

/* The C exchange API, `type.__dlpack_c_exchange_api__`: a capsule "dlpack_exchange_api". */
typedef struct dlpack_exchange {
  dlpack_version version;
  const struct dlpack_exchange *previous;
  int (*allocate)(dlpack_tensor *prototype, dlpack_versioned **out, void *error_context,
                  void (*set_error)(void *error_context, const char *kind, const char *message));
  int (*from_object)(void *object, dlpack_versioned **out);
  int (*to_object)(dlpack_versioned *tensor, void **out);
  int (*view)(void *object, dlpack_tensor *out); /* borrowed: valid while the object lives */
  int (*stream)(int32_t device_type, int32_t device_id, void **out);
} dlpack_exchange;

#endif
