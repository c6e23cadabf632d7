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

static inline vec square_of(vec a, vec b) { return vfma(a, a, vmul(b, b)); }

static inline box_loss cdiou(const geometry *g, const limits *l, const box_parameters *p) {
  const vec xs[] = {g->left, g->right, g->right, g->left};
  const vec ys[] = {g->top, g->top, g->bottom, g->bottom};
  vec one = vset1(1), least = vset1(sizeof(real) == 4 ? 0x1p-100f : (real)0x1p-800);
  vec squares[4], smallest = one;
  for (int k = 0; k < 4; k++) {
    squares[k] = square_of(xs[k], ys[k]);
    smallest = vmin(squares[k], smallest);
  }
  corner c[4];
  if (UNLIKELY(!vall(vle(least, smallest)))) {
    for (int k = 0; k < 4; k++) c[k] = rescue_corner(xs[k], ys[k]);
  } else {
    for (int k = 0; k < 4; k++) c[k] = measure_corner(xs[k], ys[k], squares[k], one);
  }

  vec square = square_of(g->outer_width, g->outer_height), inverse = inverse_or_zero(square);
  vec share = vmul(vmul(vmul(vset1((real)0.25), p->lambda), vsqrt(square)), inverse);
  vec sum = vadd(vadd(c[0].length, c[1].length), vadd(c[2].length, c[3].length));
  vec value = vmul(sum, share), by_outer = vmul(value, inverse);
  box_term t = p->base == VLOSS_BASE_GIOU ? giou_term(g, l) : overlap_term(g, measure_iou(g, l));
  t.value = vadd(t.value, value);
  t.x.outer = vfnma(by_outer, g->outer_width, t.x.outer);
  t.y.outer = vfnma(by_outer, g->outer_height, t.y.outer);
  box_loss r = move_edges(g, t);
  vec twice = vadd(share, share);
  r.left = vfnma(twice, vadd(c[0].a, c[3].a), r.left);
  r.top = vfnma(twice, vadd(c[0].b, c[1].b), r.top);
  r.right = vfnma(twice, vadd(c[1].a, c[2].a), r.right);
  r.bottom = vfnma(twice, vadd(c[2].b, c[3].b), r.bottom);
  return r;
}
