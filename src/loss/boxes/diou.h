/* SPDX-License-Identifier: Apache-2.0 */
/* L = 1 - IoU + R, R the squared distance of the centres in diagonals of the enclosing box */
static inline void diou_terms(const geometry *g, const limits *l, const box_parameters *p,
                              box_terms *t) {
  (void)p;
  t->overlap = measure_iou(g, l);
  t->centres = measure_centres(g, l);
}

static inline box_loss diou(const geometry *g, const limits *l, const box_parameters *p,
                            const box_terms *t) {
  (void)l, (void)p;
  return add_centres(g, overlap_term(g, t->overlap), t->centres, t->centres.value, vset1(1));
}
