/* SPDX-License-Identifier: Apache-2.0 */
#include <vloss/vloss.h>

#define TEXT_OF(a) #a
#define TEXT(a) TEXT_OF(a)

const char *vloss_version(void) {
  return TEXT(VLOSS_VERSION_MAJOR) "." TEXT(VLOSS_VERSION_MINOR) "." TEXT(VLOSS_VERSION_PATCH);
}

const char *vloss_status_string(vloss_status status) {
  switch (status) {
    case VLOSS_OK: return "success";
    case VLOSS_ERROR_NULL: return "a required pointer is NULL";
    case VLOSS_ERROR_SIZE: return "size overflow";
    case VLOSS_ERROR_OVERLAP: return "an output overlaps another array";
    case VLOSS_ERROR_STRUCT_SIZE: return "unsupported struct_size: initialise with VLOSS_..._INIT";
    case VLOSS_ERROR_ENUM: return "invalid enum or flag value";
    case VLOSS_ERROR_PARAMETER: return "a number is NaN or out of its range";
    case VLOSS_ERROR_LABEL: return "a label is outside [0, classes)";
    case VLOSS_ERROR_ISA: return "the instruction set is not available";
    case VLOSS_ERROR_CAPACITY: return "the output array is too small";
    case VLOSS_ERROR_WORKSPACE: return "the workspace is too small";
  }
  return "unknown status";
}
