/* SPDX-License-Identifier: Apache-2.0 */
/* The AVX2 kernels of rows once more, calling SLEEF's exponential: what inlining it is worth. */
#include "cpu.h"
#include "dispatch.h"

extern kernel KERNEL(cross_entropy, avx2_sleef_f32);
extern const isa avx2_sleef;

static const kernel_table kernels = {
    .loss = {[LOSS_cross_entropy] = KERNEL(cross_entropy, avx2_sleef_f32)}};

const isa avx2_sleef = {"avx2_sleef", CPU_AVX2 | CPU_FMA, {&kernels, NULL}};
