/* SPDX-License-Identifier: Apache-2.0 */
/* From the sums of a group to its loss and slopes, and which loop does which phase. */
#ifndef VLOSS_OVERLAP_H
#define VLOSS_OVERLAP_H

#include "frame/overlap/softmax.h"

/* The loss of an index D and its slope dL/dD: (1 - D)^gamma from the distance 1 - D, or -ln D. */
typedef struct overlap_outer {
  vec loss, slope;
} overlap_outer;

static inline overlap_outer overlap_focal(vec distance, vec gamma) {
  vec one = vset1(1), zero = vset1(0);
  mask plain = veq(gamma, one), perfect = veq(distance, zero);
  vec base = vmin(one, distance); /* beyond [0, 1] only for inputs that are */
  vec loss = vpow_unit(base, gamma);
  /* gamma distance^(gamma - 1); by the quotient if the exponent is negative, where the loss cannot
   * be too small for it */
  vec quotient = vdiv(vmul(gamma, loss), base);
  vec direct = vmul(gamma, vpow_unit(base, vmax(zero, vsub(gamma, one))));
  vec slope = vselect(perfect, zero, vselect(vlt(gamma, one), quotient, direct));
  loss = vselect(veq(distance, distance), vselect(plain, distance, loss), distance);
  return (overlap_outer){loss, vneg(vselect(plain, one, slope))};
}

static inline overlap_outer overlap_log(vec index) {
  vec positive = vmax(vset1(real_min_normal), index);
  return (overlap_outer){vmax(vset1(0), vneg(vlog(positive))), vneg(vdiv(vset1(1), positive))};
}

typedef overlap_index overlap_step(overlap_sums s, const vloss_overlap_options *options);

/* Sums are in units of 2^40 up to here. */
ALWAYS_INLINE void overlap_terms(const overlap_job *j, overlap_step *step) {
  overlap_group *g = j->group;
  const vloss_overlap_options *o = j->options;
  vec zero = vset1(0), one = vset1(1);
  overlap_sums s = {vset1_sum(g->sums[0]), vset1_sum(g->sums[1]), vset1_sum(g->sums[2]),
                    vset1((real)g->lift), vset1((real)(1 / g->lift))};
  overlap_index d = step(s, o);
  mask empty = vlt(vabs(d.denominator), vset1(real_min_normal));
  vec inverse = vselect(empty, zero, vdiv(one, d.denominator));
  vec index = vselect(empty, one, vmul(s.down, vdiv(d.numerator, d.denominator)));
  vec distance = vmax(zero, vselect(empty, zero, vdiv(d.difference, d.denominator)));
  overlap_outer outer =
      o->log ? overlap_log(index) : overlap_focal(distance, vset1(real_clamp(o->gamma)));
  vec constant = vneg(vmul(index, d.denominator_constant));
  vec target = vsub(d.numerator_target, vmul(index, d.denominator_target));
  vec input = vneg(vmul(index, d.denominator_input));
  vec steepest = vadd(vabs(constant), vadd(vabs(target), vabs(input)));
  vec factor = bounded_upstream(vclamp(vmul(outer.slope, inverse)), steepest);
  vec results[4] = {outer.loss, vmul(factor, constant), vmul(factor, target), vmul(factor, input)};
  real values[4 * LANES];
  for (size_t k = 0; k < 4; k++) vstore(values + k * LANES, results[k]);
  g->loss = (double)values[0];
  g->slope = (double)values[LANES];
  g->slope_target = (double)values[2 * LANES];
  g->slope_input = (double)values[3 * LANES];
}

ALWAYS_INLINE void overlap_rare(const void *work, size_t begin, size_t end, partial *result,
                                overlap_step *step) {
  (void)begin, (void)end, (void)result;
  overlap_terms(work, step);
}

ALWAYS_INLINE void overlap(const void *work, size_t begin, size_t end, partial *result,
                           overlap_step *step, kernel *rare) {
  (void)step;
  const overlap_job *j = work;
  if (j->phase == OVERLAP_SUMS)
    overlap_add_all(j, begin, end, result);
  else if (j->phase == OVERLAP_TERMS)
    rare(work, begin, end, result);
  else if (j->phase == OVERLAP_GRADIENT)
    overlap_differentiate(j, begin, end);
  else if (j->phase == PLANE_SUMS)
    plane_add_all(j, begin, end);
  else
    plane_differentiate(j, begin, end);
}

#endif
