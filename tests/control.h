/* SPDX-License-Identifier: Apache-2.0 */
/* The floating point control word, and those that a caller may have. */
#ifndef VLOSS_TESTS_CONTROL_H
#define VLOSS_TESTS_CONTROL_H

#include <stdint.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
/* round up, down, to zero; flush to zero; denormals are zero; every trap unmasked; all of it */
static const uint64_t controls[] = {0x5f80, 0x3f80, 0x7f80, 0x9f80, 0x1fc0,
                                    0x9fc0, 0x0000, 0xffc0, 0xe040};
enum { CONTROL_BITS = 0xffc0 };
static uint64_t get_control(void) { return _mm_getcsr() & (unsigned)CONTROL_BITS; }
static void set_control(uint64_t control) { _mm_setcsr((unsigned)control); }
#elif defined(__aarch64__)
/* the same; half-precision flushing and default NaN too; CPUs may refuse to trap */
static const uint64_t controls[] = {1u << 22, 2u << 22, 3u << 22, 1u << 24, 1u << 25, 7u << 24};
static uint64_t get_control(void) {
  uint64_t control;
  __asm__ volatile("mrs %0, fpcr" : "=r"(control));
  return control;
}
static void set_control(uint64_t control) {
  __asm__ volatile("msr fpcr, %0" : : "r"(control) : "memory");
}
#endif

#endif
