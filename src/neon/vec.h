/* SPDX-License-Identifier: Apache-2.0 */
/* The vector vocabulary in AArch64 NEON; scalar/vec.h is its specification. */
#ifndef VLOSS_VEC_H
#define VLOSS_VEC_H

#include <arm_neon.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { ONE_PATH = 0 };

#ifdef DTYPE_F64

typedef double real;
typedef float64x2_t vec;
typedef uint64x2_t ivec;
typedef uint64x2_t mask;
typedef float64x2x4_t vec_x4;
enum { LANES = 2 };

static inline vec vload(const real *p) { return vld1q_f64(p); }
static inline void vstore(real *p, vec a) { vst1q_f64(p, a); }
static inline vec vset1(real a) { return vdupq_n_f64(a); }

static inline vec vadd(vec a, vec b) { return vaddq_f64(a, b); }
static inline vec vsub(vec a, vec b) { return vsubq_f64(a, b); }
static inline vec vmul(vec a, vec b) { return vmulq_f64(a, b); }
static inline vec vdiv(vec a, vec b) { return vdivq_f64(a, b); }
static inline vec vsqrt(vec a) { return vsqrtq_f64(a); }
static inline vec vfma(vec a, vec b, vec c) { return vfmaq_f64(c, a, b); }
static inline vec vfnma(vec a, vec b, vec c) { return vfmsq_f64(c, a, b); }
static inline vec vabs(vec a) { return vabsq_f64(a); }

static inline mask vlt(vec a, vec b) { return vcltq_f64(a, b); }
static inline mask vle(vec a, vec b) { return vcleq_f64(a, b); }
static inline mask veq(vec a, vec b) { return vceqq_f64(a, b); }
static inline mask vand(mask a, mask b) { return vandq_u64(a, b); }
static inline mask vor(mask a, mask b) { return vorrq_u64(a, b); }
static inline vec vselect(mask m, vec a, vec b) { return vbslq_f64(m, a, b); }
static inline int vall(mask m) { return vminvq_u32(vreinterpretq_u32_u64(m)) != 0; }
static inline unsigned vbits(mask m) {
  return (unsigned)(vgetq_lane_u64(m, 0) & 1) | (unsigned)(vgetq_lane_u64(m, 1) & 2);
}

static inline ivec as_int(vec a) { return vreinterpretq_u64_f64(a); }
static inline vec as_real(ivec a) { return vreinterpretq_f64_u64(a); }
static inline ivec iset1(uint64_t a) { return vdupq_n_u64(a); }
static inline ivec iadd(ivec a, ivec b) { return vaddq_u64(a, b); }
static inline ivec iand(ivec a, ivec b) { return vandq_u64(a, b); }
static inline ivec ior(ivec a, ivec b) { return vorrq_u64(a, b); }
static inline ivec ishl(ivec a, int count) { return vshlq_u64(a, vdupq_n_s64(count)); }
static inline ivec ishr(ivec a, int count) { return vshlq_u64(a, vdupq_n_s64(-count)); }

static inline vec_x4 vload_x4(const real *p) { return vld4q_f64(p); }
static inline void vstore_x4(real *p, vec_x4 a) { vst4q_f64(p, a); }

typedef struct vec4 {
  vec x, y, z, w;
} vec4;

static inline vec4 vload_rows4(const real *p, size_t stride) {
  vec low0 = vload(p), high0 = vload(p + 2), low1 = vload(p + stride),
      high1 = vload(p + stride + 2);
  return (vec4){vtrn1q_f64(low0, low1), vtrn2q_f64(low0, low1), vtrn1q_f64(high0, high1),
                vtrn2q_f64(high0, high1)};
}
static inline void vstore_rows4(real *p, size_t stride, vec4 a) {
  vstore(p, vtrn1q_f64(a.x, a.y));
  vstore(p + 2, vtrn1q_f64(a.z, a.w));
  vstore(p + stride, vtrn2q_f64(a.x, a.y));
  vstore(p + stride + 2, vtrn2q_f64(a.z, a.w));
}

#else

typedef float real;
typedef float32x4_t vec;
typedef uint32x4_t ivec;
typedef uint32x4_t mask;
typedef float32x4x4_t vec_x4;
enum { LANES = 4 };

static inline vec vload(const real *p) { return vld1q_f32(p); }
static inline void vstore(real *p, vec a) { vst1q_f32(p, a); }
static inline vec vset1(real a) { return vdupq_n_f32(a); }

