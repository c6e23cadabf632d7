/* SPDX-License-Identifier: Apache-2.0 */
/* L = 1 - IoU + R + Ew + Eh, E the squared difference of extents over that of the enclosing box */
static inline box_loss eiou(const geometry *g, const limits *l, const box_parameters *p) {
  (void)p;
  return extended_loss(g, l, measure_iou(g, l));
}
