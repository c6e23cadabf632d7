/* SPDX-License-Identifier: Apache-2.0 */
/* AVX2 loops written by hand for one loss each: the speed that the library's shared frames must keep
 * up with. They do the library's job on finite boxes (ties, inverted axes, guarded divisions), but sum
 * in a few f32 lanes, in any order, and know one format, one reduction and no weights. */
#include <immintrin.h>
#include <string.h>

#include "loop.h"

extern const loop handwritten_f32[];

#define INLINE static inline __attribute__((always_inline))

enum { LANES = 8 };

static float fold(__m256 a) {
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

INLINE __m256 mse_step(const float *input, const float *target, __m256 share, float *grad,
                       __m256 sum) {
  __m256 d = _mm256_sub_ps(_mm256_loadu_ps(input), _mm256_loadu_ps(target));
  if (grad != NULL) _mm256_storeu_ps(grad, _mm256_mul_ps(d, share));
  return _mm256_fmadd_ps(d, d, sum);
}

INLINE float mse_loop(const float *input, const float *target, size_t n, float share, float *grad) {
  enum { UNROLL = 4 };
  __m256 shares = _mm256_set1_ps(share), sums[UNROLL];
  for (int k = 0; k < UNROLL; k++) sums[k] = _mm256_setzero_ps();
  size_t i = 0;
  for (; i + UNROLL * LANES <= n; i += UNROLL * LANES) {
    for (size_t k = 0; k < UNROLL; k++) {
      size_t at = i + k * LANES;
      sums[k] = mse_step(input + at, target + at, shares, grad != NULL ? grad + at : NULL, sums[k]);
    }
  }
  float sum = fold(_mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3])));
  for (; i < n; i++) {
    float d = input[i] - target[i];
    if (grad != NULL) grad[i] = share * d;
    sum += d * d;
  }
  return sum;
}

static void mse(const call *c) {
  size_t n = c->shape[0];
  float share = 2.0f / (float)n;
  /* two loops: a test in the loop would cost */
  float sum = c->grad != NULL ? mse_loop(c->input, c->target, n, share, c->grad)
                              : mse_loop(c->input, c->target, n, share, NULL);
  *(float *)c->loss_out = sum / (float)n;
}

typedef struct boxes {
  __m256 x1, y1, x2, y2;
} boxes;

/* A 4 x 4 transpose in each half. Loads leave the boxes in the order 0 2 4 6 1 3 5 7, which harms
 * nobody, and the same again undoes it. */
INLINE boxes transpose(boxes a) {
  __m256 t0 = _mm256_unpacklo_ps(a.x1, a.y1), t1 = _mm256_unpackhi_ps(a.x1, a.y1);
  __m256 t2 = _mm256_unpacklo_ps(a.x2, a.y2), t3 = _mm256_unpackhi_ps(a.x2, a.y2);
  __m256d low0 = _mm256_castps_pd(t0), low1 = _mm256_castps_pd(t2);
  __m256d high0 = _mm256_castps_pd(t1), high1 = _mm256_castps_pd(t3);
  return (boxes){_mm256_castpd_ps(_mm256_unpacklo_pd(low0, low1)),
                 _mm256_castpd_ps(_mm256_unpackhi_pd(low0, low1)),
                 _mm256_castpd_ps(_mm256_unpacklo_pd(high0, high1)),
                 _mm256_castpd_ps(_mm256_unpackhi_pd(high0, high1))};
}

INLINE boxes load_boxes(const float *p) {
  return transpose((boxes){_mm256_loadu_ps(p), _mm256_loadu_ps(p + LANES),
                           _mm256_loadu_ps(p + 2 * LANES), _mm256_loadu_ps(p + 3 * LANES)});
}

INLINE void store_boxes(float *p, boxes a) {
  boxes rows = transpose(a);
  _mm256_storeu_ps(p, rows.x1);
  _mm256_storeu_ps(p + LANES, rows.y1);
  _mm256_storeu_ps(p + 2 * LANES, rows.x2);
  _mm256_storeu_ps(p + 3 * LANES, rows.y2);
}

INLINE __m256 less(__m256 a, __m256 b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }

