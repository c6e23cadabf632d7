/* SPDX-License-Identifier: Apache-2.0 */
/* L = 1 - IoU + R + alpha v, alpha = v / (1 - IoU + v) constant; 0 up to IoU 1/2 if gated */
static inline box_loss ciou(const geometry *g, const limits *l, const box_parameters *p) {
  iou_terms u = measure_iou(g, l);
  box_term t = overlap_term(g, u);
  centre_distance d = measure_centres(g, l);
  aspect a = measure_aspect(g, l);
  vec alpha = aspect_weight(a.value, t.value);
  if (p->alpha_gate) alpha = vselect(vle(u.iou, vset1((real)0.5)), vset1(0), alpha);
  t = add_aspect(t, a, vmul(alpha, a.value), alpha);
  return add_centres(g, t, d, d.value, vset1(1));
}
