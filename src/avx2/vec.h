/* SPDX-License-Identifier: Apache-2.0 */
/* The vector vocabulary in AVX2 and FMA; scalar/vec.h is its specification. */
#ifndef VLOSS_VEC_H
#define VLOSS_VEC_H

#include <immintrin.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef __m256i ivec;

enum { ONE_PATH = 0 };

#ifdef DTYPE_F64

typedef double real;
typedef __m256d vec;
typedef __m256d mask;
enum { LANES = 4 };

static inline vec vload(const real *p) { return _mm256_loadu_pd(p); }
static inline void vstore(real *p, vec a) { _mm256_storeu_pd(p, a); }
/* malloc aligns large blocks to 16 bytes, so this streams halves */
static inline void vstream(real *p, vec a) {
  _mm_stream_pd(p, _mm256_castpd256_pd128(a));
  _mm_stream_pd(p + 2, _mm256_extractf128_pd(a, 1));
}
static inline void vstream_aligned(real *p, vec a) { _mm256_stream_pd(p, a); }
static inline vec vset1(real a) { return _mm256_set1_pd(a); }

static inline vec vadd(vec a, vec b) { return _mm256_add_pd(a, b); }
static inline vec vsub(vec a, vec b) { return _mm256_sub_pd(a, b); }
static inline vec vmul(vec a, vec b) { return _mm256_mul_pd(a, b); }
static inline vec vdiv(vec a, vec b) { return _mm256_div_pd(a, b); }
static inline vec vsqrt(vec a) { return _mm256_sqrt_pd(a); }
static inline vec vfma(vec a, vec b, vec c) { return _mm256_fmadd_pd(a, b, c); }
static inline vec vfnma(vec a, vec b, vec c) { return _mm256_fnmadd_pd(a, b, c); }
static inline vec vmin(vec a, vec b) { return _mm256_min_pd(a, b); }
static inline vec vmax(vec a, vec b) { return _mm256_max_pd(a, b); }
static inline vec vpositive(vec a) { return _mm256_max_pd(a, _mm256_setzero_pd()); }
static inline vec vabs(vec a) { return _mm256_andnot_pd(_mm256_set1_pd(-0.0), a); }
static inline vec vneg(vec a) { return _mm256_xor_pd(_mm256_set1_pd(-0.0), a); }

/* the compiler's own: where it cannot see through the intrinsics, gcc 12 compares again to blend */
static inline mask vlt(vec a, vec b) { return (mask)(a < b); }
static inline mask vle(vec a, vec b) { return (mask)(a <= b); }
static inline mask veq(vec a, vec b) { return (mask)(a == b); }
static inline mask vand(mask a, mask b) { return _mm256_and_pd(a, b); }
static inline mask vor(mask a, mask b) { return _mm256_or_pd(a, b); }
static inline vec vselect(mask m, vec a, vec b) { return _mm256_blendv_pd(b, a, m); }
static inline unsigned vbits(mask m) { return (unsigned)_mm256_movemask_pd(m); }

static inline ivec as_int(vec a) { return _mm256_castpd_si256(a); }
static inline vec as_real(ivec a) { return _mm256_castsi256_pd(a); }
static inline ivec iset1(uint64_t a) { return _mm256_set1_epi64x((long long)a); }
static inline ivec iadd(ivec a, ivec b) { return _mm256_add_epi64(a, b); }
static inline ivec ishl(ivec a, int count) { return _mm256_slli_epi64(a, count); }
static inline ivec ishr(ivec a, int count) { return _mm256_srli_epi64(a, count); }

typedef struct vec4 {
  vec x, y, z, w;
} vec4;

/* four groups of four are a square: a transpose both ways */
static inline vec4 vsquares(vec4 a) {
  vec t0 = _mm256_unpacklo_pd(a.x, a.y), t1 = _mm256_unpackhi_pd(a.x, a.y);
  vec t2 = _mm256_unpacklo_pd(a.z, a.w), t3 = _mm256_unpackhi_pd(a.z, a.w);
  return (vec4){_mm256_permute2f128_pd(t0, t2, 0x20), _mm256_permute2f128_pd(t1, t3, 0x20),
                _mm256_permute2f128_pd(t0, t2, 0x31), _mm256_permute2f128_pd(t1, t3, 0x31)};
}
static inline vec vorder4(vec a) { return a; }
static inline vec vdisorder4(vec a) { return a; }
static inline vec4 vload_rows4(const real *p, size_t stride) {
  return vsquares(
      (vec4){vload(p), vload(p + stride), vload(p + 2 * stride), vload(p + 3 * stride)});
}
static inline void vstore_rows4(real *p, size_t stride, vec4 a) {
  vec4 t = vsquares(a);
  vstore(p, t.x);
  vstore(p + stride, t.y);
  vstore(p + 2 * stride, t.z);
  vstore(p + 3 * stride, t.w);
}

#else

typedef float real;
typedef __m256 vec;
typedef __m256 mask;
enum { LANES = 8 };

static inline vec vload(const real *p) { return _mm256_loadu_ps(p); }
static inline void vstore(real *p, vec a) { _mm256_storeu_ps(p, a); }
/* malloc aligns large blocks to 16 bytes, so this streams halves */
static inline void vstream(real *p, vec a) {
  _mm_stream_ps(p, _mm256_castps256_ps128(a));
  _mm_stream_ps(p + 4, _mm256_extractf128_ps(a, 1));
}
static inline void vstream_aligned(real *p, vec a) { _mm256_stream_ps(p, a); }
static inline vec vset1(real a) { return _mm256_set1_ps(a); }

