/* SPDX-License-Identifier: Apache-2.0 */
/* The AVX2 kernels of rows once more, calling SLEEF's exponential: what inlining it is worth. */
#include "cpu.h"
#include "dispatch.h"

#define LOSS(name, family, arrays, parameters) extern kernel KERNEL(name, avx2_sleef_f32);
#include "rows.def"
#undef LOSS

static const kernel_table kernels = {.loss = {
#define LOSS(name, family, arrays, parameters) [LOSS_##name] = KERNEL(name, avx2_sleef_f32),
#include "rows.def"
#undef LOSS
                                     }};

extern const isa avx2_sleef;
const isa avx2_sleef = {"avx2_sleef", CPU_AVX2 | CPU_FMA, {&kernels, NULL}};
