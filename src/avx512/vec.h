/* SPDX-License-Identifier: Apache-2.0 */
/* The vector vocabulary in AVX-512 F and DQ; scalar/vec.h is its specification. Masks are numbers,
 * but no access to memory stands under one: sanitizers could not see it. */
#ifndef VLOSS_VEC_H
#define VLOSS_VEC_H

#include <immintrin.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef __m512i ivec;

enum { ONE_PATH = 0 };

/* Compilers, who know what the value of a selection is, would load under its mask, and compare with
 * memory under another's. */
#ifdef __AVX512F__
#define HOLD(registers, a) __asm__("" : "+" registers(a))
#else
#define HOLD(registers, a) (void)(a)
#endif

#ifdef DTYPE_F64

typedef double real;
typedef __m512d vec;
typedef __mmask8 mask;
enum { LANES = 8 };

static inline vec vload(const real *p) { return _mm512_loadu_pd(p); }
static inline void vstore(real *p, vec a) { _mm512_storeu_pd(p, a); }
/* malloc aligns large blocks to 16 bytes, so this streams quarters */
static inline void vstream(real *p, vec a) {
  _mm_stream_pd(p, _mm512_castpd512_pd128(a));
  __m256d low = _mm512_castpd512_pd256(a), high = _mm512_extractf64x4_pd(a, 1);
  _mm_stream_pd(p + 2, _mm256_extractf128_pd(low, 1));
  _mm_stream_pd(p + 4, _mm256_castpd256_pd128(high));
  _mm_stream_pd(p + 6, _mm256_extractf128_pd(high, 1));
}
static inline void vstream_aligned(real *p, vec a) { _mm512_stream_pd(p, a); }
static inline vec vset1(real a) { return _mm512_set1_pd(a); }

static inline vec vadd(vec a, vec b) { return _mm512_add_pd(a, b); }
static inline vec vsub(vec a, vec b) { return _mm512_sub_pd(a, b); }
static inline vec vmul(vec a, vec b) { return _mm512_mul_pd(a, b); }
static inline vec vdiv(vec a, vec b) { return _mm512_div_pd(a, b); }
static inline vec vsqrt(vec a) { return _mm512_sqrt_pd(a); }
static inline vec vfma(vec a, vec b, vec c) { return _mm512_fmadd_pd(a, b, c); }
static inline vec vfnma(vec a, vec b, vec c) { return _mm512_fnmadd_pd(a, b, c); }
static inline vec vmin(vec a, vec b) { return _mm512_min_pd(a, b); }
static inline vec vmax(vec a, vec b) { return _mm512_max_pd(a, b); }
static inline vec vpositive(vec a) { return _mm512_max_pd(a, _mm512_setzero_pd()); }
static inline vec vabs(vec a) { return _mm512_andnot_pd(_mm512_set1_pd(-0.0), a); }
static inline vec vneg(vec a) { return _mm512_xor_pd(_mm512_set1_pd(-0.0), a); }

static inline mask vlt(vec a, vec b) { return _mm512_cmp_pd_mask(a, b, _CMP_LT_OQ); }
static inline mask vle(vec a, vec b) { return _mm512_cmp_pd_mask(a, b, _CMP_LE_OQ); }
static inline mask veq(vec a, vec b) { return _mm512_cmp_pd_mask(a, b, _CMP_EQ_OQ); }
static inline vec vselect(mask m, vec a, vec b) {
  HOLD("v", a);
  HOLD("v", b);
  return _mm512_mask_blend_pd(m, b, a);
}

static inline ivec as_int(vec a) { return _mm512_castpd_si512(a); }
static inline vec as_real(ivec a) { return _mm512_castsi512_pd(a); }
static inline ivec iset1(uint64_t a) { return _mm512_set1_epi64((long long)a); }
static inline ivec iadd(ivec a, ivec b) { return _mm512_add_epi64(a, b); }
static inline ivec ishl(ivec a, int count) { return _mm512_slli_epi64(a, (unsigned)count); }
static inline ivec ishr(ivec a, int count) { return _mm512_srli_epi64(a, (unsigned)count); }

