/* SPDX-License-Identifier: Apache-2.0 */
/* All kernels of one ISA and dtype. The build compiles this file for each pair, with the ISA's
 * folder first among the include paths, VLOSS_KERNELS naming the table, and VLOSS_F64 for f64. */
#include "vec.h"

#include "frame/boxes.h"
#include "frame/overlap_terms.h"
#include "frame/pairwise.h"
#include "frame/softmax.h"

#include "steps.h" /* made by the build: every loss/<name>.h of the registry */

/* What a frame asks of a loss. */
#define pairwise_steps(name) name
#define boxes_steps(name) name##_terms, name
#define rows_steps(name) name
#define overlap_steps(name) name

/* A kernel, and what its frame keeps out of line. */
#define LOSS(name, family, parameters)                                                        \
  OUT_OF_LINE void name##_rare(const void *work, size_t begin, size_t end, partial *result) { \
    family##_rare(work, begin, end, result, family##_steps(name));                            \
  }                                                                                           \
  static void name##_kernel(const void *work, size_t begin, size_t end, partial *result) {    \
    family(work, begin, end, result, family##_steps(name), name##_rare);                      \
  }
#include "losses.def"
#undef LOSS

extern const kernel_table VLOSS_KERNELS;
const kernel_table VLOSS_KERNELS = {{
#define LOSS(name, family, parameters) name##_kernel,
#include "losses.def"
#undef LOSS
}};
