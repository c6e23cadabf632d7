/* SPDX-License-Identifier: Apache-2.0 */
/* The loop over pairs of elements. */
#ifndef VLOSS_PAIRWISE_H
#define VLOSS_PAIRWISE_H

#include "frame/element.h"
#include "frame/reduce.h"

/* A loss and its gradient with respect to the input, times upstream. */
typedef struct pair {
  vec loss, grad;
} pair;

/* sign(d) times upstream; d itself, a zero or a NaN, where it has none */
static inline vec signed_upstream(vec d, vec upstream) {
  vec negative = vselect(vlt(d, vset1(0)), vneg(upstream), d);
  return vselect(vlt(vset1(0), d), upstream, negative);
}

typedef pair pairwise_step(vec input, vec target, vec upstream, const vec *parameters);

/* A step on elements of any kind, where its family has kinds that a step cannot take; counts those
 * that are degenerate. */
typedef pair pairwise_any(pairwise_step *step, vec input, vec target, vec upstream,
                          const vec *parameters, size_t *degenerate);

enum { PAIRWISE_PARAMETERS = sizeof(((pairwise_job *)0)->parameters) / sizeof(double) };

typedef struct pairwise_arrays {
  const real *input, *target, *further;
  real *grad, *further_grad;
  vec upstream;
  vec parameters[PAIRWISE_PARAMETERS];
} pairwise_arrays;

ALWAYS_INLINE pairwise_arrays pairwise_begin(const pairwise_job *j) {
  pairwise_arrays a = {reals(j->base.input, 0),
                       reals(j->target, 0),
                       reals(j->further, 0),
                       reals_out(j->base.grad, 0),
                       reals_out(j->further_grad, 0),
                       vset1(real_clamp(j->base.grad_factor)),
                       {vset1(0)}};
  for (int k = 0; k < PAIRWISE_PARAMETERS; k++)
    a.parameters[k] = vset1(real_clamp(j->parameters[k]));
  return a;
}

/* Whether elements [at, at + count) are of the kind that the loop is for: whole blocks. */
typedef int pairwise_ordinary(const pairwise_arrays *a, size_t at, size_t count);

