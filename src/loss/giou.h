/* SPDX-License-Identifier: Apache-2.0 */
/* L = 1 - IoU + q, q = (C - U) / (C + eps), C the area of the enclosing box */
static inline box_loss giou(const geometry *g, const limits *l, const box_parameters *p) {
  (void)p;
  return move_edges(g, giou_term(g, l));
}
