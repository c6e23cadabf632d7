/* SPDX-License-Identifier: Apache-2.0 */
/* L = 1 - IoU + R, R the squared distance of the centres in diagonals of the enclosing box */
static inline box_loss diou(const geometry *g, const limits *l, const box_parameters *p) {
  (void)p;
  centre_distance d = measure_centres(g, l);
  return add_centres(g, overlap_term(g, measure_iou(g, l)), d, d.value, vset1(1));
}