typedef struct vec4 {
  vec x, y, z, w;
} vec4;

/* the first, and the last, 128 bits of each half, from a and b by turns */
static inline vec vfirst_parts(vec a, vec b) {
  return _mm512_permutex2var_pd(a, _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13), b);
}
static inline vec vlast_parts(vec a, vec b) {
  return _mm512_permutex2var_pd(a, _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15), b);
}
/* transposes the two 4 x 4 squares of halves */
static inline vec4 vsquares(vec4 a) {
  vec t0 = _mm512_unpacklo_pd(a.x, a.y), t1 = _mm512_unpackhi_pd(a.x, a.y);
  vec t2 = _mm512_unpacklo_pd(a.z, a.w), t3 = _mm512_unpackhi_pd(a.z, a.w);
  return (vec4){vfirst_parts(t0, t2), vfirst_parts(t1, t3), vlast_parts(t0, t2),
                vlast_parts(t1, t3)};
}
/* A square per half leaves the groups in the order 0 2 4 6 1 3 5 7. */
static inline vec vorder4(vec a) {
  return _mm512_permutexvar_pd(_mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7), a);
}
static inline vec vdisorder4(vec a) {
  return _mm512_permutexvar_pd(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), a);
}
/* one of each square, `apart` numbers from each other */
static inline vec vload_parts(const real *p, size_t apart) {
  return _mm512_insertf64x4(_mm512_castpd256_pd512(_mm256_loadu_pd(p)), _mm256_loadu_pd(p + apart),
                            1);
}
static inline void vstore_parts(real *p, size_t apart, vec a) {
  _mm256_storeu_pd(p, _mm512_castpd512_pd256(a));
  _mm256_storeu_pd(p + apart, _mm512_extractf64x4_pd(a, 1));
}

#else

typedef float real;
typedef __m512 vec;
typedef __mmask16 mask;
enum { LANES = 16 };

static inline vec vload(const real *p) { return _mm512_loadu_ps(p); }
static inline void vstore(real *p, vec a) { _mm512_storeu_ps(p, a); }
/* malloc aligns large blocks to 16 bytes, so this streams quarters */
static inline void vstream(real *p, vec a) {
  _mm_stream_ps(p, _mm512_castps512_ps128(a));
  _mm_stream_ps(p + 4, _mm512_extractf32x4_ps(a, 1));
  _mm_stream_ps(p + 8, _mm512_extractf32x4_ps(a, 2));
  _mm_stream_ps(p + 12, _mm512_extractf32x4_ps(a, 3));
}
static inline void vstream_aligned(real *p, vec a) { _mm512_stream_ps(p, a); }
static inline vec vset1(real a) { return _mm512_set1_ps(a); }

static inline vec vadd(vec a, vec b) { return _mm512_add_ps(a, b); }
static inline vec vsub(vec a, vec b) { return _mm512_sub_ps(a, b); }
static inline vec vmul(vec a, vec b) { return _mm512_mul_ps(a, b); }
static inline vec vdiv(vec a, vec b) { return _mm512_div_ps(a, b); }
static inline vec vsqrt(vec a) { return _mm512_sqrt_ps(a); }
static inline vec vfma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
static inline vec vfnma(vec a, vec b, vec c) { return _mm512_fnmadd_ps(a, b, c); }
static inline vec vmin(vec a, vec b) { return _mm512_min_ps(a, b); }
static inline vec vmax(vec a, vec b) { return _mm512_max_ps(a, b); }
static inline vec vpositive(vec a) { return _mm512_max_ps(a, _mm512_setzero_ps()); }
static inline vec vabs(vec a) { return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), a); }
static inline vec vneg(vec a) { return _mm512_xor_ps(_mm512_set1_ps(-0.0f), a); }

