/* SPDX-License-Identifier: Apache-2.0 */
/* What the frames share: partial vectors, parameters, and what a caller wants of a sample. */
#ifndef VLOSS_FRAME_H
#define VLOSS_FRAME_H

#include "job.h"
#include "math/elementary.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define OUT_OF_LINE static __attribute__((noinline))
#define COLD static __attribute__((cold, noinline))
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

enum {
  BLOCK = 128 / sizeof(real), /* logical lanes of every sum, whatever the register width */
  VECS = BLOCK / LANES,
  GROUP = 8 * BLOCK, /* samples added lane by lane */
  CHUNK = 8 * GROUP  /* samples added in the dtype before their sum goes to double */
};

static inline size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static inline size_t count_bits(unsigned bits) {
  size_t count = 0;
  for (; bits; bits &= bits - 1) count++;
  return count;
}

/* The valid lanes of the vector that starts `done` samples into `count`. */
static inline size_t lanes_left(size_t count, size_t done) {
  return count <= done ? 0 : smaller(count - done, LANES);
}

/* In a loop that runs a few times: keeps compilers from making vectors of it. */
#define SHORT_LOOP(k) __asm__("" : "+r"(k))

/* The first count <= LANES lanes, `fill` behind them: never a read outside. */
static inline vec vload_part_or(const real *p, size_t count, real fill) {
  if (count == LANES) return vload(p);
  real block[LANES];
  vstore(block, vset1(fill));
  for (size_t k = 0; k < count; k++) {
    block[k] = p[k];
    SHORT_LOOP(k);
  }
  return vload(block);
}

static inline vec vload_part(const real *p, size_t count) { return vload_part_or(p, count, 0); }

/* 0 behind the first count <= LANES lanes */
static inline vec first_lanes(vec a, size_t count) {
  real block[LANES];
  if (count == LANES) return a;
  vstore(block, a);
  return vload_part(block, count);
}

static inline void vstore_part(real *p, vec a, size_t count) {
  if (count == LANES) {
    vstore(p, a);
    return;
  }
  real block[LANES];
  vstore(block, a);
  for (size_t k = 0; k < count; k++) {
    p[k] = block[k];
    SHORT_LOOP(k);
  }
}

/* The nearest finite number: a factor out of range must not turn a zero into NaN. */
static inline real real_clamp(double a) {
  if (a > (double)real_max) return real_max;
  if (a < -(double)real_max) return -real_max;
  return (real)a;
}

/* The same of a vector; in this order NaN stays. */
static inline vec vclamp(vec a) { return vmin(vset1(real_max), vmax(vset1(-real_max), a)); }

/* A number as the sum of two, one far smaller. */
typedef struct twofold {
  vec value, rest;
} twofold;

/* a - b, exactly (Knuth) */
ALWAYS_INLINE twofold exact_difference(vec a, vec b) {
  vec value = vsub(a, b), part = vsub(value, a);
  return (twofold){value, vsub(vsub(a, vsub(value, part)), vadd(b, part))};
}

/* A probability that rounding has left outside [0, 1] counts as 0 or 1, */
static inline vec nearest_probability(vec p) { return vmin(vset1(1), vmax(vset1(0), p)); }

/* if it is no further outside than 16 units in the last place of 1. */
static inline vec probability_slack(void) {
  return vset1(sizeof(real) == 4 ? 0x1p-19f : (real)0x1p-48);
}

static inline mask is_no_probability(vec p, vec nearest) {
  return vlt(probability_slack(), vabs(vsub(p, nearest))); /* a NaN is none of those */
}

/* An upstream gradient, but no larger than leaves its product with a weight in the type:
 * infinite, that would make NaN of a slope of 0, or of two slopes that cancel. */
static inline vec bounded_upstream(vec upstream, vec weight) {
  vec most = vdiv(vset1((real)0.5 * real_max), vabs(weight));
  return vmin(most, vmax(vneg(most), upstream));
}

static inline const real *reals(const void *p, size_t offset) {
  return p ? (const real *)p + offset : NULL;
}

static inline real *reals_out(void *p, size_t offset) { return p ? (real *)p + offset : NULL; }

/* Whether a vector of `p` may be streamed: past the caches, aligned, and not about to be read. */
static inline int may_stream(const job *j, const void *p) {
  return j->stream && j->grad != j->input && (uintptr_t)p % 16 == 0;
}

static inline vec4 vmul4(vec4 a, vec factor) {
  return (vec4){vmul(a.x, factor), vmul(a.y, factor), vmul(a.z, factor), vmul(a.w, factor)};
}

/* Far memory is asked for this many bytes ahead, into the second cache and from there into the
 * first: the CPU's own prefetch stops at the end of a page, and where arithmetic stands between
 * them too few loads are under way. smooth_l1 of 2^24 numbers took 0.64 ns per number without,
 * 0.47 with one request 2 KiB ahead; mse of 2^26 0.59 with that one, 0.54 with two. */
enum { FAR = 4096, NEAR = 512, LINE = 64 };

/* Ask for the lines that stand `ahead` bytes behind those of count numbers, there or not. */
ALWAYS_INLINE void prefetch(const real *p, size_t count, size_t ahead) {
  for (size_t k = 0; k < count * sizeof(real); k += LINE)
    __builtin_prefetch((const void *)((uintptr_t)p + ahead + k));
}

/* The same for a loop that goes on and on through far memory. */
ALWAYS_INLINE void prefetch_along(const real *p, size_t count) {
  for (size_t k = 0; k < count * sizeof(real); k += LINE)
    __builtin_prefetch((const void *)((uintptr_t)p + FAR + k), 0, 2);
  prefetch(p, count, NEAR);
}

/* a, but exactly 0 where a factor of it is 0, even for a NaN */
static inline vec where_counted(vec a, vec factor) {
  return vselect(veq(factor, vset1(0)), vset1(0), a);
}

/* Weight and upstream gradient of the samples from i on: 0 where the weight is. */
typedef struct sample_factors {
  vec weight, upstream;
} sample_factors;

static inline sample_factors load_factors(const job *j, size_t i, size_t count) {
  sample_factors f = {vset1(1), vset1(real_clamp(j->grad_factor))};
  if (j->weight) {
    f.weight = vload_part(reals(j->weight, i), count);
    f.upstream = vclamp(vmul(f.weight, f.upstream));
  }
  if (j->grad_output)
    f.upstream = vclamp(vmul(vload_part(reals(j->grad_output, i), count), f.upstream));
  f.upstream = where_counted(f.upstream, f.weight);
  return f;
}

#endif
