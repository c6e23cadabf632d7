/* SPDX-License-Identifier: Apache-2.0 */
/* AVX2 loops written by hand for one loss each: the speed that the frames of the library must keep
 * up with. They do its job on finite boxes (ties, inverted axes, guarded divisions), but check no
 * argument, sum in a few f32 lanes, and know one format, one reduction and no weights. */
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

/* 1 / a; if guarded, 0 where a is not a normal number */
INLINE __m256 reciprocal(__m256 a, int guarded) {
  __m256 inverse = _mm256_div_ps(_mm256_set1_ps(1.0f), a);
  if (!guarded) return inverse;
  return _mm256_and_ps(_mm256_cmp_ps(a, _mm256_set1_ps(0x1p-126f), _CMP_GE_OQ), inverse);
}

/* 1 where a > b, 1/2 where they are equal, else 0 */
INLINE __m256 part(__m256 a, __m256 b) {
  __m256 half = _mm256_set1_ps(0.5f);
  return _mm256_add_ps(_mm256_and_ps(half, _mm256_cmp_ps(a, b, _CMP_GT_OQ)),
                       _mm256_and_ps(half, _mm256_cmp_ps(a, b, _CMP_GE_OQ)));
}

/* Extents of prediction, intersection and hull, areas of union and hull, and the part of each
 * corner's slope that is the intersection's. */
typedef struct measured {
  __m256 width, height, inner_width, inner_height, outer_width, outer_height, join, hull;
  boxes parts;
} measured;

/* Extremes over many boxes: one test says whether all of them are ordinary. */
typedef struct extremes {
  __m256 narrowest, widest, smallest;
} extremes;

INLINE extremes no_extremes(void) {
  __m256 one = _mm256_set1_ps(1.0f);
  return (extremes){one, one, one};
}

INLINE int are_ordinary(const extremes *e) {
  __m256 inverted = less(e->narrowest, _mm256_setzero_ps());
  __m256 huge = less(_mm256_set1_ps(0x1p62f), e->widest);
  __m256 tiny = less(e->smallest, _mm256_set1_ps(0x1p-64f));
  return _mm256_movemask_ps(_mm256_or_ps(inverted, _mm256_or_ps(huge, tiny))) == 0;
}

INLINE __m256 overlap(__m256 low, __m256 high, __m256 target_low, __m256 target_high) {
  __m256 length = _mm256_sub_ps(_mm256_min_ps(high, target_high), _mm256_max_ps(low, target_low));
  return _mm256_max_ps(_mm256_setzero_ps(), length);
}

INLINE __m256 reach(__m256 low, __m256 high, __m256 target_low, __m256 target_high) {
  return _mm256_sub_ps(_mm256_max_ps(high, target_high), _mm256_min_ps(low, target_low));
}

INLINE void measure(boxes p, boxes t, measured *m, extremes *e) {
  __m256 inner_width = overlap(p.x1, p.x2, t.x1, t.x2);
  __m256 inner_height = overlap(p.y1, p.y2, t.y1, t.y2);
  __m256 both = _mm256_mul_ps(inner_width, inner_height);
  __m256 meet = less(_mm256_setzero_ps(), both);
  m->inner_width = _mm256_and_ps(meet, inner_width);
  m->inner_height = _mm256_and_ps(meet, inner_height);
  m->outer_width = reach(p.x1, p.x2, t.x1, t.x2);
  m->outer_height = reach(p.y1, p.y2, t.y1, t.y2);
  m->hull = _mm256_mul_ps(m->outer_width, m->outer_height);
  m->width = _mm256_sub_ps(p.x2, p.x1);
  m->height = _mm256_sub_ps(p.y2, p.y1);
  __m256 width = _mm256_sub_ps(t.x2, t.x1), height = _mm256_sub_ps(t.y2, t.y1);
  __m256 areas = _mm256_fmadd_ps(m->width, m->height, _mm256_mul_ps(width, height));
  m->join = _mm256_sub_ps(areas, both);
  m->parts = (boxes){part(p.x1, t.x1), part(p.y1, t.y1), part(t.x2, p.x2), part(t.y2, p.y2)};
  __m256 narrow = _mm256_min_ps(_mm256_min_ps(width, height), _mm256_min_ps(m->width, m->height));
  e->narrowest = _mm256_min_ps(narrow, e->narrowest);
  e->widest = _mm256_max_ps(_mm256_add_ps(m->outer_width, m->outer_height), e->widest);
  e->smallest = _mm256_min_ps(m->join, e->smallest);
}

/* With i = (1 + IoU)/U - 1/C on the overlap, o = (1 - q)/C on the hull and e = 1/C - IoU/U on the
 * extent, each of the other axis: the slope of a lower corner is e - o + part (i + o), that of an
 * upper one -(e - o + part (i + o)). */
