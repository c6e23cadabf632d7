/* SPDX-License-Identifier: Apache-2.0 */
/* Does a call allocate, print or abort? The linker sends what the static library asks of libc here
 * (-Wl,--wrap). And do AVX2 kernels leave the upper halves of the registers clean? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "cpu.h"
#include "dispatch.h"
#include "executors.h"
#include "testing.h"

static const char
    *volatile forbidden; /* the last function that was called although it must not be */
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

/* Some shape and setting of every loss, good calls and refused ones, one by one. */
static void each_call(void (*check)(problem *p)) {
  static const size_t shapes[][3][3] = {
      [VLOSS_ELEMENTS] = {{77, 1, 1}, {3, 1, 1}, {70001, 1, 1}},
      [VLOSS_BOXES] = {{77, 1, 1}, {3, 1, 1}, {10001, 1, 1}},
      [VLOSS_ROWS] = {{40, 10, 1}, {3, 1000, 2}, {2, 20001, 1}},
      [VLOSS_OVERLAP] = {{7, 33, 3}, {100, 40, 5}, {2, 70002, 6}}};
  size_t count;
  const vloss_loss *losses = chosen_losses(&count);
  for (size_t i = 0; i < count * DTYPE_COUNT * 9; i++) {
    const vloss_loss *loss = &losses[i % count];
    size_t variant = i / count / DTYPE_COUNT;
    rng r = rng_init(data_seed(), i);
    call c = case_call(loss, (dtype)(i / count % DTYPE_COUNT), rng_below(&r, case_settings(loss)));
    problem *p =
        problem_new(&r, &c, shapes[loss->family][variant % 3], DATA_SPECIAL,
                    (vloss_reduction)(variant / 3), (unsigned)rng_below(&r, EXTRA_ALL + 1));
    if (i % 4 == 1) p->options.executor = &executor_reversed;
    check(p);
    p->options.divisor = -1; /* an error takes other paths */
    check(p);
    problem_free(p);
  }
}

static void quiet(problem *p) {
  watching = 1;
  vloss_status status = call_run(&p->call);
  watching = 0;
  assert_int_equal(status, p->options.divisor < 0 ? VLOSS_ERROR_PARAMETER : VLOSS_OK);
  if (forbidden != NULL) fail_msg("%s calls %s()", p->call.loss->name, forbidden);
}

static void test_quiet(void **state) {
  (void)state;
  watching = 1; /* the watch itself works */
  void *volatile p = malloc(1);
  watching = 0;
  free(p);
  assert_string_equal(forbidden, "malloc");
  forbidden = NULL;
  watching = 1; /* first use */
  const char *names[] = {vloss_isa(), vloss_version(), vloss_status_string(VLOSS_OK),
                         vloss_isa_name(0)};
  vloss_status status = vloss_set_isa("none");
  watching = 0;
  assert_int_equal(status, VLOSS_ERROR_ISA);
  assert_non_null(names[0]);
  assert_null(forbidden);
  each_call(quiet);
  for (size_t i = 0; i < vloss_isa_count(); i++)
    if (vloss_set_isa(vloss_isa_name(i)) == VLOSS_OK) each_call(quiet);
}

#if defined(__x86_64__)
#include <cpuid.h>

/* XGETBV(1) bit 2: an upper half of a ymm register is in use. */
static int upper_halves_dirty(void) {
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(1));
  return (low & 4) != 0;
}

/* Whether this machine tells: some hypervisors and emulators do not. */
static int can_tell(void) {
  unsigned a, b, c, d;
  if (!(vloss_cpu_features() & CPU_AVX2)) return 0;
  if (!__get_cpuid_count(0xd, 1, &a, &b, &c, &d) || !(a & 4)) return 0;
  __asm__ volatile("vpcmpeqd %%ymm7, %%ymm7, %%ymm7" ::: "xmm7");
  int dirty = upper_halves_dirty();
  __asm__ volatile("vzeroupper" ::: "memory");
  return dirty && !upper_halves_dirty();
}

static void clean(problem *p) {
  __asm__ volatile("vzeroupper" ::: "memory");
  vloss_status status = call_run(&p->call);
  int dirty = upper_halves_dirty();
  __asm__ volatile("vzeroupper" ::: "memory");
  assert_int_equal(status, p->options.divisor < 0 ? VLOSS_ERROR_PARAMETER : VLOSS_OK);
  if (dirty) fail_msg("%s leaves upper halves in use", p->call.loss->name);
}

static void test_vzeroupper(void **state) {
  (void)state;
#ifdef __SANITIZE_ADDRESS__
  skip(); /* instrumented code is not the code in question */
#endif
  if (!can_tell()) skip();
  for (size_t i = 0; i < vloss_isas_count; i++) {
    vloss_isa_force(&vloss_isas[i]);
    each_call(clean);
  }
}
#else
static void test_vzeroupper(void **state) {
  (void)state;
  skip();
}
#endif

int main(void) {
  (void)data_seed();
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_quiet),
                                     cmocka_unit_test(test_vzeroupper)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
