/* SPDX-License-Identifier: Apache-2.0 */
/* Tells whether elements are of the kind that a plain step takes. The loop does not wait for the
 * answer: a step must survive any numbers, and what it made of a group that was not ordinary is
 * done again, the inputs being there still. */
#ifndef VLOSS_DOMAIN_H
#define VLOSS_DOMAIN_H

#include "frame/frame.h"

enum { ELEMENT_PARAMETERS = sizeof(((elements_job *)0)->parameters) / sizeof(double) };

/* What a loop has seen of its elements, zeros at first. */
typedef struct evidence {
  vec first, second, third;
} evidence;

typedef struct element_domain {
  evidence (*look)(evidence seen, vec input, vec target);
  int (*ordinary)(evidence seen);
} element_domain;

static inline evidence nothing_seen(void) {
  vec zero = vset1(0);
  return (evidence){zero, zero, zero};
}

/* Whole vectors, without the step. */
ALWAYS_INLINE int domain_holds(const element_domain *domain, const real *input, const real *target,
                               size_t count) {
  evidence seen = nothing_seen();
  for (size_t i = 0; i < count; i += LANES)
    seen = domain->look(seen, vload(input + i), vload(target + i));
  return domain->ordinary(seen);
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

/* And finite inputs. */
ALWAYS_INLINE evidence finite_unit_look(evidence seen, vec input, vec target) {
  seen = unit_look(seen, input, target);
  seen.third = vfma(input, vset1(0), seen.third); /* NaN from anything not finite */
  return seen;
}

ALWAYS_INLINE int finite_unit_ordinary(evidence seen) {
  return unit_ordinary(seen) && vall(veq(seen.third, vset1(0)));
}

/* Targets 0 or 1, and finite inputs. */
ALWAYS_INLINE evidence hard_look(evidence seen, vec input, vec target) {
  ivec soft = as_int(vfnma(target, target, target)); /* t - t^2, 0 for 0 and 1 only */
  seen.first = as_real(ior(as_int(seen.first), soft));
  seen.second = vfma(input, vset1(0), seen.second);
  return seen;
}

ALWAYS_INLINE int hard_ordinary(evidence seen) {
  return vall(vand(veq(seen.first, vset1(0)), veq(seen.second, vset1(0))));
}

static const element_domain unit_domain = {unit_look, unit_ordinary};
static const element_domain finite_unit_domain = {finite_unit_look, finite_unit_ordinary};
static const element_domain hard_domain = {hard_look, hard_ordinary};

#endif
