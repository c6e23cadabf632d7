/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of the focal losses: as binary.h, for targets that are 0 or 1, as nearly all are; others
 * cost a power and are done again out of its way, with the whole group. */
#ifndef VLOSS_FOCALS_H
#define VLOSS_FOCALS_H

#include "frame/binary.h"

ALWAYS_INLINE evidence focals_look(evidence seen, vec z, vec target) {
  ivec soft = as_int(vfnma(target, target, target)); /* t - t^2, 0 for 0 and 1 only */
  seen.first = as_real(ior(as_int(seen.first), soft));
  seen.second = vfma(z, vset1(0), seen.second); /* NaN from anything not finite */
  return seen;
}

ALWAYS_INLINE int focals_ordinary(evidence seen) {
  return vall(vand(veq(seen.first, vset1(0)), veq(seen.second, vset1(0))));
}

static const element_watch focals_watch = {focals_look, focals_ordinary};

/* The exponent is 2. */
static const usual_parameter focals_usual = {BINARY_EXPONENT, 2};

ALWAYS_INLINE void focals_rare(const void *work, size_t begin, size_t end, partial *result,
                               pairwise_finish *hard, pairwise_finish *soft) {
  (void)hard;
  binary_rare(work, begin, end, result, soft);
}

ALWAYS_INLINE void focals(const void *work, size_t begin, size_t end, partial *result,
                          pairwise_finish *hard, pairwise_finish *soft, kernel *rare) {
  (void)soft;
  pairwise_form f = {
      .prepare = prepare_logit, .finish = hard, .watch = &focals_watch, .rare = rare};
  pairwise_usual(work, begin, end, result, f, &focals_usual);
}

#endif
