/* SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu.h"
#include "testing.h"

static const char *volatile forbidden;
static volatile int watching;

static void note(const char *name) {
  if (watching) forbidden = name;
}

#define WATCH(result, name, parameters, arguments) \
  result __real_##name parameters;                 \
  result __wrap_##name parameters;                 \
  result __wrap_##name parameters {                \
    note(#name);                                   \
    return __real_##name arguments;                \
  }
WATCH(void *, malloc, (size_t n), (n))
WATCH(void *, calloc, (size_t n, size_t size), (n, size))
WATCH(void *, realloc, (void *p, size_t n), (p, n))
WATCH(void *, aligned_alloc, (size_t alignment, size_t n), (alignment, n))
WATCH(int, posix_memalign, (void **p, size_t alignment, size_t n), (p, alignment, n))
WATCH(void *, mmap, (void *at, size_t n, int protection, int flags, int file, long offset),
      (at, n, protection, flags, file, offset))
WATCH(int, puts, (const char *text), (text))
WATCH(int, putchar, (int c), (c))
WATCH(int, fputs, (const char *text, FILE *file), (text, file))
WATCH(size_t, fwrite, (const void *p, size_t size, size_t n, FILE *file), (p, size, n, file))
WATCH(long, write, (int file, const void *p, size_t n), (file, p, n))
WATCH(void *, setlocale, (int category, const char *name), (category, name))

void __real_free(void *p);
void __wrap_free(void *p);
void __wrap_free(void *p) {
  note("free");
  __real_free(p);
}
int __wrap_printf(const char *format, ...);
int __wrap_printf(const char *format, ...) { return note("printf"), (int)strlen(format); }
int __wrap_fprintf(FILE *file, const char *format, ...);
int __wrap_fprintf(FILE *file, const char *format, ...) {
  (void)file;
  return note("fprintf"), (int)strlen(format);
}
void __wrap_abort(void);
void __wrap_abort(void) { exit(3); }

void watch_begin(void) {
  forbidden = NULL;
  watching = 1;
}

const char *watch_end(void) {
  watching = 0;
  return forbidden;
}

void watch_check(void) {
  watch_begin();
  void *volatile p = malloc(1);
  const char *seen = watch_end();
  free(p);
  assert_non_null(seen);
  assert_string_equal(seen, "malloc");
}

#if defined(__x86_64__)
#include <cpuid.h>

/* XGETBV(1) bit 2: an upper half of a ymm register is in use. */
int upper_halves_dirty(void) {
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(1));
  return (low & 4) != 0;
}

void upper_halves_clear(void) { __asm__ volatile("vzeroupper" ::: "memory"); }

int upper_halves_told(void) {
  unsigned a, b, c, d;
#ifdef __SANITIZE_ADDRESS__
  return 0; /* instrumented code is not the code in question */
#endif
  if (!(vloss_cpu_features() & CPU_AVX2)) return 0;
  if (!__get_cpuid_count(0xd, 1, &a, &b, &c, &d) || !(a & 4)) return 0;
  __asm__ volatile("vpcmpeqd %%ymm7, %%ymm7, %%ymm7" ::: "xmm7");
  int dirty = upper_halves_dirty();
  upper_halves_clear();
  return dirty && !upper_halves_dirty();
}
#else
int upper_halves_dirty(void) { return 0; }
void upper_halves_clear(void) {}
int upper_halves_told(void) { return 0; }
#endif