static inline mask vlt(vec a, vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
static inline mask vle(vec a, vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ); }
static inline mask veq(vec a, vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
static inline vec vselect(mask m, vec a, vec b) {
  HOLD("v", a);
  HOLD("v", b);
  return _mm512_mask_blend_ps(m, b, a);
}

static inline ivec as_int(vec a) { return _mm512_castps_si512(a); }
static inline vec as_real(ivec a) { return _mm512_castsi512_ps(a); }
static inline ivec iset1(uint64_t a) { return _mm512_set1_epi32((int)(uint32_t)a); }
static inline ivec iadd(ivec a, ivec b) { return _mm512_add_epi32(a, b); }
static inline ivec ishl(ivec a, int count) { return _mm512_slli_epi32(a, (unsigned)count); }
static inline ivec ishr(ivec a, int count) { return _mm512_srli_epi32(a, (unsigned)count); }

static inline vec vlow_pairs(vec a, vec b) {
  return _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
}
static inline vec vhigh_pairs(vec a, vec b) {
  return _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
}

typedef struct vec4 {
  vec x, y, z, w;
} vec4;

/* transposes the four 4 x 4 squares of quarters */
static inline vec4 vsquares(vec4 a) {
  vec t0 = _mm512_unpacklo_ps(a.x, a.y), t1 = _mm512_unpackhi_ps(a.x, a.y);
  vec t2 = _mm512_unpacklo_ps(a.z, a.w), t3 = _mm512_unpackhi_ps(a.z, a.w);
  return (vec4){vlow_pairs(t0, t2), vhigh_pairs(t0, t2), vlow_pairs(t1, t3), vhigh_pairs(t1, t3)};
}
/* A square per quarter leaves the groups in the order 0 4 8 12 1 5 9 13 ..., itself a transpose. */
static inline vec vorder4(vec a) {
  return _mm512_permutexvar_ps(
      _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), a);
}
static inline vec vdisorder4(vec a) { return vorder4(a); }
/* one of each square, `apart` numbers from each other */
static inline vec vload_parts(const real *p, size_t apart) {
  vec a = _mm512_castps128_ps512(_mm_loadu_ps(p));
  a = _mm512_insertf32x4(a, _mm_loadu_ps(p + apart), 1);
  a = _mm512_insertf32x4(a, _mm_loadu_ps(p + 2 * apart), 2);
  return _mm512_insertf32x4(a, _mm_loadu_ps(p + 3 * apart), 3);
}
static inline void vstore_parts(real *p, size_t apart, vec a) {
  _mm_storeu_ps(p, _mm512_castps512_ps128(a));
  _mm_storeu_ps(p + apart, _mm512_extractf32x4_ps(a, 1));
  _mm_storeu_ps(p + 2 * apart, _mm512_extractf32x4_ps(a, 2));
  _mm_storeu_ps(p + 3 * apart, _mm512_extractf32x4_ps(a, 3));
}

#endif

static inline void vstream_end(void) { _mm_sfence(); }
static inline mask vand(mask a, mask b) {
  HOLD("k", a);
  HOLD("k", b);
  return (mask)(a & b);
}
static inline mask vor(mask a, mask b) { return (mask)(a | b); }
static inline unsigned vbits(mask m) { return m; }
static inline int vall(mask m) { return vbits(m) == (1u << LANES) - 1; }
static inline ivec iand(ivec a, ivec b) { return _mm512_and_si512(a, b); }
static inline ivec ior(ivec a, ivec b) { return _mm512_or_si512(a, b); }

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
static inline vec4 vload_rows4(const real *p, size_t stride) {
  return vsquares((vec4){vload_parts(p, 4 * stride), vload_parts(p + stride, 4 * stride),
                         vload_parts(p + 2 * stride, 4 * stride),
                         vload_parts(p + 3 * stride, 4 * stride)});
}
static inline void vstore_rows4(real *p, size_t stride, vec4 a) {
  vec4 t = vsquares(a);
  vstore_parts(p, 4 * stride, t.x);
  vstore_parts(p + stride, 4 * stride, t.y);
  vstore_parts(p + 2 * stride, 4 * stride, t.z);
  vstore_parts(p + 3 * stride, 4 * stride, t.w);
}

#undef HOLD

#endif
