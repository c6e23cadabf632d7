/* SPDX-License-Identifier: Apache-2.0 */
/* What steps of the loop over pairs have that are not content with a pair. */
#ifndef VLOSS_ELEMENT_H
#define VLOSS_ELEMENT_H

#include "frame/frame.h"

/* What a loss gives that may read a further array, have flags, or be NaN outside of a domain. */
typedef struct element {
  vec loss, grad;
  vec further;  /* gradient with respect to the further array */
  mask outside; /* of the domain */
} element;

typedef element element_step(vec input, vec target, vec further, vec upstream,
                             const vec *parameters, int flags);

/* What a loop has to do: a gradient; a further array is there, and then GRAD is either gradient; and
 * from there on, the flags. */
enum { GRAD = 1, FURTHER = 2, FLAG = 4 };

/* outside, for a loss whose domain is everything */
static inline mask nowhere(void) { return vlt(vset1(0), vset1(0)); }

/* slope times upstream, where the slope may be infinite and 0 times it is 0 */
static inline vec times_upstream(vec slope, vec upstream) {
  vec bound = vselect(veq(upstream, vset1(0)), vset1(real_max), vset1(real_infinity));
  return vmul(vmin(bound, vmax(vneg(bound), slope)), upstream);
}

#endif