/* The first parameter of elements [begin, begin + count), where classes have their own. */
static inline void load_class_parameters(const pairwise_job *j, size_t begin, size_t count,
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

/* A step of either kind at elements [i, i + count): `whole`, or `any` of `step`. */
ALWAYS_INLINE element pairwise_apply(const pairwise_arrays *a, size_t i, size_t count, vec upstream,
                                     const vec *parameters, pairwise_any *any, pairwise_step *step,
                                     element_step *whole, int what, size_t *degenerate) {
  vec input = vload_part(a->input + i, count), target = vload_part(a->target + i, count);
  if (whole) {
    vec further = what & FURTHER ? vload_part(a->further + i, count) : vset1(0);
    return whole(input, target, further, upstream, parameters, what / FLAG);
  }
  pair r = any(step, input, target, upstream, parameters, degenerate);
  return (element){r.loss, r.grad, r.grad, nowhere()};
}

/* Elements [i, i + count), any options; returns their weighted losses, 0 behind count. `first`:
 * what is left of their first parameters, or NULL. */
ALWAYS_INLINE vec pairwise_vector(const pairwise_job *j, const pairwise_arrays *a,
                                  pairwise_any *any, pairwise_step *step, element_step *whole,
                                  int what, size_t i, size_t count, const real *first,
                                  size_t *degenerate) {
  sample_factors f = load_factors(&j->base, i, count);
  vec parameters[PAIRWISE_PARAMETERS];
  memcpy(parameters, a->parameters, sizeof parameters);
  if (first) parameters[0] = vload_part(first, count);
  element r =
      pairwise_apply(a, i, count, f.upstream, parameters, any, step, whole, what, degenerate);
  if (whole) *degenerate += count_bits(vbits(r.outside) & ((1u << count) - 1));
  vec loss = vmul(r.loss, f.weight);
  if (j->base.weight) {
    loss = where_weighted(loss, f.weight);
    r.grad = where_weighted(r.grad, f.weight);
    r.further = where_weighted(r.further, f.weight);
  }
  if (j->base.loss)
    vstore_part(reals_out(j->base.loss, i), vmul(loss, vset1(real_clamp(j->base.loss_factor))),
                count);
  if (a->grad) vstore_part(a->grad + i, r.grad, count);
  if ((what & FURTHER) && a->further_grad) vstore_part(a->further_grad + i, r.further, count);
  return first_lanes(loss, count);
}

/* 0 for -inf, which is kept apart: beside +inf it would make a sum NaN, and losses that exceed
 * the type may have either sign. */
ALWAYS_INLINE vec without_bottom(vec loss, compensated *bottom) {
  mask down = veq(loss, vset1(-real_infinity));
  if (vbits(down)) *bottom = (compensated){-(double)INFINITY, 0};
  return vselect(down, vset1(0), loss);
}

/* One chunk, any options and in place: the losses wait in a buffer, so that an overflow of the
 * lanes can be mended when the inputs are gone. */
ALWAYS_INLINE void pairwise_chunk(const pairwise_job *j, const pairwise_arrays *a,
                                  pairwise_any *any, pairwise_step *step, element_step *whole,
                                  int what, size_t begin, size_t count, totals *t,
                                  partial *result) {
  size_t *degenerate = &result->degenerate;
  real losses[CHUNK], first[CHUNK];
  if (j->class_parameter) load_class_parameters(j, begin, count, first);
  for (size_t i = 0; i < count; i += LANES) {
    size_t part = smaller(count - i, LANES);
    const real *own = j->class_parameter ? first + i : NULL;
    vec loss =
        part == LANES
            ? pairwise_vector(j, a, any, step, whole, what, begin + i, LANES, own, degenerate)
            : pairwise_vector(j, a, any, step, whole, what, begin + i, part, own, degenerate);
    vstore(losses + i, whole ? without_bottom(loss, &result->sums[1]) : loss);
  }
  if (j->base.want_loss) totals_add_chunk(t, losses, count);
}

/* A step that takes elements of all kinds. */
ALWAYS_INLINE pair pairwise_call(pairwise_step *step, vec input, vec target, vec upstream,
                                 const vec *parameters, size_t *degenerate) {
  (void)degenerate;
  return step(input, target, upstream, parameters);
}

/* A vector of a gradient. */
ALWAYS_INLINE void pairwise_put(real *grad, vec value, int what) {
  if ((what & GRAD) && (what & STREAM))
    vstream(grad, value);
  else if (what & GRAD)
    vstore(grad, value);
}

/* A block of plain input: the loop that runs at the speed of memory. */
ALWAYS_INLINE void pairwise_block(const pairwise_arrays *a, pairwise_step *step,
                                  element_step *whole, size_t at, int what, lanes *sums) {
  if (what & STREAM) prefetch(a->input + at, BLOCK);
  if (what & STREAM) prefetch(a->target + at, BLOCK);
  if ((what & STREAM) && (what & FURTHER)) prefetch(a->further + at, BLOCK);
  for (size_t k = 0; k < VECS; k++, at += LANES) {
    element r = pairwise_apply(a, at, LANES, a->upstream, a->parameters, pairwise_call, step, whole,
                               what, NULL);
    if (what & LOSS) sums->lane[k] = vadd(sums->lane[k], r.loss);
    if (!(what & FURTHER) || a->grad) pairwise_put(a->grad + at, r.grad, what);
    if ((what & FURTHER) && a->further_grad) pairwise_put(a->further_grad + at, r.further, what);
  }
}

/* Any options and in place, out of the way of the loop. */
ALWAYS_INLINE void pairwise_chunks(const void *work, size_t begin, size_t end, partial *result,
                                   pairwise_any *any, pairwise_step *step, element_step *whole,
                                   int what) {
  const pairwise_job *j = work;
  pairwise_arrays a = pairwise_begin(j);
  totals t = totals_zero();
  for (size_t i = begin; i < end; i += CHUNK)
    pairwise_chunk(j, &a, any, step, whole, what, i, smaller(end - i, CHUNK), &t, result);
  sum_merge(&result->sums[0], totals_sum(&t));
}

ALWAYS_INLINE void elements_rare(const void *work, size_t begin, size_t end, partial *result,
                                 pairwise_any *any, pairwise_step *step) {
  pairwise_chunks(work, begin, end, result, any, step, NULL, 0);
}

/* Up to a group of elements, not all of them ordinary. */
COLD lanes pairwise_apart(const pairwise_job *j, kernel *rare, size_t at, size_t count,
                          partial *result) {
  real losses[GROUP];
  pairwise_job part = *j;
  partial found = {0};
  lanes sums = lanes_zero();
  part.base.input = reals(j->base.input, at);
  part.target = reals(j->target, at);
  part.base.grad = reals_out(j->base.grad, at);
  part.base.loss = losses;
  part.base.loss_factor = 1;
  part.base.want_loss = 0; /* their sum is made here */
  rare(&part, 0, count, &found);
  result->degenerate += found.degenerate;
  lanes_add_values(&sums, losses, count);
  return sums;
}

/* Up to a group of whole blocks. */
ALWAYS_INLINE lanes pairwise_blocks(const pairwise_job *j, const pairwise_arrays *a,
                                    pairwise_ordinary *ordinary, pairwise_step *step,
                                    element_step *whole, kernel *rare, size_t begin, size_t count,
                                    int what, partial *result) {
  if (ordinary && UNLIKELY(!ordinary(a, begin, count)))
    return pairwise_apart(j, rare, begin, count, result);
  lanes sums = lanes_zero();
  for (size_t i = 0; i < count; i += BLOCK) pairwise_block(a, step, whole, begin + i, what, &sums);
  return sums;
}

/* The losses of a chunk again, after its lanes have overflowed or hold a NaN. What is degenerate
 * has been counted, unless that is how a loss tells that it is outside of its domain. */
COLD void pairwise_mend(const pairwise_job *j, kernel *rare, size_t begin, size_t end, int whole,
                        partial *result) {
  pairwise_job losses_only = *j;
  partial found = {0};
  losses_only.base.grad = losses_only.further_grad = NULL;
  rare(&losses_only, begin, end, &found);
  sum_merge(&result->sums[0], found.sums[0]);
  sum_merge(&result->sums[1], found.sums[1]);
  if (whole) result->degenerate += found.degenerate;
}

/* The last elements of a call, fewer than a block. */
ALWAYS_INLINE lanes pairwise_tail(const pairwise_job *j, const pairwise_arrays *a,
                                  pairwise_ordinary *ordinary, pairwise_step *step,
                                  element_step *whole, kernel *rare, int what, size_t begin,
                                  size_t count, lanes sums, partial *result) {
  size_t degenerate = 0; /* without `ordinary`, the sum tells of those */
  if (ordinary) return lanes_add(sums, pairwise_apart(j, rare, begin, count, result));
  for (size_t i = 0, k = 0; k < VECS && i < count; i += LANES, k++) {
    vec loss = pairwise_vector(j, a, pairwise_call, step, whole, what, begin + i,
                               lanes_left(count, i), NULL, &degenerate);
    sums.lane[k] = vadd(sums.lane[k], loss);
  }
  return sums;
}

ALWAYS_INLINE void pairwise_plain(const pairwise_job *j, pairwise_ordinary *ordinary,
                                  pairwise_step *step, element_step *whole, kernel *rare,
                                  size_t begin, size_t end, int what, partial *result) {
  pairwise_arrays a = pairwise_begin(j);
  totals t = totals_zero();
  for (size_t i = begin; i < end; i += CHUNK) {
    size_t count = smaller(end - i, CHUNK), full = count / BLOCK * BLOCK, k = 0;
    lanes sums = lanes_zero();
    for (; k + GROUP <= full; k += GROUP)
      sums = lanes_add(
          sums, pairwise_blocks(j, &a, ordinary, step, whole, rare, i + k, GROUP, what, result));
    if (k < count) {
      lanes rest =
          pairwise_blocks(j, &a, ordinary, step, whole, rare, i + k, full - k, what, result);
      if (full < count)
        rest = pairwise_tail(j, &a, ordinary, step, whole, rare, what, i + full, count - full, rest,
                             result);
      sums = lanes_add(sums, rest);
    }
    if ((what & LOSS) && UNLIKELY(!totals_add_lanes(&t, sums)))
      pairwise_mend(j, rare, i, i + count, whole != NULL, result);
  }
  if (what & STREAM) vstream_end();
  if (what & LOSS) sum_merge(&result->sums[0], totals_sum(&t));
}

/* `more`: FURTHER and flags. */
ALWAYS_INLINE void pairwise_loops(const pairwise_job *j, size_t begin, size_t end, partial *result,
                                  pairwise_ordinary *ordinary, pairwise_step *step,
                                  element_step *whole, int more, kernel *rare) {
  const job *base = &j->base;
  int streamed = may_stream(base, reals(base->grad, begin)), in_place = base->grad == base->input;
  int graded = base->grad != NULL;
  if (more & FURTHER) {
    in_place = in_place || j->further_grad == j->further;
    streamed =
        streamed && graded && j->further_grad && may_stream(base, reals(j->further_grad, begin));
    graded = graded || j->further_grad;
  }
  if (base->weight || base->grad_output || base->loss || in_place || j->class_parameter)
    rare(j, begin, end, result);
  else if (!graded && base->stream)
    pairwise_plain(j, ordinary, step, whole, rare, begin, end, LOSS | STREAM | more, result);
  else if (!graded)
    pairwise_plain(j, ordinary, step, whole, rare, begin, end, LOSS | more, result);
  else if (streamed && base->want_loss)
    pairwise_plain(j, ordinary, step, whole, rare, begin, end, LOSS | GRAD | STREAM | more, result);
  else if (streamed)
    pairwise_plain(j, ordinary, step, whole, rare, begin, end, GRAD | STREAM | more, result);
  else if (base->want_loss)
    pairwise_plain(j, ordinary, step, whole, rare, begin, end, LOSS | GRAD | more, result);
  else
    pairwise_plain(j, ordinary, step, whole, rare, begin, end, GRAD | more, result);
}

/* `step` takes what is ordinary; without `ordinary`, anything. */
ALWAYS_INLINE void elements(const void *work, size_t begin, size_t end, partial *result,
                            pairwise_ordinary *ordinary, pairwise_step *step, kernel *rare) {
  pairwise_loops(work, begin, end, result, ordinary, step, NULL, 0, rare);
}

ALWAYS_INLINE void pairwise_rare(const void *work, size_t begin, size_t end, partial *result,
                                 pairwise_step *step) {
  elements_rare(work, begin, end, result, pairwise_call, step);
}

ALWAYS_INLINE void pairwise(const void *work, size_t begin, size_t end, partial *result,
                            pairwise_step *step, kernel *rare) {
  elements(work, begin, end, result, NULL, step, rare);
}

#endif
