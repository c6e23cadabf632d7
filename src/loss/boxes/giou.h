/* SPDX-License-Identifier: Apache-2.0 */
/* L = 1 - IoU + q, q = (C - U) / (C + eps), C the area of the enclosing box */
static inline void giou_terms(const geometry *g, const limits *l, const box_parameters *p,
                              box_terms *t) {
  (void)p;
  t->overlap = measure_iou(g, l);
  t->hull = measure_hull(g, l);
}

static inline box_loss giou(const geometry *g, const limits *l, const box_parameters *p,
                            const box_terms *t) {
  (void)l, (void)p;
  return move_edges(g, giou_term(g, t->overlap, t->hull));
}
