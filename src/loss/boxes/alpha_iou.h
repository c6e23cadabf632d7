/* SPDX-License-Identifier: Apache-2.0 */
/* L = 1 - IoU^a, + q^a for GIoU, + R^a for DIoU, + R^a + (beta v)^a for CIoU, beta = CIoU's alpha
 * constant */
static inline void alpha_iou_terms(const geometry *g, const limits *l, const box_parameters *p,
                                   box_terms *t) {
  t->overlap = measure_iou(g, l);
  t->powers[0] = t->powers[2] = raise(t->overlap.iou, p->alpha); /* the latter lest gcc 12 warns */
  if (p->base == VLOSS_BASE_GIOU) {
    t->hull = measure_hull(g, l);
    t->powers[1] = raise(t->hull.q, p->alpha);
  }
  if (p->base >= VLOSS_BASE_DIOU) {
    t->centres = measure_centres(g, l);
    t->powers[2] = raise(t->centres.value, p->alpha);
  }
  if (p->base == VLOSS_BASE_CIOU) {
    t->aspect = measure_aspect(g, l);
    t->weight = aspect_weight(t->aspect.value, vsub(vset1(1), t->overlap.iou));
    t->powers[3] = raise(vmul(t->weight, t->aspect.value), p->alpha);
  }
}

static inline box_loss alpha_iou(const geometry *g, const limits *l, const box_parameters *p,
                                 const box_terms *t) {
  const power *f = t->powers;
  box_term sum = apply(l, overlap_term(g, t->overlap), vsub(vset1(1), f[0].value), f[0].slope);
  if (p->base == VLOSS_BASE_IOU) return move_edges(g, sum);
  if (p->base == VLOSS_BASE_GIOU)
    return move_edges(g, add_terms(sum, apply(l, hull_term(g, t->hull), f[1].value, f[1].slope)));
  if (p->base == VLOSS_BASE_CIOU)
    sum = add_aspect(sum, t->aspect, f[3].value, vmul(t->weight, f[3].slope));
  return add_centres(g, sum, t->centres, f[2].value, f[2].slope);
}
