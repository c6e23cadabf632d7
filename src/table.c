/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel table VLOSS_TABLE: all kernels for one ISA and dtype. */
#include "table.h"

#define LOSS(name, family, arrays, parameters) extern kernel KERNEL(name, VLOSS_TABLE);
#include "losses.def"
#undef LOSS
#define SCORE(name, file) extern kernel KERNEL(name, VLOSS_TABLE);
#include "scores.def"
#undef SCORE
extern kernel KERNEL(softmax_states, VLOSS_TABLE);

extern const kernel_table KERNELS(VLOSS_TABLE);
const kernel_table KERNELS(VLOSS_TABLE) = {
    .loss =
        {
#define LOSS(name, family, arrays, parameters) KERNEL(name, VLOSS_TABLE),
#include "losses.def"
#undef LOSS
        },
    .score =
        {
#define SCORE(name, file) KERNEL(name, VLOSS_TABLE),
#include "scores.def"
#undef SCORE
        },
    .softmax_states = KERNEL(softmax_states, VLOSS_TABLE),
};
