/* SPDX-License-Identifier: Apache-2.0 */
/* The loop over pairs of elements. */
#ifndef VLOSS_PAIRWISE_H
#define VLOSS_PAIRWISE_H

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

/* What a loss gives that may read a further array, have flags, or be NaN outside of a domain. */
typedef struct element {
  vec loss, grad;
  vec further;  /* gradient with respect to the further array */
  mask outside; /* of the domain */
} element;

typedef element element_step(vec input, vec target, vec further, vec upstream,
                             const vec *parameters, int flags);

/* Beside LOSS, GRAD, STREAM: there is a further array; and behind it, the flags. GRAD is then any
 * gradient, and either may be missing. */
enum { FURTHER = 8, FLAG = 16 };

/* outside, for a loss whose domain is everything */
static inline mask nowhere(void) { return vlt(vset1(0), vset1(0)); }

/* slope times upstream, where the slope may be infinite and 0 times it is 0 */
static inline vec times_upstream(vec slope, vec upstream) {
  vec bound = vselect(veq(upstream, vset1(0)), vset1(real_max), vset1(real_infinity));
  return vmul(vmin(bound, vmax(vneg(bound), slope)), upstream);
}

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

/* The step of a loss at elements [i, i + count): either `step` or, for what it does not have,
 * `whole`. */
ALWAYS_INLINE element pairwise_apply(const pairwise_arrays *a, size_t i, size_t count, vec upstream,
                                     pairwise_step *step, element_step *whole, int what) {
  vec input = vload_part(a->input + i, count), target = vload_part(a->target + i, count);
  if (whole) {
    vec further = what & FURTHER ? vload_part(a->further + i, count) : vset1(0);
    return whole(input, target, further, upstream, a->parameters, what / FLAG);
  }
  pair r = step(input, target, upstream, a->parameters);
  return (element){r.loss, r.grad, r.grad, nowhere()};
}

/* Elements [i, i + count), any options; returns their weighted losses, 0 behind count. */
ALWAYS_INLINE vec pairwise_vector(const pairwise_job *j, const pairwise_arrays *a,
                                  pairwise_step *step, element_step *whole, int what, size_t i,
                                  size_t count, size_t *degenerate) {
  sample_factors f = load_factors(&j->base, i, count);
  element r = pairwise_apply(a, i, count, f.upstream, step, whole, what);
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
  return vkeep_part(loss, count);
}

/* One chunk, any options and in place: the losses wait in a buffer, so that an overflow of the
 * lanes can be mended when the inputs are gone. */
ALWAYS_INLINE void pairwise_chunk(const pairwise_job *j, const pairwise_arrays *a,
                                  pairwise_step *step, element_step *whole, int what, size_t begin,
                                  size_t count, totals *t, size_t *degenerate) {
  real losses[CHUNK];
  for (size_t i = 0; i < count; i += LANES) {
    size_t part = smaller(count - i, LANES);
    vec loss = part == LANES
                   ? pairwise_vector(j, a, step, whole, what, begin + i, LANES, degenerate)
                   : pairwise_vector(j, a, step, whole, what, begin + i, part, degenerate);
    vstore(losses + i, loss);
  }
  if (j->base.want_loss) totals_add_chunk(t, losses, count);
}

/* A vector of a gradient. */
ALWAYS_INLINE void pairwise_put(real *grad, vec value, int what) {
  if (what & STREAM)
    vstream(grad, value);
  else if (what & GRAD)
    vstore(grad, value);
}

/* A block of plain input: the loop that runs at the speed of memory. */
ALWAYS_INLINE void pairwise_block(const pairwise_arrays *a, pairwise_step *step,
                                  element_step *whole, size_t at, int what, lanes *sums) {
  for (size_t k = 0; k < VECS; k++, at += LANES) {
    element r = pairwise_apply(a, at, LANES, a->upstream, step, whole, what);
    if (what & LOSS) sums->lane[k] = vadd(sums->lane[k], r.loss);
    if (!(what & FURTHER) || a->grad) pairwise_put(a->grad + at, r.grad, what);
    if ((what & FURTHER) && a->further_grad) pairwise_put(a->further_grad + at, r.further, what);
  }
}