INLINE void centre(__m256 *low, __m256 *high) {
  __m256 half = _mm256_set1_ps(0.5f), inverted = less(*high, *low);
  __m256 middle = _mm256_fmadd_ps(*low, half, _mm256_mul_ps(*high, half));
  *low = _mm256_blendv_ps(*low, middle, inverted);
  *high = _mm256_blendv_ps(*high, middle, inverted);
}

INLINE int any_inverted(boxes a) {
  return _mm256_movemask_ps(_mm256_or_ps(less(a.x2, a.x1), less(a.y2, a.y1)));
}

/* 1 / a, 0 where a is not a normal number */
INLINE __m256 reciprocal(__m256 a) {
  __m256 normal = _mm256_cmp_ps(a, _mm256_set1_ps(0x1p-126f), _CMP_GE_OQ);
  return _mm256_and_ps(normal, _mm256_div_ps(_mm256_set1_ps(1.0f), a));
}

/* base + all where greater > less, base + half where they are equal, else base */
INLINE __m256 add_part(__m256 base, __m256 half, __m256 greater, __m256 lesser) {
  __m256 above = _mm256_cmp_ps(greater, lesser, _CMP_GT_OQ);
  __m256 level = _mm256_cmp_ps(greater, lesser, _CMP_GE_OQ);
  return _mm256_add_ps(_mm256_add_ps(base, _mm256_and_ps(above, half)), _mm256_and_ps(level, half));
}

/* An axis of both boxes: corners, extent, and how far they overlap and reach. */
typedef struct axis {
  __m256 low, high, target_low, target_high, extent, inner, outer;
} axis;

INLINE axis make_axis(__m256 low, __m256 high, __m256 target_low, __m256 target_high) {
  __m256 inner = _mm256_sub_ps(_mm256_min_ps(high, target_high), _mm256_max_ps(low, target_low));
  return (axis){low,
                high,
                target_low,
                target_high,
                _mm256_sub_ps(high, low),
                inner,
                _mm256_sub_ps(_mm256_max_ps(high, target_high), _mm256_min_ps(low, target_low))};
}

/* With k = (1 + IoU)/U - 1/C on the overlap, o = (1 - q)/C on the hull and e = 1/C - IoU/U on the
 * extent, of the other axis each: the slope of the lower corner is e - o + a1 (k + o), that of the
 * upper one -(e - o + a2 (k + o)). */
INLINE void corner_slopes(const axis *a, __m256 overlap, __m256 hull, __m256 extent, __m256 *low,
                          __m256 *high) {
  __m256 base = _mm256_sub_ps(extent, hull);
  __m256 half = _mm256_mul_ps(_mm256_set1_ps(0.5f), _mm256_add_ps(overlap, hull));
  *low = add_part(base, half, a->low, a->target_low);
  *high = _mm256_xor_ps(_mm256_set1_ps(-0.0f), add_part(base, half, a->target_high, a->high));
}

INLINE __m256 giou_step(boxes p, boxes t, __m256 share, boxes *grad) {
  __m256 one = _mm256_set1_ps(1.0f), zero = _mm256_setzero_ps();
  axis x = make_axis(p.x1, p.x2, t.x1, t.x2), y = make_axis(p.y1, p.y2, t.y1, t.y2);
  __m256 meet = _mm256_and_ps(less(zero, x.inner), less(zero, y.inner));
  __m256 iw = _mm256_and_ps(meet, x.inner), ih = _mm256_and_ps(meet, y.inner);
  __m256 both = _mm256_mul_ps(iw, ih), hull = _mm256_mul_ps(x.outer, y.outer);
  __m256 area = _mm256_mul_ps(_mm256_sub_ps(t.x2, t.x1), _mm256_sub_ps(t.y2, t.y1));
  __m256 join = _mm256_sub_ps(_mm256_fmadd_ps(x.extent, y.extent, area), both);
  __m256 per_join = reciprocal(join), per_hull = reciprocal(hull);
  __m256 iou = _mm256_mul_ps(both, per_join);
  __m256 gap = _mm256_max_ps(_mm256_mul_ps(_mm256_sub_ps(hull, join), per_hull), zero);
  if (grad != NULL) {
    per_join = _mm256_mul_ps(per_join, share);
    per_hull = _mm256_mul_ps(per_hull, share);
    __m256 k = _mm256_sub_ps(_mm256_fmadd_ps(iou, per_join, per_join), per_hull);
    __m256 o = _mm256_fnmadd_ps(gap, per_hull, per_hull);
    __m256 e = _mm256_fnmadd_ps(iou, per_join, per_hull);
    corner_slopes(&x, _mm256_mul_ps(ih, k), _mm256_mul_ps(y.outer, o), _mm256_mul_ps(y.extent, e),
                  &grad->x1, &grad->x2);
    corner_slopes(&y, _mm256_mul_ps(iw, k), _mm256_mul_ps(x.outer, o), _mm256_mul_ps(x.extent, e),
                  &grad->y1, &grad->y2);
  }
  return _mm256_add_ps(_mm256_sub_ps(one, iou), gap);
}

