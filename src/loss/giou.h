/* SPDX-License-Identifier: Apache-2.0 */
/* L = 1 - IoU + q, IoU = I / U, q = (C - U) / C, C the area of the enclosing box; U and C with eps.
 * dL = [IoU dA - (1 + IoU) dI] / U + [(1 - q) dC - dA + dI] / C
 * An edge that moves outwards changes A by the extent of the other axis; as an inner edge it
 * changes I by the other inner extent, as an outer edge C by the other outer extent. */
static inline box_loss giou(const geometry *g, const limits *l) {
  vec zero = vset1(0), one = vset1(1);
  vec enclosing = vfma(g->outer_width, g->outer_height, l->eps);
  iou_terms u = measure_iou(g, l);
  vec inverse = guarded_inverse(l, enclosing);
  vec q = vmax(vmul(vsub(enclosing, g->united), inverse), zero);

  vec by_inner = vsub(vfma(u.iou, u.inverse, u.inverse), inverse);
  vec by_outer = vfnma(q, inverse, inverse);
  vec by_area = vfnma(u.iou, u.inverse, inverse);
  vec area_x = vfnma(g->height, by_area, zero), area_y = vfnma(g->width, by_area, zero);
  axis_slopes x = {vfnma(g->inner_height, by_inner, area_x),
                   vfma(g->outer_height, by_outer, area_x)};
  axis_slopes y = {vfnma(g->inner_width, by_inner, area_y), vfma(g->outer_width, by_outer, area_y)};
  return (box_loss){vadd(vsub(one, u.iou), q), edge_slope(g->left, x), edge_slope(g->top, y),
                    edge_slope(g->right, x), edge_slope(g->bottom, y)};
}
