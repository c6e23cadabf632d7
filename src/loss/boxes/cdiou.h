/* SPDX-License-Identifier: Apache-2.0 */
/* L = base + lambda S / (4 WY), S the distances of the four corners from the target's, WY the
 * diagonal of the enclosing box; base 1 - IoU or 1 - GIoU.
 * dS by a coordinate is the sum of the cosines of its two corners; dWY = cw / WY by cw. */

/* The distance (a, b) and its cosines, 0 for a point. */
typedef struct corner {
  vec length, a, b;
} corner;

static inline corner measure_corner(vec a, vec b, vec square, vec scale) {
  vec length = vsqrt(square), zero = vset1(0);
  vec inverse = vselect(veq(square, zero), zero, vdiv(vset1(1), length));
  return (corner){vdiv(length, scale), vmul(vmul(a, scale), inverse),
                  vmul(vmul(b, scale), inverse)};
}

/* Distances whose squares would underflow, by a power of two. */
static inline corner rescue_corner(vec a, vec b) {
  int narrow = sizeof(real) == 4;
  vec longest = vmax(vabs(a), vabs(b));
  mask small = vlt(longest, vset1(narrow ? 0x1p-50f : (real)0x1p-400));
  vec scale = vselect(small, vset1(narrow ? 0x1p100f : (real)0x1p800), vset1(1));
  vec p = vmul(a, scale), q = vmul(b, scale);
  return measure_corner(a, b, vfma(p, p, vmul(q, q)), scale);
}

/* The four distances, as sums by the edge that moves them. */
static inline void measure_corners_of(const geometry *g, corner c[4]) {
  const vec xs[] = {g->left, g->right, g->right, g->left};
  const vec ys[] = {g->top, g->top, g->bottom, g->bottom};
  vec one = vset1(1), zero = vset1(0);
  vec squares[4], smallest = one, least = vset1(sizeof(real) == 4 ? 0x1p-100f : (real)0x1p-800);
  for (int k = 0; k < 4; k++) {
    squares[k] = square_sum(xs[k], ys[k], zero);
    smallest = vmin(squares[k], smallest);
  }
  if (UNLIKELY(!vall(vle(least, smallest)))) {
    for (int k = 0; k < 4; k++) c[k] = rescue_corner(xs[k], ys[k]);
  } else {
    for (int k = 0; k < 4; k++) c[k] = measure_corner(xs[k], ys[k], squares[k], one);
  }
}

static inline void cdiou_terms(const geometry *g, const limits *l, const box_parameters *p,
                               box_terms *t) {
  corner c[4];
  measure_corners_of(g, c);
  vec square = square_sum(g->outer_width, g->outer_height, vset1(0));
  vec inverse = inverse_or_zero(square);
  vec share = vmul(vmul(vmul(vset1((real)0.25), p->lambda), vsqrt(square)), inverse);
  vec sum = vadd(vadd(c[0].length, c[1].length), vadd(c[2].length, c[3].length));
  vec value = vmul(sum, share);
  t->corners = (corner_distance){value,
                                 bounded(l, vmul(value, inverse)),
                                 bounded(l, vmul(share, vadd(c[0].a, c[3].a))),
                                 bounded(l, vmul(share, vadd(c[0].b, c[1].b))),
                                 bounded(l, vmul(share, vadd(c[1].a, c[2].a))),
                                 bounded(l, vmul(share, vadd(c[2].b, c[3].b)))};
  t->overlap = measure_iou(g, l);
  if (p->base == VLOSS_BASE_GIOU) t->hull = measure_hull(g, l);
}

static inline box_loss cdiou(const geometry *g, const limits *l, const box_parameters *p,
                             const box_terms *t) {
  (void)l;
  const corner_distance *d = &t->corners;
  box_term sum =
      p->base == VLOSS_BASE_GIOU ? giou_term(g, t->overlap, t->hull) : overlap_term(g, t->overlap);
  sum.value = vadd(sum.value, d->value);
  sum.x.outer = vfnma(d->by_outer, g->outer_width, sum.x.outer);
  sum.y.outer = vfnma(d->by_outer, g->outer_height, sum.y.outer);
  box_loss r = move_edges(g, sum);
  vec minus_two = vset1(-2); /* outwards is less far inside, and slopes are doubled */
  r.left = vfma(minus_two, d->left, r.left);
  r.top = vfma(minus_two, d->top, r.top);
  r.right = vfma(minus_two, d->right, r.right);
  r.bottom = vfma(minus_two, d->bottom, r.bottom);
  return r;
}
