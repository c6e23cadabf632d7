/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel table VLOSS_TABLE: the kernels of all families for one ISA and dtype. */
#include "table.h"

#define LOSS(name, family, arrays, parameters) extern kernel KERNEL(name, VLOSS_TABLE);
#include "losses.def"
#undef LOSS
extern kernel KERNEL(softmax_states, VLOSS_TABLE);

extern const kernel_table KERNELS(VLOSS_TABLE);
const kernel_table KERNELS(VLOSS_TABLE) = {
    .loss =
        {
#define LOSS(name, family, arrays, parameters) KERNEL(name, VLOSS_TABLE),
#include "losses.def"
#undef LOSS
        },
    .softmax_states = KERNEL(softmax_states, VLOSS_TABLE),
};
