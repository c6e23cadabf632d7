/* SPDX-License-Identifier: Apache-2.0 */
/* Loops that read and write the arrays of a loss and compute nothing: what memory alone costs. No
 * one of them is the fastest on every machine. */
#include <immintrin.h>

#include "touch.h"

enum { LINE = 64, AHEAD = 4096 };
enum { STREAM = 1, PREFETCH = 2 };

/* A line of one or two arrays; nothing is written to NULL. */
static inline __attribute__((always_inline)) __m256i touch_line(const char *a, const char *b,
                                                                char *to, __m256i seen, int how) {
  for (size_t k = 0; k < LINE; k += sizeof seen) {
    __m256i x = _mm256_loadu_si256((const void *)(a + k));
    if (b != NULL) x = _mm256_or_si256(x, _mm256_loadu_si256((const void *)(b + k)));
    if (to == NULL)
      seen = _mm256_or_si256(seen, x);
    else if (how & STREAM)
      _mm256_stream_si256((void *)(to + k), x);
    else
      _mm256_storeu_si256((void *)(to + k), x);
  }
  if (how & PREFETCH) _mm_prefetch(a + AHEAD, _MM_HINT_T1);
  if ((how & PREFETCH) && b != NULL) _mm_prefetch(b + AHEAD, _MM_HINT_T1);
  return seen;
}

static inline __attribute__((always_inline)) void touch(const void *a, const void *b, void *to,
                                                        size_t bytes, int how) {
  const char *first = a, *second = b;
  char *out = to;
  __m256i seen = _mm256_setzero_si256();
  for (size_t i = 0; i + LINE <= bytes; i += LINE)
    seen = touch_line(first + i, second ? second + i : NULL, out ? out + i : NULL, seen, how);
  if (how & STREAM) _mm_sfence();
  __asm__ volatile("" : : "x"(seen));
}

/* An overlap loss needs its sums first. */
static inline __attribute__((always_inline)) void touch_arrays(const call *c, int how) {
  size_t bytes = call_elements(c) * dtype_size(c->dtype);
  const void *target = c->loss->arrays & VLOSS_ARRAY_TARGET ? c->target : NULL;
  if (c->loss->family == VLOSS_OVERLAP) {
    touch(c->input, c->target, NULL, bytes, how);
    if (c->grad != NULL) touch(c->target, NULL, c->grad, bytes, how);
  } else if (target != NULL) {
    touch(c->input, target, c->grad, bytes, how);
  } else {
    touch(c->input, NULL, c->grad, bytes, how);
  }
}

void touch_plain(const call *c) { touch_arrays(c, 0); }
void touch_prefetch(const call *c) { touch_arrays(c, PREFETCH); }
void touch_stream(const call *c) { touch_arrays(c, STREAM); }
void touch_both(const call *c) { touch_arrays(c, STREAM | PREFETCH); }
