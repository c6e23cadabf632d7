/* SPDX-License-Identifier: Apache-2.0 */
/* The scoring kernels of one file for one ISA and dtype; compiled as kernels.c is, with the file as
 * SCORE_FILE and its part of the registry as SCORE_ROWS. */
#include "vec.h"

#include SCORE_FILE

#define SCORE(name, file)                                                                       \
  kernel KERNEL(name, VLOSS_TABLE);                                                             \
  void KERNEL(name, VLOSS_TABLE)(const void *work, size_t begin, size_t end, partial *result) { \
    name(work, begin, end, result);                                                             \
  }
#include SCORE_ROWS
#undef SCORE
