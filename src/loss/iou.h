/* SPDX-License-Identifier: Apache-2.0 */
/* L = 1 - IoU, or -ln max(IoU, floor), or 1 - IoU^2 */
static inline box_loss iou(const geometry *g, const limits *l, const box_parameters *p) {
  iou_terms u = measure_iou(g, l);
  box_term t = overlap_term(g, u);
  if (p->form == VLOSS_IOU_LOG) {
    vec slope = vselect(vlt(u.iou, p->floor), vset1(0), vdiv(vset1(1), u.iou));
    t = apply(l, t, vmax(vset1(0), vneg(vlog(vmax(p->floor, u.iou)))), slope);
  } else if (p->form == VLOSS_IOU_SQUARE) {
    t = apply(l, t, vfnma(u.iou, u.iou, vset1(1)), vadd(u.iou, u.iou));
  }
  return move_edges(g, t);
}
