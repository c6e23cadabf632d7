/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel table VLOSS_TABLE: all kernels for one ISA and dtype. Those of a family come from the
 * table TABLE_<family>, this one or another that serves it. */
#include "table.h"

#define LOSS(name, family, arrays, parameters) extern kernel KERNEL(name, TABLE_##family);
#include "losses.def"
#undef LOSS
#define SCORE(name, file) extern kernel KERNEL(name, TABLE_##file);
#include "scores.def"
#undef SCORE
extern kernel KERNEL(softmax_states, TABLE_states);

extern const kernel_table KERNELS(VLOSS_TABLE);
const kernel_table KERNELS(VLOSS_TABLE) = {
    .loss =
        {
#define LOSS(name, family, arrays, parameters) KERNEL(name, TABLE_##family),
#include "losses.def"
#undef LOSS
        },
    .score =
        {
#define SCORE(name, file) KERNEL(name, TABLE_##file),
#include "scores.def"
#undef SCORE
        },
    .softmax_states = KERNEL(softmax_states, TABLE_states),
};
