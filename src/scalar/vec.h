/* SPDX-License-Identifier: Apache-2.0 */
/* The vector vocabulary in plain C, one lane: the specification of the other vec.h files.
 * The dtype comes from the build: DTYPE_F64 or f32. */
#ifndef VLOSS_VEC_H
#define VLOSS_VEC_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef DTYPE_F64
typedef double real;
typedef uint64_t ivec;
#define real_fma fma
#define real_sqrt sqrt
#define real_abs fabs
#else
typedef float real;
typedef uint32_t ivec;
#define real_fma fmaf
#define real_sqrt sqrtf
#define real_abs fabsf
#endif

enum { LANES = 1 };
/* Whether frames keep to the path that takes anything, since no other would be faster. */
enum { ONE_PATH = 1 };
typedef real vec;
typedef int mask; /* every lane true or false */
typedef struct vec4 {
  vec x, y, z, w;
} vec4;

static inline vec vload(const real *p) { return *p; }
static inline void vstore(real *p, vec a) { *p = a; }
/* Store around the caches where the ISA can; p is aligned to 16 bytes. */
static inline void vstream(real *p, vec a) { *p = a; }
/* The same, p is aligned to a vector: whole ones are cheaper than halves. */
static inline void vstream_aligned(real *p, vec a) { *p = a; }
/* Order streamed stores before whatever follows. */
static inline void vstream_end(void) {}
static inline vec vset1(real a) { return a; }

static inline vec vadd(vec a, vec b) { return a + b; }
static inline vec vsub(vec a, vec b) { return a - b; }
static inline vec vmul(vec a, vec b) { return a * b; }
static inline vec vdiv(vec a, vec b) { return a / b; }
static inline vec vsqrt(vec a) { return real_sqrt(a); }
/* a b + c and c - a b, rounded once */
static inline vec vfma(vec a, vec b, vec c) { return real_fma(a, b, c); }
static inline vec vfnma(vec a, vec b, vec c) { return real_fma(-a, b, c); }
/* b where either is NaN or both are zero */
static inline vec vmin(vec a, vec b) { return a < b ? a : b; }
static inline vec vmax(vec a, vec b) { return a > b ? a : b; }
/* a where that is > 0, else 0; of NaN those alone that an operation has made of numbers */
static inline vec vpositive(vec a) { return a > 0 ? a : 0; }
/* sign bit cleared: of NaN and zero too; vneg() below flips it */
static inline vec vabs(vec a) { return real_abs(a); }

/* false where either is NaN */
static inline mask vlt(vec a, vec b) { return a < b; }
static inline mask vle(vec a, vec b) { return a <= b; }
static inline mask veq(vec a, vec b) { return a == b; }
static inline mask vand(mask a, mask b) { return a & b; }
static inline mask vor(mask a, mask b) { return a | b; }
/* m ? a : b */
static inline vec vselect(mask m, vec a, vec b) { return m ? a : b; }
static inline int vall(mask m) { return m; }
/* lane i in bit i */
static inline unsigned vbits(mask m) { return (unsigned)m; }

/* the bits of a vector as unsigned integers of its width, and back */
static inline ivec as_int(vec a) {
  ivec bits;
  memcpy(&bits, &a, sizeof bits);
  return bits;
}
static inline vec as_real(ivec a) {
  vec value;
  memcpy(&value, &a, sizeof value);
  return value;
}
/* by the bit: gcc folds -fma(a, b, c) into one instruction that gives a zero the other sign */
static inline vec vneg(vec a) { return as_real(as_int(a) ^ ((ivec)1 << (8 * sizeof(ivec) - 1))); }
static inline ivec iset1(uint64_t a) { return (ivec)a; }
/* modulo the width */
static inline ivec iadd(ivec a, ivec b) { return (ivec)(a + b); }
static inline ivec iand(ivec a, ivec b) { return a & b; }
static inline ivec ior(ivec a, ivec b) { return a | b; }
/* logical shifts by 0 <= count < width */
static inline ivec ishl(ivec a, int count) { return (ivec)(a << count); }
static inline ivec ishr(ivec a, int count) { return (ivec)(a >> count); }

/* LANES groups of four, in the order that suits the ISA: where group i of vload4() stands in lane
 * k, vorder4() moves lane k to lane i, and vdisorder4() back */
static inline vec vorder4(vec a) { return a; }
static inline vec vdisorder4(vec a) { return a; }
/* a group is x, y, z, w */
static inline vec4 vload4(const real *p) { return (vec4){p[0], p[1], p[2], p[3]}; }
static inline void vstore4(real *p, vec4 a) {
  p[0] = a.x;
  p[1] = a.y;
  p[2] = a.z;
  p[3] = a.w;
}
static inline void vstream4(real *p, vec4 a) { vstore4(p, a); }
/* the same of LANES rows of four, row l at p + l * stride, with row l in lane l */
static inline vec4 vload_rows4(const real *p, size_t stride) {
  (void)stride;
  return vload4(p);
}
static inline void vstore_rows4(real *p, size_t stride, vec4 a) {
  (void)stride;
  vstore4(p, a);
}

#endif
