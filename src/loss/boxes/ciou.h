/* SPDX-License-Identifier: Apache-2.0 */
/* L = 1 - IoU + R + alpha v, alpha = v / (1 - IoU + v) constant; 0 up to IoU 1/2 if gated */
static inline void ciou_terms(const geometry *g, const limits *l, const box_parameters *p,
                              box_terms *t) {
  t->overlap = measure_iou(g, l);
  t->centres = measure_centres(g, l);
  t->aspect = measure_aspect(g, l);
  t->weight = aspect_weight(t->aspect.value, vsub(vset1(1), t->overlap.iou));
  if (p->alpha_gate) {
    mask apart = vle(t->overlap.iou, vset1((real)0.5));
    t->weight = vselect(apart, vset1(0), t->weight);
  }
}

static inline box_loss ciou(const geometry *g, const limits *l, const box_parameters *p,
                            const box_terms *t) {
  (void)l, (void)p;
  vec alpha = t->weight;
  box_term linear = overlap_term(g, t->overlap);
  box_term turned = add_aspect(linear, t->aspect, vmul(alpha, t->aspect.value), alpha);
  return add_centres(g, turned, t->centres, t->centres.value, vset1(1));
}
