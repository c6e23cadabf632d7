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

enum { PAIRWISE_PARAMETERS = sizeof(((pairwise_job *)0)->parameters) / sizeof(double) };

typedef struct pairwise_arrays {
  const real *input, *target;
  real *grad;
  vec upstream;
  vec parameters[PAIRWISE_PARAMETERS];
} pairwise_arrays;

ALWAYS_INLINE pairwise_arrays pairwise_begin(const pairwise_job *j) {
  pairwise_arrays a = {reals(j->base.input, 0),
                       reals(j->target, 0),
                       reals_out(j->base.grad, 0),
                       vset1(real_clamp(j->base.grad_factor)),
                       {vset1(0)}};
  for (int k = 0; k < PAIRWISE_PARAMETERS; k++)
    a.parameters[k] = vset1(real_clamp(j->parameters[k]));
  return a;
}

/* Elements [i, i + count), any options; returns their weighted losses, 0 behind count. */
ALWAYS_INLINE vec pairwise_vector(const pairwise_job *j, const pairwise_arrays *a,
                                  pairwise_step *step, size_t i, size_t count) {
  sample_factors f = load_factors(&j->base, i, count);
  pair r = step(vload_part(a->input + i, count), vload_part(a->target + i, count), f.upstream,
                a->parameters);
  vec loss = vmul(r.loss, f.weight);
  if (j->base.weight) {
    loss = where_weighted(loss, f.weight);
    r.grad = where_weighted(r.grad, f.weight);
  }
  if (j->base.loss)
    vstore_part(reals_out(j->base.loss, i), vmul(loss, vset1(real_clamp(j->base.loss_factor))),
                count);
  if (a->grad) vstore_part(a->grad + i, r.grad, count);
  return loss;
}

/* One chunk, any options and in place: the losses wait in a buffer, so that an overflow of the
 * lanes can be mended when the inputs are gone. */
ALWAYS_INLINE void pairwise_chunk(const pairwise_job *j, const pairwise_arrays *a,
                                  pairwise_step *step, size_t begin, size_t count, totals *t) {
  real losses[CHUNK];
  for (size_t i = 0; i < count; i += LANES) {
    size_t part = smaller(count - i, LANES);
    vec loss = part == LANES ? pairwise_vector(j, a, step, begin + i, LANES)
                             : pairwise_vector(j, a, step, begin + i, part);
    vstore(losses + i, loss);
  }
  if (j->base.want_loss) totals_add_chunk(t, losses, count);
}

/* A block of plain input: the loop that runs at the speed of memory. */
ALWAYS_INLINE void pairwise_block(const pairwise_arrays *a, pairwise_step *step, size_t at,
                                  int what, lanes *sums) {
  if (what & STREAM) prefetch(a->input + at, BLOCK);
  if (what & STREAM) prefetch(a->target + at, BLOCK);
  for (size_t k = 0; k < VECS; k++, at += LANES) {
    pair r = step(vload(a->input + at), vload(a->target + at), a->upstream, a->parameters);
    if (what & LOSS) sums->lane[k] = vadd(sums->lane[k], r.loss);
    if ((what & GRAD) && (what & STREAM))
      vstream(a->grad + at, r.grad);
    else if (what & GRAD)
      vstore(a->grad + at, r.grad);
  }
}

/* The last blocks of a call, fewer than a group. */
ALWAYS_INLINE lanes pairwise_rest(const pairwise_job *j, const pairwise_arrays *a,
                                  pairwise_step *step, size_t begin, size_t count, int what) {
  lanes sums = lanes_zero();
  size_t i = 0;
  for (; i + BLOCK <= count; i += BLOCK) pairwise_block(a, step, begin + i, what, &sums);
  for (size_t k = 0; k < VECS && i < count; i += LANES, k++) {
    vec loss = pairwise_vector(j, a, step, begin + i, lanes_left(count, i));
    sums.lane[k] = vadd(sums.lane[k], loss);
  }
  return sums;
}

/* Any options and in place, out of the way of the loop. */
ALWAYS_INLINE void pairwise_rare(const void *work, size_t begin, size_t end, partial *result,
                                 pairwise_step *step) {
  const pairwise_job *j = work;
  pairwise_arrays a = pairwise_begin(j);
  totals t = totals_zero();
  for (size_t i = begin; i < end; i += CHUNK)
    pairwise_chunk(j, &a, step, i, smaller(end - i, CHUNK), &t);
  sum_merge(&result->sums[0], totals_sum(&t));
}

/* The losses of a chunk once more, after its lanes have overflowed. */
COLD void pairwise_mend(const pairwise_job *j, kernel *rare, size_t begin, size_t end,
                        partial *result) {
  pairwise_job losses_only = *j;
  losses_only.base.grad = NULL;
  rare(&losses_only, begin, end, result);
}

ALWAYS_INLINE void pairwise_plain(const pairwise_job *j, pairwise_step *step, kernel *rare,
                                  size_t begin, size_t end, int what, partial *result) {
  pairwise_arrays a = pairwise_begin(j);
  totals t = totals_zero();
  for (size_t i = begin; i < end; i += CHUNK) {
    size_t count = smaller(end - i, CHUNK), whole = count / GROUP * GROUP;
    lanes sums = lanes_zero();
    for (size_t k = i; k < i + whole; k += GROUP) {
      lanes group = lanes_zero();
      for (size_t block = 0; block < GROUP; block += BLOCK)
        pairwise_block(&a, step, k + block, what, &group);
      sums = lanes_add(sums, group);
    }
    if (whole < count)
      sums = lanes_add(sums, pairwise_rest(j, &a, step, i + whole, count - whole, what));
    if ((what & LOSS) && UNLIKELY(!totals_add_lanes(&t, sums)))
      pairwise_mend(j, rare, i, i + count, result);
  }
  if (what & STREAM) vstream_end();
  if (what & LOSS) sum_merge(&result->sums[0], totals_sum(&t));
}

ALWAYS_INLINE void pairwise(const void *work, size_t begin, size_t end, partial *result,
                            pairwise_step *step, kernel *rare) {
  const pairwise_job *j = work;
  const job *base = &j->base;
  int streamed = may_stream(base, reals(base->grad, begin));
  if (base->weight || base->grad_output || base->loss || base->grad == base->input)
    rare(work, begin, end, result);
  else if (!base->grad && base->stream)
    pairwise_plain(j, step, rare, begin, end, LOSS | STREAM, result);
  else if (!base->grad)
    pairwise_plain(j, step, rare, begin, end, LOSS, result);
  else if (streamed && base->want_loss)
    pairwise_plain(j, step, rare, begin, end, LOSS | GRAD | STREAM, result);
  else if (streamed)
    pairwise_plain(j, step, rare, begin, end, GRAD | STREAM, result);
  else if (base->want_loss)
    pairwise_plain(j, step, rare, begin, end, LOSS | GRAD, result);
  else
    pairwise_plain(j, step, rare, begin, end, GRAD, result);
}

#endif
