/* SPDX-License-Identifier: Apache-2.0 */
/* The AVX2 kernels once more, calling SLEEF's exponential: what inlining it is worth. */
#include "cpu.h"
#include "dispatch.h"

extern const kernel_table vloss_kernels_avx2_sleef_f32;
extern const isa avx2_sleef;

const isa avx2_sleef = {"avx2_sleef", CPU_AVX2 | CPU_FMA, {&vloss_kernels_avx2_sleef_f32, NULL}};