INLINE __m256 giou_slopes(const measured *m, __m256 share, int guarded, boxes *grad) {
  __m256 one = _mm256_set1_ps(1.0f);
  __m256 per_join = reciprocal(m->join, guarded), per_hull = reciprocal(m->hull, guarded);
  __m256 iou = _mm256_mul_ps(_mm256_mul_ps(m->inner_width, m->inner_height), per_join);
  __m256 gap = _mm256_mul_ps(_mm256_sub_ps(m->hull, m->join), per_hull);
  gap = _mm256_max_ps(gap, _mm256_setzero_ps());
  if (grad != NULL) {
    per_join = _mm256_mul_ps(per_join, share);
    per_hull = _mm256_mul_ps(per_hull, share);
    __m256 i = _mm256_sub_ps(_mm256_fmadd_ps(iou, per_join, per_join), per_hull);
    __m256 o = _mm256_fnmadd_ps(gap, per_hull, per_hull);
    __m256 e = _mm256_fnmadd_ps(iou, per_join, per_hull);
    __m256 hull_x = _mm256_mul_ps(m->outer_height, o), hull_y = _mm256_mul_ps(m->outer_width, o);
    __m256 base_x = _mm256_fmsub_ps(m->height, e, hull_x);
    __m256 base_y = _mm256_fmsub_ps(m->width, e, hull_y);
    __m256 all_x = _mm256_fmadd_ps(m->inner_height, i, hull_x);
    __m256 all_y = _mm256_fmadd_ps(m->inner_width, i, hull_y);
    *grad = (boxes){
        _mm256_fmadd_ps(m->parts.x1, all_x, base_x), _mm256_fmadd_ps(m->parts.y1, all_y, base_y),
        _mm256_fnmsub_ps(m->parts.x2, all_x, base_x), _mm256_fnmsub_ps(m->parts.y2, all_y, base_y)};
  }
  return _mm256_add_ps(_mm256_sub_ps(one, iou), gap);
}

INLINE void mean_slopes(__m256 *a, __m256 *b, __m256 inverted) {
  __m256 mean = _mm256_mul_ps(_mm256_set1_ps(0.5f), _mm256_add_ps(*a, *b));
  *a = _mm256_blendv_ps(*a, mean, inverted);
  *b = _mm256_blendv_ps(*b, mean, inverted);
}

/* Any eight boxes. Boxes are ordinary in practice: this stays out of the loop. */
static __attribute__((noinline)) __m256 giou_rare(const float *input, const float *target,
                                                  __m256 share, float *grad) {
  boxes p = load_boxes(input), t = load_boxes(target), mended = p, slopes;
  measured m;
  extremes ignored = no_extremes();
  centre(&mended.x1, &mended.x2);
  centre(&mended.y1, &mended.y2);
  centre(&t.x1, &t.x2);
  centre(&t.y1, &t.y2);
  measure(mended, t, &m, &ignored);
  __m256 loss = giou_slopes(&m, share, 1, grad != NULL ? &slopes : NULL);
  if (grad == NULL) return loss;
  mean_slopes(&slopes.x1, &slopes.x2, less(p.x2, p.x1));
  mean_slopes(&slopes.y1, &slopes.y2, less(p.y2, p.y1));
  store_boxes(grad, slopes);
  return loss;
}

/* Two short loops: in one, the chain from load to store is longer than the CPU can look ahead. */
enum { GROUP = 8 };

INLINE __m256 giou_group(const float *input, const float *target, __m256 share, float *grad,
                         __m256 total) {
  measured m[GROUP];
  extremes e = no_extremes();
  for (size_t k = 0, at = 0; k < GROUP; k++, at += 4 * LANES)
    measure(load_boxes(input + at), load_boxes(target + at), &m[k], &e);
  int ordinary = are_ordinary(&e);
  for (size_t k = 0, at = 0; k < GROUP; k++, at += 4 * LANES) {
    boxes slopes;
    __m256 loss;
    if (__builtin_expect(ordinary, 1)) {
      loss = giou_slopes(&m[k], share, 0, grad != NULL ? &slopes : NULL);
      if (grad != NULL) store_boxes(grad + at, slopes);
    } else {
      loss = giou_rare(input + at, target + at, share, grad != NULL ? grad + at : NULL);
    }
    total = _mm256_add_ps(total, loss);
  }
  return total;
}

INLINE float giou_loop(const float *input, const float *target, size_t n, float share,
                       float *grad) {
  __m256 shares = _mm256_set1_ps(share), total = _mm256_setzero_ps();
  size_t i = 0;
  for (; i + GROUP * LANES <= n; i += GROUP * LANES)
    total = giou_group(input + 4 * i, target + 4 * i, shares, grad ? grad + 4 * i : NULL, total);
  for (; i + LANES <= n; i += LANES)
    total = _mm256_add_ps(
        total, giou_rare(input + 4 * i, target + 4 * i, shares, grad ? grad + 4 * i : NULL));
  if (i < n) { /* padded with identical boxes, whose loss is 0 */
    float block[3][4 * LANES];
    size_t bytes = (n - i) * 4 * sizeof(float);
    for (size_t k = 0; k < 4 * LANES; k++) block[0][k] = block[1][k] = (float)(k % 4);
    memcpy(block[0], input + 4 * i, bytes);
    memcpy(block[1], target + 4 * i, bytes);
    total = _mm256_add_ps(total, giou_rare(block[0], block[1], shares, grad ? block[2] : NULL));
    if (grad != NULL) memcpy(grad + 4 * i, block[2], bytes);
  }
  return fold(total);
}

static void giou(const call *c) {
  size_t n = c->shape[0];
  float share = 1.0f / (float)n;
  float sum = c->grad != NULL ? giou_loop(c->input, c->target, n, share, c->grad)
                              : giou_loop(c->input, c->target, n, share, NULL);
  *(float *)c->loss_out = sum / (float)n;
}

const loop handwritten_f32[] = {{"mse", mse}, {"giou", giou}, {NULL, NULL}};