static inline vec vadd(vec a, vec b) { return vaddq_f32(a, b); }
static inline vec vsub(vec a, vec b) { return vsubq_f32(a, b); }
static inline vec vmul(vec a, vec b) { return vmulq_f32(a, b); }
static inline vec vdiv(vec a, vec b) { return vdivq_f32(a, b); }
static inline vec vsqrt(vec a) { return vsqrtq_f32(a); }
static inline vec vfma(vec a, vec b, vec c) { return vfmaq_f32(c, a, b); }
static inline vec vfnma(vec a, vec b, vec c) { return vfmsq_f32(c, a, b); }
static inline vec vabs(vec a) { return vabsq_f32(a); }

static inline mask vlt(vec a, vec b) { return vcltq_f32(a, b); }
static inline mask vle(vec a, vec b) { return vcleq_f32(a, b); }
static inline mask veq(vec a, vec b) { return vceqq_f32(a, b); }
static inline mask vand(mask a, mask b) { return vandq_u32(a, b); }
static inline mask vor(mask a, mask b) { return vorrq_u32(a, b); }
static inline vec vselect(mask m, vec a, vec b) { return vbslq_f32(m, a, b); }
static inline int vall(mask m) { return vminvq_u32(m) != 0; }
static inline unsigned vbits(mask m) {
  const uint32x4_t bit = {1, 2, 4, 8};
  return vaddvq_u32(vandq_u32(m, bit));
}

static inline ivec as_int(vec a) { return vreinterpretq_u32_f32(a); }
static inline vec as_real(ivec a) { return vreinterpretq_f32_u32(a); }
static inline ivec iset1(uint64_t a) { return vdupq_n_u32((uint32_t)a); }
static inline ivec iadd(ivec a, ivec b) { return vaddq_u32(a, b); }
static inline ivec iand(ivec a, ivec b) { return vandq_u32(a, b); }
static inline ivec ior(ivec a, ivec b) { return vorrq_u32(a, b); }
static inline ivec ishl(ivec a, int count) { return vshlq_u32(a, vdupq_n_s32(count)); }
static inline ivec ishr(ivec a, int count) { return vshlq_u32(a, vdupq_n_s32(-count)); }

static inline vec_x4 vload_x4(const real *p) { return vld4q_f32(p); }
static inline void vstore_x4(real *p, vec_x4 a) { vst4q_f32(p, a); }

typedef struct vec4 {
  vec x, y, z, w;
} vec4;

static inline vec4 vsquare(vec4 a) {
  float32x4x2_t top = vtrnq_f32(a.x, a.y), bottom = vtrnq_f32(a.z, a.w);
  return (vec4){vcombine_f32(vget_low_f32(top.val[0]), vget_low_f32(bottom.val[0])),
                vcombine_f32(vget_low_f32(top.val[1]), vget_low_f32(bottom.val[1])),
                vcombine_f32(vget_high_f32(top.val[0]), vget_high_f32(bottom.val[0])),
                vcombine_f32(vget_high_f32(top.val[1]), vget_high_f32(bottom.val[1]))};
}
static inline vec4 vload_rows4(const real *p, size_t stride) {
  return vsquare((vec4){vload(p), vload(p + stride), vload(p + 2 * stride), vload(p + 3 * stride)});
}
static inline void vstore_rows4(real *p, size_t stride, vec4 a) {
  vec4 t = vsquare(a);
  vstore(p, t.x);
  vstore(p + stride, t.y);
  vstore(p + 2 * stride, t.z);
  vstore(p + 3 * stride, t.w);
}

#endif

/* by the bit: gcc folds -fma(a, b, c) into one instruction that gives a zero the other sign */
static inline vec vneg(vec a) {
  return as_real(iadd(as_int(a), ishl(iset1(1), 8 * (int)sizeof(real) - 1)));
}

/* no streaming store in the intrinsics */
static inline void vstream(real *p, vec a) { vstore(p, a); }
static inline void vstream_aligned(real *p, vec a) { vstore(p, a); }
static inline void vstream_end(void) {}

/* NEON's own min and max return NaN for either operand and order the zeros */
static inline vec vmin(vec a, vec b) { return vselect(vlt(a, b), a, b); }
static inline vec vmax(vec a, vec b) { return vselect(vlt(b, a), a, b); }
static inline vec vpositive(vec a) { return vmax(a, vset1(0)); }

static inline vec vorder4(vec a) { return a; }
static inline vec vdisorder4(vec a) { return a; }
static inline vec4 vload4(const real *p) {
  vec_x4 a = vload_x4(p);
  return (vec4){a.val[0], a.val[1], a.val[2], a.val[3]};
}
static inline void vstore4(real *p, vec4 a) { vstore_x4(p, (vec_x4){{a.x, a.y, a.z, a.w}}); }
static inline void vstream4(real *p, vec4 a) { vstore4(p, a); }

#endif
