/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu.h"

unsigned vloss_cpu_decide(cpu_words words) {
  const uint32_t fma = 1u << 12, osxsave = 1u << 27, avx = 1u << 28, avx2 = 1u << 5;
  const uint32_t avx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31; /* F, DQ, BW, VL */
  const uint64_t sse_and_avx_state = 6, avx512_state = 0xe0;
  const uint32_t needed = osxsave | avx | fma;
  if ((words.leaf1_ecx & needed) != needed) return 0;
  if ((words.xcr0 & sse_and_avx_state) != sse_and_avx_state) return 0;
  uint32_t leaf7_ebx = words.max_leaf >= 7 ? words.leaf7_ebx : 0;
  if (!(leaf7_ebx & avx2)) return CPU_FMA;
  int wide = (leaf7_ebx & avx512) == avx512 && (words.xcr0 & avx512_state) == avx512_state;
  return CPU_FMA | CPU_AVX2 | (wide ? CPU_AVX512 : 0u);
}

#if defined(__x86_64__)

#include <cpuid.h>
#include <xmmintrin.h>

static uint64_t xgetbv0(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

unsigned vloss_cpu_features(void) {
  cpu_words words = {0, 0, 0, 0};
  uint32_t eax, ebx, ecx, edx;
  words.max_leaf = (uint32_t)__get_cpuid_max(0, NULL);
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx)) words.leaf1_ecx = ecx;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) words.leaf7_ebx = ebx;
  if (words.leaf1_ecx & 1u << 27) words.xcr0 = xgetbv0();
  return vloss_cpu_decide(words);
}

/* The sticky exception flags (the low six bits) are the caller's: they are kept, not compared. */
enum { DEFAULT_CONTROL = 0x1f80, EXCEPTION_FLAGS = 0x3f };

uint64_t vloss_cpu_pin(void) {
  unsigned control = _mm_getcsr();
  if ((control & ~(unsigned)EXCEPTION_FLAGS) != DEFAULT_CONTROL)
    _mm_setcsr(DEFAULT_CONTROL | (control & EXCEPTION_FLAGS));
  return control;
}

void vloss_cpu_unpin(uint64_t pinned) {
  if ((pinned & ~(uint64_t)EXCEPTION_FLAGS) != DEFAULT_CONTROL) _mm_setcsr((unsigned)pinned);
}

#elif defined(__aarch64__)

unsigned vloss_cpu_features(void) { return 0; }

uint64_t vloss_cpu_pin(void) {
  uint64_t control;
  __asm__ volatile("mrs %0, fpcr" : "=r"(control));
  if (control != 0) __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)0) : "memory");
  return control;
}

void vloss_cpu_unpin(uint64_t pinned) {
  if (pinned != 0) __asm__ volatile("msr fpcr, %0" : : "r"(pinned) : "memory");
}

#else

unsigned vloss_cpu_features(void) { return 0; }
uint64_t vloss_cpu_pin(void) { return 0; }
void vloss_cpu_unpin(uint64_t pinned) { (void)pinned; }

#endif
