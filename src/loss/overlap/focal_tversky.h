/* SPDX-License-Identifier: Apache-2.0 */
/* Tversky with other defaults; L = (1 - T)^gamma by the frame */
static inline overlap_index focal_tversky(overlap_sums s, const vloss_overlap_options *o) {
  return tversky_index(s, o->smoothing, o->alpha, o->beta);
}
