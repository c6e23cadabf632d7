/* SPDX-License-Identifier: Apache-2.0 */
/* What this CPU and OS can run, and the floating point control word. Nothing else. */
#ifndef VLOSS_CPU_H
#define VLOSS_CPU_H

#include <stdint.h>

/* AVX-512: F, DQ, BW and VL, what every server CPU since Skylake-SP has. */
enum { CPU_FMA = 1, CPU_AVX2 = 2, CPU_AVX512 = 4 };

/* The words that decide: CPUID(0).eax, CPUID(1).ecx, CPUID(7,0).ebx, XGETBV(0) (0 without OSXSAVE).
 * */
typedef struct cpu_words {
  uint32_t max_leaf, leaf1_ecx, leaf7_ebx;
  uint64_t xcr0;
} cpu_words;

/* The features that the words allow; a pure function, tested from a table of CPUs. */
unsigned vloss_cpu_decide(cpu_words words);

/* The features of this machine. */
unsigned vloss_cpu_features(void);

/* Make the control word the default (round to nearest, no flush to zero, traps masked) and return
 * what to hand to vloss_cpu_unpin(). It is written only where it differs. */
uint64_t vloss_cpu_pin(void);
void vloss_cpu_unpin(uint64_t pinned);

#endif
