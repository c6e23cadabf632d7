/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VLOSS_EIOU_H
#define VLOSS_EIOU_H

/* L = 1 - IoU + R + Ew + Eh, E the squared difference of extents over that of the enclosing box */
static inline void eiou_terms(const geometry *g, const limits *l, const box_parameters *p,
                              box_terms *t) {
  (void)p;
  t->overlap = measure_iou(g, l);
  t->centres = measure_centres(g, l);
  t->x = measure_extents(l, g->width, g->target_width, g->outer_width);
  t->y = measure_extents(l, g->height, g->target_height, g->outer_height);
}

static inline box_loss eiou(const geometry *g, const limits *l, const box_parameters *p,
                            const box_terms *t) {
  (void)l, (void)p;
  box_term linear = overlap_term(g, t->overlap);
  box_term sum = {vadd(linear.value, vadd(t->x.value, t->y.value)),
                  add_slopes(linear.x, t->x.slopes), add_slopes(linear.y, t->y.slopes)};
  return add_centres(g, sum, t->centres, t->centres.value, vset1(1));
}

#endif
