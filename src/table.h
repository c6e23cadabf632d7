/* SPDX-License-Identifier: Apache-2.0 */
/* All kernels for one ISA and dtype. No kernel includes this: another loss compiles
 * those of its own family again, and no others. */
#ifndef VLOSS_TABLE_H
#define VLOSS_TABLE_H

#include "job.h"

enum loss_id {
#define LOSS(name, family, arrays, parameters) LOSS_##name,
#include "losses.def"
#undef LOSS
  LOSSES
};

enum score_id {
#define SCORE(name, file) SCORE_##name,
#include "scores.def"
#undef SCORE
  SCORES
};

enum { DTYPES = 2 }; /* of vloss_dtype */

typedef struct kernel_table {
  kernel *loss[LOSSES];
  kernel *score[SCORES];
  kernel *softmax_states;
} kernel_table;

/* The name of a table "avx2_f32". */
#define KERNELS(table) KERNELS_PASTE(table)
#define KERNELS_PASTE(table) vloss_kernels_##table

#endif