INLINE void mean_slopes(__m256 *a, __m256 *b, __m256 inverted) {
  __m256 mean = _mm256_mul_ps(_mm256_set1_ps(0.5f), _mm256_add_ps(*a, *b));
  *a = _mm256_blendv_ps(*a, mean, inverted);
  *b = _mm256_blendv_ps(*b, mean, inverted);
}

/* Boxes are valid in practice: the repair stays out of the loop. */
static __attribute__((noinline)) __m256 giou_inverted(const boxes *p, const boxes *t, __m256 share,
                                                      boxes *grad) {
  boxes input = *p, target = *t;
  centre(&input.x1, &input.x2);
  centre(&input.y1, &input.y2);
  centre(&target.x1, &target.x2);
  centre(&target.y1, &target.y2);
  __m256 loss = giou_step(input, target, share, grad);
  if (grad != NULL) {
    mean_slopes(&grad->x1, &grad->x2, less(p->x2, p->x1));
    mean_slopes(&grad->y1, &grad->y2, less(p->y2, p->y1));
  }
  return loss;
}

INLINE __m256 giou_block(const float *input, const float *target, __m256 share, float *grad) {
  boxes p = load_boxes(input), t = load_boxes(target), slopes;
  __m256 loss;
  if (__builtin_expect((any_inverted(p) | any_inverted(t)) != 0, 0))
    loss = giou_inverted(&p, &t, share, grad != NULL ? &slopes : NULL);
  else
    loss = giou_step(p, t, share, grad != NULL ? &slopes : NULL);
  if (grad != NULL) store_boxes(grad, slopes);
  return loss;
}

INLINE float giou_loop(const float *input, const float *target, size_t n, float share,
                       float *grad) {
  __m256 shares = _mm256_set1_ps(share), sum = _mm256_setzero_ps();
  size_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    float *to = grad != NULL ? grad + 4 * i : NULL;
    sum = _mm256_add_ps(sum, giou_block(input + 4 * i, target + 4 * i, shares, to));
  }
  if (i < n) { /* padded with identical boxes, whose loss is 0 */
    float block[3][4 * LANES] = {{0}};
    size_t rest = n - i, bytes = rest * 4 * sizeof(float);
    for (size_t k = 0; k < 4 * LANES; k++) block[0][k] = block[1][k] = (float)(k % 4);
    memcpy(block[0], input + 4 * i, bytes);
    memcpy(block[1], target + 4 * i, bytes);
    sum = _mm256_add_ps(sum, giou_block(block[0], block[1], shares, grad ? block[2] : NULL));
    if (grad != NULL) memcpy(grad + 4 * i, block[2], bytes);
  }
  return fold(sum);
}

static void giou(const call *c) {
  size_t n = c->shape[0];
  float share = 1.0f / (float)n;
  float sum = c->grad != NULL ? giou_loop(c->input, c->target, n, share, c->grad)
                              : giou_loop(c->input, c->target, n, share, NULL);
  *(float *)c->loss_out = sum / (float)n;
}

const loop handwritten_f32[] = {{"mse", mse}, {"giou", giou}, {NULL, NULL}};
