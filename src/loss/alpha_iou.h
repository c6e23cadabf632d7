/* SPDX-License-Identifier: Apache-2.0 */
/* L = 1 - IoU^a, + q^a for GIoU, + R^a for DIoU, + R^a + (beta v)^a for CIoU, beta = CIoU's alpha
 * constant */
static inline box_loss alpha_iou(const geometry *g, const limits *l, const box_parameters *p) {
  iou_terms u = measure_iou(g, l);
  box_term linear = overlap_term(g, u);
  power f = raise(u.iou, p->alpha);
  box_term t = apply(l, linear, vsub(vset1(1), f.value), f.slope);
  if (p->base == VLOSS_BASE_IOU) return move_edges(g, t);
  if (p->base == VLOSS_BASE_GIOU) {
    hull_terms h = measure_hull(g, l);
    power hull = raise(h.q, p->alpha);
    return move_edges(g, add_terms(t, apply(l, hull_term(g, h), hull.value, hull.slope)));
  }
  centre_distance d = measure_centres(g, l);
  power centre = raise(d.value, p->alpha);
  if (p->base == VLOSS_BASE_CIOU) {
    aspect a = measure_aspect(g, l);
    vec beta = aspect_weight(a.value, linear.value);
    power turn = raise(vmul(beta, a.value), p->alpha);
    t = add_aspect(t, a, turn.value, vmul(beta, turn.slope));
  }
  return add_centres(g, t, d, centre.value, centre.slope);
}
