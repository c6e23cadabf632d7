/* SPDX-License-Identifier: Apache-2.0 */
/* Tells whether elements are of the kind that a step takes. The loop does not wait for the answer:
 * a step must survive any numbers, and what it made of a group that was not ordinary is done again,
 * the inputs being there still. */
#ifndef VLOSS_WATCH_H
#define VLOSS_WATCH_H

#include "frame/frame.h"

/* What a loop has seen of its elements, zeros at first. */
typedef struct evidence {
  vec first, second, third;
} evidence;

typedef struct element_watch {
  evidence (*look)(evidence seen, vec input, vec target);
  int (*ordinary)(evidence seen);
} element_watch;

static inline evidence nothing_seen(void) {
  vec zero = vset1(0);
  return (evidence){zero, zero, zero};
}

/* The watch alone, over whole vectors. */
ALWAYS_INLINE int watch_array(const element_watch *watch, const real *input, const real *target,
                              size_t count) {
  evidence seen = nothing_seen();
  for (size_t i = 0; i < count; i += LANES)
    seen = watch->look(seen, vload(input + i), vload(target + i));
  return watch->ordinary(seen);
}

/* Targets in [0, 1]; NaN goes through. */
ALWAYS_INLINE evidence unit_look(evidence seen, vec input, vec target) {
  (void)input;
  seen.first = vmin(target, seen.first);
  seen.second = vmax(target, seen.second);
  return seen;
}

ALWAYS_INLINE int unit_ordinary(evidence seen) {
  return vall(vand(veq(seen.first, vset1(0)), vle(seen.second, vset1(1))));
}

#endif