static inline vec vadd(vec a, vec b) { return _mm256_add_ps(a, b); }
static inline vec vsub(vec a, vec b) { return _mm256_sub_ps(a, b); }
static inline vec vmul(vec a, vec b) { return _mm256_mul_ps(a, b); }
static inline vec vdiv(vec a, vec b) { return _mm256_div_ps(a, b); }
static inline vec vsqrt(vec a) { return _mm256_sqrt_ps(a); }
static inline vec vfma(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }
static inline vec vfnma(vec a, vec b, vec c) { return _mm256_fnmadd_ps(a, b, c); }
static inline vec vmin(vec a, vec b) { return _mm256_min_ps(a, b); }
static inline vec vmax(vec a, vec b) { return _mm256_max_ps(a, b); }
/* as integers, which are compared elsewhere: the units of a float maximum are those of a product;
 * the NaN that an operation makes has a sign */
static inline vec vpositive(vec a) {
  return _mm256_castsi256_ps(_mm256_max_epi32(_mm256_castps_si256(a), _mm256_setzero_si256()));
}
static inline vec vabs(vec a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
static inline vec vneg(vec a) { return _mm256_xor_ps(_mm256_set1_ps(-0.0f), a); }

static inline mask vlt(vec a, vec b) { return (mask)(a < b); }
static inline mask vle(vec a, vec b) { return (mask)(a <= b); }
static inline mask veq(vec a, vec b) { return (mask)(a == b); }
static inline mask vand(mask a, mask b) { return _mm256_and_ps(a, b); }
static inline mask vor(mask a, mask b) { return _mm256_or_ps(a, b); }
static inline vec vselect(mask m, vec a, vec b) { return _mm256_blendv_ps(b, a, m); }
static inline unsigned vbits(mask m) { return (unsigned)_mm256_movemask_ps(m); }

static inline ivec as_int(vec a) { return _mm256_castps_si256(a); }
static inline vec as_real(ivec a) { return _mm256_castsi256_ps(a); }
static inline ivec iset1(uint64_t a) { return _mm256_set1_epi32((int)(uint32_t)a); }
static inline ivec iadd(ivec a, ivec b) { return _mm256_add_epi32(a, b); }
static inline ivec ishl(ivec a, int count) { return _mm256_slli_epi32(a, count); }
static inline ivec ishr(ivec a, int count) { return _mm256_srli_epi32(a, count); }

static inline vec vlow_pairs(vec a, vec b) {
  return _mm256_castpd_ps(_mm256_unpacklo_pd(_mm256_castps_pd(a), _mm256_castps_pd(b)));
}
static inline vec vhigh_pairs(vec a, vec b) {
  return _mm256_castpd_ps(_mm256_unpackhi_pd(_mm256_castps_pd(a), _mm256_castps_pd(b)));
}

typedef struct vec4 {
  vec x, y, z, w;
} vec4;

/* transposes the two 4 x 4 squares of 128-bit halves */
static inline vec4 vsquares(vec4 a) {
  vec t0 = _mm256_unpacklo_ps(a.x, a.y), t1 = _mm256_unpackhi_ps(a.x, a.y);
  vec t2 = _mm256_unpacklo_ps(a.z, a.w), t3 = _mm256_unpackhi_ps(a.z, a.w);
  return (vec4){vlow_pairs(t0, t2), vhigh_pairs(t0, t2), vlow_pairs(t1, t3), vhigh_pairs(t1, t3)};
}
/* A square per half leaves the groups in the order 0 2 4 6 1 3 5 7, without the shuffles that cross
 * halves. */
static inline vec vorder4(vec a) {
  return _mm256_permutevar8x32_ps(a, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}
static inline vec vdisorder4(vec a) {
  return _mm256_permutevar8x32_ps(a, _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7));
}
static inline vec vload_halves(const real *low, const real *high) {
  return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1);
}
static inline void vstore_halves(real *low, real *high, vec a) {
  _mm_storeu_ps(low, _mm256_castps256_ps128(a));
  _mm_storeu_ps(high, _mm256_extractf128_ps(a, 1));
}
static inline vec4 vload_rows4(const real *p, size_t stride) {
  const real *q = p + 4 * stride;
  return vsquares((vec4){vload_halves(p, q), vload_halves(p + stride, q + stride),
                         vload_halves(p + 2 * stride, q + 2 * stride),
                         vload_halves(p + 3 * stride, q + 3 * stride)});
}
static inline void vstore_rows4(real *p, size_t stride, vec4 a) {
  real *q = p + 4 * stride;
  vec4 t = vsquares(a);
  vstore_halves(p, q, t.x);
  vstore_halves(p + stride, q + stride, t.y);
  vstore_halves(p + 2 * stride, q + 2 * stride, t.z);
  vstore_halves(p + 3 * stride, q + 3 * stride, t.w);
}

#endif

static inline void vstream_end(void) { _mm_sfence(); }
static inline int vall(mask m) { return vbits(m) == (1u << LANES) - 1; }
static inline ivec iand(ivec a, ivec b) { return _mm256_and_si256(a, b); }
static inline ivec ior(ivec a, ivec b) { return _mm256_or_si256(a, b); }

static inline vec4 vload4(const real *p) {
  return vsquares((vec4){vload(p), vload(p + LANES), vload(p + 2 * LANES), vload(p + 3 * LANES)});
}
static inline void vstore4(real *p, vec4 a) {
  vec4 t = vsquares(a);
  vstore(p, t.x);
  vstore(p + LANES, t.y);
  vstore(p + 2 * LANES, t.z);
  vstore(p + 3 * LANES, t.w);
}
static inline void vstream4(real *p, vec4 a) {
  vec4 t = vsquares(a);
  vstream(p, t.x);
  vstream(p + LANES, t.y);
  vstream(p + 2 * LANES, t.z);
  vstream(p + 3 * LANES, t.w);
}

#endif
