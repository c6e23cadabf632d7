/* SPDX-License-Identifier: Apache-2.0 */
/* L = 1 - IoU, or -ln max(IoU, floor), or 1 - IoU^2 */
static inline void iou_terms(const geometry *g, const limits *l, const box_parameters *p,
                             box_terms *t) {
  (void)p;
  t->overlap = measure_iou(g, l);
}

static inline box_loss iou(const geometry *g, const limits *l, const box_parameters *p,
                           const box_terms *t) {
  vec iou = t->overlap.iou;
  box_term linear = overlap_term(g, t->overlap);
  if (p->form == VLOSS_IOU_LOG) {
    vec slope = vselect(vlt(iou, p->floor), vset1(0), vdiv(vset1(1), iou));
    vec loss = vmax(vset1(0), vneg(vlog(vmax(p->floor, iou))));
    return move_edges(g, apply(l, linear, loss, slope));
  }
  if (p->form == VLOSS_IOU_SQUARE)
    return move_edges(g, apply(l, linear, vfnma(iou, iou, vset1(1)), vadd(iou, iou)));
  return move_edges(g, linear);
}