/* The last blocks of a call, fewer than a group. */
ALWAYS_INLINE lanes pairwise_rest(const pairwise_job *j, const pairwise_arrays *a,
                                  pairwise_step *step, element_step *whole, size_t begin,
                                  size_t count, int what) {
  lanes sums = lanes_zero();
  size_t i = 0, degenerate = 0; /* of which the sum tells */
  for (; i + BLOCK <= count; i += BLOCK) pairwise_block(a, step, whole, begin + i, what, &sums);
  for (size_t k = 0; k < VECS && i < count; i += LANES, k++) {
    vec loss =
        pairwise_vector(j, a, step, whole, what, begin + i, lanes_left(count, i), &degenerate);
    sums.lane[k] = vadd(sums.lane[k], loss);
  }
  return sums;
}

/* Any options and in place, out of the way of the loop. */
ALWAYS_INLINE void pairwise_any(const void *work, size_t begin, size_t end, partial *result,
                                pairwise_step *step, element_step *whole, int what) {
  const pairwise_job *j = work;
  pairwise_arrays a = pairwise_begin(j);
  totals t = totals_zero();
  for (size_t i = begin; i < end; i += CHUNK)
    pairwise_chunk(j, &a, step, whole, what, i, smaller(end - i, CHUNK), &t, &result->degenerate);
  sum_merge(&result->sums[0], totals_sum(&t));
}

/* The losses of a chunk once more, after its lanes have overflowed, or hold a NaN: then samples
 * outside of the domain are counted too. */
COLD void pairwise_mend(const pairwise_job *j, kernel *rare, size_t begin, size_t end,
                        partial *result) {
  pairwise_job losses_only = *j;
  losses_only.base.grad = losses_only.further_grad = NULL;
  rare(&losses_only, begin, end, result);
}

ALWAYS_INLINE void pairwise_plain(const pairwise_job *j, pairwise_step *step, element_step *whole,
                                  kernel *rare, size_t begin, size_t end, int what,
                                  partial *result) {
  pairwise_arrays a = pairwise_begin(j);
  totals t = totals_zero();
  for (size_t i = begin; i < end; i += CHUNK) {
    size_t count = smaller(end - i, CHUNK), full = count / GROUP * GROUP;
    lanes sums = lanes_zero();
    for (size_t k = i; k < i + full; k += GROUP) {
      lanes group = lanes_zero();
      for (size_t block = 0; block < GROUP; block += BLOCK)
        pairwise_block(&a, step, whole, k + block, what, &group);
      sums = lanes_add(sums, group);
    }
    if (full < count)
      sums = lanes_add(sums, pairwise_rest(j, &a, step, whole, i + full, count - full, what));
    if ((what & LOSS) && UNLIKELY(!totals_add_lanes(&t, sums)))
      pairwise_mend(j, rare, i, i + count, result);
  }
  if (what & STREAM) vstream_end();
  if (what & LOSS) sum_merge(&result->sums[0], totals_sum(&t));
}

/* `more`: FURTHER and flags. */
ALWAYS_INLINE void pairwise_loops(const pairwise_job *j, size_t begin, size_t end, partial *result,
                                  pairwise_step *step, element_step *whole, int more,
                                  kernel *rare) {
  const job *base = &j->base;
  int streamed = may_stream(base, reals(base->grad, begin)), graded = base->grad != NULL;
  if (more & FURTHER) {
    streamed = streamed && graded && may_stream(base, reals(j->further_grad, begin));
    graded = graded || j->further_grad;
  }
  if (base->weight || base->grad_output || base->loss || base->grad == base->input ||
      ((more & FURTHER) && j->further_grad == j->further))
    rare(j, begin, end, result);
  else if (!graded)
    pairwise_plain(j, step, whole, rare, begin, end, LOSS | more, result);
  else if (streamed && base->want_loss)
    pairwise_plain(j, step, whole, rare, begin, end, LOSS | GRAD | STREAM | more, result);
  else if (streamed)
    pairwise_plain(j, step, whole, rare, begin, end, GRAD | STREAM | more, result);
  else if (base->want_loss)
    pairwise_plain(j, step, whole, rare, begin, end, LOSS | GRAD | more, result);
  else
    pairwise_plain(j, step, whole, rare, begin, end, GRAD | more, result);
}

ALWAYS_INLINE void pairwise_rare(const void *work, size_t begin, size_t end, partial *result,
                                 pairwise_step *step) {
  pairwise_any(work, begin, end, result, step, NULL, 0);
}

ALWAYS_INLINE void pairwise(const void *work, size_t begin, size_t end, partial *result,
                            pairwise_step *step, kernel *rare) {
  pairwise_loops(work, begin, end, result, step, NULL, 0, rare);
}

#endif
