/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels of one family for one ISA and dtype. The build compiles this file for each of them,
 * with the ISA's folder first among the include paths, VLOSS_TABLE naming the table that the
 * kernels go to, DTYPE_F64 or DTYPE_F32, and the family's part of the registry as FAMILY_STEPS
 * and FAMILY_ROWS. */
#include "vec.h"

#include FAMILY_STEPS

/* What a frame asks of a loss. */
#define elements_steps(name) &name
#define boxes_steps(name) name##_terms, name
#define rows_steps(name) &name
#define overlap_steps(name) name

/* How a frame keeps what is rare out of line: weights are not, infinite logits are. */
#define elements_RARE OUT_OF_LINE
#define boxes_RARE OUT_OF_LINE
#define rows_RARE COLD
#define overlap_RARE OUT_OF_LINE

/* A kernel, and what its frame keeps out of line. */
#define LOSS(name, family, arrays, parameters)                                                  \
  family##_RARE void name##_rare(const void *work, size_t begin, size_t end, partial *result) { \
    family##_rare(work, begin, end, result, family##_steps(name));                              \
  }                                                                                             \
  kernel KERNEL(name, VLOSS_TABLE);                                                             \
  void KERNEL(name, VLOSS_TABLE)(const void *work, size_t begin, size_t end, partial *result) { \
    family(work, begin, end, result, family##_steps(name), name##_rare);                        \
  }
#include FAMILY_ROWS
#undef LOSS
