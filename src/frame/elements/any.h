/* SPDX-License-Identifier: Apache-2.0 */
/* Elements of any kind with any options, and in place: what is out of the way of the loops. */
#ifndef VLOSS_ANY_H
#define VLOSS_ANY_H

#include "frame/elements/element.h"
#include "frame/reduce.h"

/* A job in the dtype. */
typedef struct element_arrays {
  const real *input, *target, *further;
  real *grad, *further_grad;
  element_options options;
} element_arrays;

ALWAYS_INLINE element_arrays elements_begin(const elements_job *j) {
  element_arrays a = {
      reals(j->base.input, 0),       reals(j->target, 0),
      reals(j->further, 0),          reals_out(j->base.grad, 0),
      reals_out(j->further_grad, 0), {.upstream = vset1(real_clamp(j->base.grad_factor))}};
  for (int k = 0; k < ELEMENT_PARAMETERS; k++)
    a.options.parameters[k] = vset1(real_clamp(j->parameters[k]));
  return a;
}

/* Elements [i, i + count), but for what is prepared; 0 behind count. */
ALWAYS_INLINE element element_at(const element_arrays *a, size_t i, size_t count, int further) {
  element x = {.input = vload_part(a->input + i, count),
               .target = vload_part(a->target + i, count)};
  if (further) x.further = vload_part(a->further + i, count);
  return x;
}

/* The first parameter of elements [begin, begin + count), where classes have their own. */
OUT_OF_LINE void load_class_parameters(const elements_job *j, size_t begin, size_t count,
                                       real *values) {
  const real *own = reals(j->class_parameter, 0);
  size_t class = begin / j->inner % j->classes, left = j->inner - begin % j->inner;
  for (size_t k = 0; k < count; k++) {
    values[k] = own[class];
    if (--left > 0) continue;
    left = j->inner;
    class = class + 1 < j->classes ? class + 1 : 0;
  }
}

/* Elements [i, i + count); returns their weighted losses, 0 behind count. `first`: what is left of
 * their first parameters, or NULL. */
ALWAYS_INLINE vec elements_vector(const elements_job *j, const element_arrays *a,
                                  const element_loss *loss, element_step *step, int flags, size_t i,
                                  size_t count, const real *first, size_t *degenerate) {
  sample_factors s = {vset1(1), a->options.upstream};
  if (j->base.weight || j->base.grad_output) s = load_factors(&j->base, i, count);
  element x = element_at(a, i, count, loss->further);
  element_options o = a->options;
  o.upstream = s.upstream;
  o.flags = flags;
  if (first) o.parameters[0] = vload_part(first, count);
  if (loss->prepare) x.prepared = loss->prepare(x.input);
  element_result r = step(x, &o);
  *degenerate += count_bits(vbits(r.outside) & ((1u << count) - 1));
  vec weighted = where_counted(vmul(r.loss, s.weight), s.weight);
  if (j->base.loss)
    vstore_part(reals_out(j->base.loss, i), vmul(weighted, vset1(real_clamp(j->base.loss_factor))),
                count);
  if (a->grad) vstore_part(a->grad + i, where_counted(r.grad, s.upstream), count);
  if (loss->further && a->further_grad)
    vstore_part(a->further_grad + i, where_counted(r.further, s.upstream), count);
  return first_lanes(weighted, count);
}

/* 0 for -inf, which is kept apart: beside +inf it would make a sum NaN, and losses that exceed
 * the type may have either sign. */
ALWAYS_INLINE vec without_bottom(vec loss, compensated *bottom) {
  mask down = veq(loss, vset1(-real_infinity));
  if (vbits(down)) *bottom = (compensated){-(double)INFINITY, 0};
  return vselect(down, vset1(0), loss);
}

/* One chunk: the losses wait in a buffer, so that an overflow of the lanes can be mended when the
 * inputs are gone. */
ALWAYS_INLINE void elements_chunk(const elements_job *j, const element_arrays *a,
                                  const element_loss *loss, size_t begin, size_t count, totals *t,
                                  partial *result) {
  element_step *step = loss->any ? loss->any : loss->plain;
  size_t *degenerate = &result->degenerate;
  real losses[CHUNK], first[CHUNK];
  if (j->class_parameter) load_class_parameters(j, begin, count, first);
  for (size_t i = 0; i < count; i += LANES) {
    size_t at = begin + i, part = smaller(count - i, LANES);
    const real *own = j->class_parameter ? first + i : NULL;
    vec values = part == LANES
                     ? elements_vector(j, a, loss, step, j->flags, at, LANES, own, degenerate)
                     : elements_vector(j, a, loss, step, j->flags, at, part, own, degenerate);
    if (loss->signed_infinity) values = without_bottom(values, &result->sums[1]);
    vstore(losses + i, values);
  }
  if (j->base.want_loss) totals_add_chunk(t, losses, count);
}

ALWAYS_INLINE void elements_rare(const void *work, size_t begin, size_t end, partial *result,
                                 const element_loss *loss) {
  const elements_job *j = work;
  element_arrays a = elements_begin(j);
  totals t = totals_zero();
  for (size_t i = begin; i < end; i += CHUNK)
    elements_chunk(j, &a, loss, i, smaller(end - i, CHUNK), &t, result);
  sum_merge(&result->sums[0], totals_sum(&t));
}

#endif
