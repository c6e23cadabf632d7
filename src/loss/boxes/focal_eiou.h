/* SPDX-License-Identifier: Apache-2.0 */
/* L = IoU^gamma L_E, L_E that of eiou, the weight IoU^gamma constant. A NaN weighs nothing. */
#include "loss/boxes/eiou.h"

static inline void focal_eiou_terms(const geometry *g, const limits *l, const box_parameters *p,
                                    box_terms *t) {
  eiou_terms(g, l, p, t);
  vec iou = t->overlap.iou;
  int is_root = vall(veq(p->gamma, vset1((real)0.5)));
  t->weight = is_root ? vsqrt(iou) : vpow_unit(iou, p->gamma);
}

static inline box_loss focal_eiou(const geometry *g, const limits *l, const box_parameters *p,
                                  const box_terms *t) {
  vec weight = t->weight;
  if (p->only_weight) {
    vec iou = t->overlap.iou; /* IoU^0 is 1 for a NaN too */
    weight = vselect(veq(iou, iou), weight, vset1(0));
    return (box_loss){weight, weight, weight, weight, weight};
  }
  box_loss r = eiou(g, l, p, t);
  return (box_loss){vmul(weight, r.loss), vmul(weight, r.left), vmul(weight, r.top),
                    vmul(weight, r.right), vmul(weight, r.bottom)};
}
