/* SPDX-License-Identifier: Apache-2.0 */
/* L = 1 - IoU + (Delta + Omega) / 2
 * Delta = sum over the axes of 1 - e^(-g r^2), r = |dx| / cw, g = 2 - A, A = sin 2a of the angle a
 * of the line between the centres: A = 2 t / (1 + t^2), t the smaller over the larger offset
 * Omega = sum over the axes of (1 - e^-w)^theta, w = |w - W| / max(w, W) */

/* t and A; dA by the smaller offset, and by the larger one, divided by -t. */
typedef struct angle_cost {
  vec value, slope; /* slope = dA/dt / larger */
  vec tangent;
} angle_cost;

static inline angle_cost measure_angle(vec x, vec y) {
  vec one = vset1(1), inverse = inverse_or_zero(vmax(x, y));
  vec t = vmul(vmin(x, y), inverse), below = vdiv(one, vfma(t, t, one)),
      value = vmul(vadd(t, t), below);
  vec slope = vmul(vmul(vset1(2), vfnma(t, t, one)), vmul(below, below));
  return (angle_cost){value, vmul(slope, inverse), t};
}

/* 1 - e^(-g r^2) of an axis and its slopes by r and g. */
typedef struct axis_cost {
  vec value, by_ratio, by_factor;
} axis_cost;

static inline axis_cost measure_axis(vec ratio, vec factor) {
  vec square = vmul(ratio, ratio), rest = vexp(vneg(vmul(factor, square)));
  return (axis_cost){vsub(vset1(1), rest), vmul(vmul(vadd(factor, factor), ratio), rest),
                     vmul(square, rest)};
}

/* (1 - e^-w)^theta of an axis and its slope by the extent of the prediction. */
typedef struct extent_cost {
  vec value, slope;
} extent_cost;

static inline extent_cost measure_extent(const limits *l, vec extent, vec target_extent,
                                         vec theta) {
  vec one = vset1(1), zero = vset1(0), d = vsub(extent, target_extent);
  vec inverse = inverse_or_zero(vmax(extent, target_extent));
  vec w = vmul(vabs(d), inverse), rest = vexp(vneg(w)), base = vsub(one, rest);
  vec cube = vmul(vmul(base, base), base);
  vec slope = vall(veq(theta, vset1(4))) ? cube : vpow_unit(base, vsub(theta, one));
  vec by_w = vmul(vmul(theta, slope), rest);
  /* dw by the extent: (1 - w) / w where it is the larger, else -1 / W */
  vec by_extent = vselect(vlt(zero, d), vmul(vsub(one, w), inverse), vneg(inverse));
  by_extent = vselect(veq(d, zero), zero, by_extent);
  return (extent_cost){vmul(slope, base), bounded(l, vmul(by_w, by_extent))};
}

/* sign(d) slope */
static inline vec signed_slope(vec d, vec slope) {
  vec zero = vset1(0), either = vselect(vlt(d, zero), vneg(slope), slope);
  return vselect(veq(d, zero), zero, either);
}

static inline void siou_terms(const geometry *g, const limits *l, const box_parameters *p,
                              box_terms *t) {
  vec half = vset1((real)0.5);
  vec dx = vmul(half, vsub(g->left, g->right)), dy = vmul(half, vsub(g->top, g->bottom));
  vec x = vabs(dx), y = vabs(dy);
  vec inverse_x = inverse_or_zero(g->outer_width), inverse_y = inverse_or_zero(g->outer_height);
  vec ratio_x = vmul(x, inverse_x), ratio_y = vmul(y, inverse_y);
  angle_cost angle = measure_angle(x, y);
  vec factor = vsub(vset1(2), angle.value);
  axis_cost cost_x = measure_axis(ratio_x, factor), cost_y = measure_axis(ratio_y, factor);
  extent_cost width = measure_extent(l, g->width, g->target_width, p->theta);
  extent_cost height = measure_extent(l, g->height, g->target_height, p->theta);

  vec smaller = vmul(vneg(vadd(cost_x.by_factor, cost_y.by_factor)), angle.slope);
  vec larger = vneg(vmul(angle.tangent, smaller));
  mask flat = vlt(y, x);
  vec by_x = vmul(cost_x.by_ratio, inverse_x), by_y = vmul(cost_y.by_ratio, inverse_y);
  vec outer_x = vfnma(by_x, ratio_x, width.slope), outer_y = vfnma(by_y, ratio_y, height.slope);
  by_x = bounded(l, vadd(by_x, vselect(flat, larger, smaller)));
  by_y = bounded(l, vadd(by_y, vselect(flat, smaller, larger)));

  t->overlap = measure_iou(g, l);
  t->x = (extent_difference){vadd(cost_x.value, width.value), {width.slope, outer_x}};
  t->y = (extent_difference){vadd(cost_y.value, height.value), {height.slope, outer_y}};
  t->centre_x = signed_slope(dx, by_x);
  t->centre_y = signed_slope(dy, by_y);
}

static inline axis_slopes add_half(axis_slopes a, axis_slopes b) {
  vec half = vset1((real)0.5);
  return (axis_slopes){vfma(half, b.inner, a.inner), vfma(half, b.outer, a.outer)};
}

static inline box_loss siou(const geometry *g, const limits *l, const box_parameters *p,
                            const box_terms *t) {
  (void)l, (void)p;
  vec half = vset1((real)0.5);
  box_term linear = overlap_term(g, t->overlap);
  box_term sum = {vfma(half, vadd(t->x.value, t->y.value), linear.value),
                  add_half(linear.x, t->x.slopes), add_half(linear.y, t->y.slopes)};
  return move_centre(move_edges(g, sum), vmul(half, t->centre_x), vmul(half, t->centre_y));
}
