/* SPDX-License-Identifier: Apache-2.0 */
/* T = (I + s) / (I + alpha (P - I) + beta (Y - I) + s), L = (1 - T)^gamma by the frame */
static inline overlap_index tversky(overlap_sums s, const vloss_overlap_options *o) {
  return tversky_index(s, o->smoothing, o->alpha, o->beta);
}
