/* SPDX-License-Identifier: Apache-2.0 */
/* L = 1 - IoU + q, IoU = I / (U + eps), q = (C - U) / (C + eps), C the area of the enclosing box
 * dL = [IoU dA - (1 + IoU) dI] / (U + eps) + [(1 - q) dC - dA + dI] / (C + eps) */
typedef struct giou_terms {
  iou_terms u;
  vec q, inverse; /* of C + eps */
} giou_terms;

/* dL for a low edge, where dA = -extent, dI = -a inner, dC = -(1 - a) outer, all measured along the
 * edge; a high edge has the opposite sign. (1 + IoU) a comes first: identical boxes give exactly 0.
 * */
static inline vec giou_edge(const giou_terms *t, vec a, vec inner, vec extent, vec outer) {
  vec one = vset1(1);
  vec pull = vfma(vmul(vadd(one, t->u.iou), a), inner, vneg(vmul(t->u.iou, extent)));
  vec push = vfnma(vsub(one, a), vmul(vsub(one, t->q), outer), vfnma(a, inner, extent));
  return vfma(pull, t->u.inverse, vmul(push, t->inverse));
}

static inline box_loss giou(geometry g) {
  vec zero = vset1(0); /* 0 - x: gcc folds -fma(a, b, c), and the sign of its zeros changes */
  vec enclosing = vmul(g.outer_width, g.outer_height);
  giou_terms t = {measure_iou(&g), vset1(0), guarded_inverse(vadd(enclosing, g.eps), g.tiny)};
  t.q = vmax(vset1(0), vmul(vsub(enclosing, g.united), t.inverse));
  return (box_loss){
      vadd(vsub(vset1(1), t.u.iou), t.q),
      giou_edge(&t, g.inner.left, g.inner_height, g.height, g.outer_height),
      giou_edge(&t, g.inner.top, g.inner_width, g.width, g.outer_width),
      vsub(zero, giou_edge(&t, g.inner.right, g.inner_height, g.height, g.outer_height)),
      vsub(zero, giou_edge(&t, g.inner.bottom, g.inner_width, g.width, g.outer_width))};
}
