/* SPDX-License-Identifier: Apache-2.0 */
/* J = (I + s) / (P + Y - I + s): the union below the bar */
static inline overlap_index jaccard(overlap_sums s, const vloss_overlap_options *o) {
  return tversky_index(s, o->smoothing, 1, 1);
}
