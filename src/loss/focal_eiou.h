/* SPDX-License-Identifier: Apache-2.0 */
/* L = IoU^gamma L_E, L_E that of eiou, the weight IoU^gamma constant. A NaN weighs nothing. */
static inline box_loss focal_eiou(const geometry *g, const limits *l, const box_parameters *p) {
  iou_terms u = measure_iou(g, l);
  vec root = vsqrt(u.iou), half = vset1((real)0.5);
  vec weight = vall(veq(p->gamma, half)) ? root : vpow_unit(u.iou, p->gamma);
  if (p->only_weight) {
    weight = vselect(veq(u.iou, u.iou), weight, vset1(0));
    return (box_loss){weight, weight, weight, weight, weight};
  }
  box_loss r = extended_loss(g, l, u);
  return (box_loss){vmul(weight, r.loss), vmul(weight, r.left), vmul(weight, r.top),
                    vmul(weight, r.right), vmul(weight, r.bottom)};
}
