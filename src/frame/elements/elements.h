/* SPDX-License-Identifier: Apache-2.0 */
/* The loop over elements, which runs at the speed of memory. What it cannot do is done by
 * elements_rare(), out of its way. */
#ifndef VLOSS_ELEMENTS_H
#define VLOSS_ELEMENTS_H

#include "frame/elements/any.h"
#include "frame/elements/logit.h"

/* A loop: constants, all but the kernel. */
typedef struct element_loop {
  const element_loss *loss;
  element_step *step;
  const element_domain *domain; /* or NULL: the step takes all */
  const usual_parameter *usual; /* that has its value, or NULL */
  int flags;
  kernel *rare;
} element_loop;

/* A block of a gradient. */
ALWAYS_INLINE void elements_put(real *grad, const vec *values, int streamed) {
  if (streamed)
    for (size_t k = 0; k < VECS; k++) vstream(grad + k * LANES, values[k]);
  else
    for (size_t k = 0; k < VECS; k++) vstore(grad + k * LANES, values[k]);
}

/* `far`: from and to memory. */
ALWAYS_INLINE void elements_block(const element_arrays *a, element_loop l, size_t at,
                                  const vec *prepared, evidence *seen, lanes *sums, int graded,
                                  int far) {
  const int further = l.loss->further;
  if (far) prefetch_along(a->input + at, BLOCK);
  if (far) prefetch_along(a->target + at, BLOCK);
  if (far && further) prefetch_along(a->further + at, BLOCK);
  vec grad[VECS], further_grad[VECS];
  for (size_t k = 0; k < VECS; k++) {
    element x = element_at(a, at + k * LANES, LANES, further);
    element_options o = a->options;
    o.flags = l.flags;
    if (l.domain) *seen = l.domain->look(*seen, x.input, x.target);
    if (l.loss->prepare) x.prepared = prepared[k];
    element_result r = l.step(x, &o);
    sums->lane[k] = vadd(sums->lane[k], r.loss);
    grad[k] = r.grad;
    further_grad[k] = r.further;
  }
  if (graded && (!further || a->grad)) elements_put(a->grad + at, grad, far);
  if (graded && further && a->further_grad) elements_put(a->further_grad + at, further_grad, far);
}

/* Up to a group of elements, not all of them ordinary. */
COLD lanes elements_apart(const elements_job *j, kernel *rare, size_t at, size_t count,
                          partial *result) {
  real losses[GROUP];
  elements_job part = *j;
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

/* Up to a group of whole blocks. `wary`: the last group was not ordinary; this one is looked at
 * first. */
ALWAYS_INLINE lanes elements_blocks(const elements_job *j, const element_arrays *a, element_loop l,
                                    size_t begin, size_t count, int graded, int far, int *wary,
                                    partial *result) {
  if (l.domain && UNLIKELY(*wary) &&
      !domain_holds(l.domain, a->input + begin, a->target + begin, count))
    return elements_apart(j, l.rare, begin, count, result);
  lanes sums = lanes_zero();
  evidence seen = nothing_seen();
  vec prepared[GROUP / LANES]; /* if there is something to prepare */
  for (size_t i = 0; l.loss->prepare && i < count; i += LANES)
    prepared[i / LANES] = l.loss->prepare(vload(a->input + begin + i));
  for (size_t i = 0; graded && i < count; i += BLOCK)
    elements_block(a, l, begin + i, prepared + i / LANES, &seen, &sums, 1, far);
  for (size_t i = 0; !graded && i < count; i += BLOCK)
    elements_block(a, l, begin + i, prepared + i / LANES, &seen, &sums, 0, far);
  if (l.domain) *wary = !l.domain->ordinary(seen);
  if (!l.domain || !UNLIKELY(*wary)) return sums;
  if (far) vstream_end(); /* ordinary stores may overtake streaming ones */
  return elements_apart(j, l.rare, begin, count, result);
}

/* The losses of a chunk again, after its lanes have overflowed or hold a NaN. `count_them`: this
 * NaN is how the loop hears of elements that are outside of the loss's domain. */
COLD void elements_mend(const elements_job *j, kernel *rare, size_t begin, size_t end,
                        int count_them, partial *result) {
  elements_job losses_only = *j;
  partial found = {0};
  losses_only.base.grad = losses_only.further_grad = NULL;
  rare(&losses_only, begin, end, &found);
  sum_merge(&result->sums[0], found.sums[0]);
  sum_merge(&result->sums[1], found.sums[1]);
  if (count_them) result->degenerate += found.degenerate;
}

/* The last elements of a call, fewer than a block. */
ALWAYS_INLINE lanes elements_tail(const elements_job *j, const element_arrays *a, element_loop l,
                                  size_t begin, size_t count, lanes sums, partial *result) {
  if (l.domain) return lanes_add(sums, elements_apart(j, l.rare, begin, count, result));
  element_options o = a->options;
  o.flags = l.flags;
  for (size_t i = 0, k = 0; k < VECS && i < count; i += LANES, k++) {
    size_t at = begin + i, part = lanes_left(count, i);
    element x = element_at(a, at, part, l.loss->further);
    if (l.loss->prepare) x.prepared = l.loss->prepare(x.input);
    element_result r = l.step(x, &o);
    sums.lane[k] = vadd(sums.lane[k], first_lanes(r.loss, part));
    if (a->grad) vstore_part(a->grad + at, r.grad, part);
    if (l.loss->further && a->further_grad) vstore_part(a->further_grad + at, r.further, part);
  }
  return sums;
}

ALWAYS_INLINE void elements_run(const elements_job *j, element_loop l, int graded, int far,
                                size_t begin, size_t end, partial *result) {
  element_arrays a = elements_begin(j);
  totals t = totals_zero();
  int wary = 0, want_loss = j->base.want_loss;
  if (l.usual) a.options.parameters[l.usual->index] = vset1(l.usual->value);
  for (size_t i = begin; i < end; i += CHUNK) {
    size_t count = smaller(end - i, CHUNK);
    lanes sums = lanes_zero();
    for (size_t k = 0; k < count; k += GROUP) {
      size_t part = smaller(count - k, GROUP), full = part / BLOCK * BLOCK, at = i + k;
      lanes group = elements_blocks(j, &a, l, at, full, graded, far, &wary, result);
      if (full < part) group = elements_tail(j, &a, l, at + full, part - full, group, result);
      sums = lanes_add(sums, group);
    }
    if (want_loss && UNLIKELY(!totals_add_lanes(&t, sums)))
      elements_mend(j, l.rare, i, i + count, !l.domain, result);
  }
  if (far) vstream_end();
  if (want_loss) sum_merge(&result->sums[0], totals_sum(&t));
}

/* Whether gradients that go around the caches may: all of them, or none. */
static inline int elements_stream(const elements_job *j, size_t begin, int further) {
  const job *base = &j->base;
  if (!further) return may_stream(base, reals(base->grad, begin));
  return base->grad && j->further_grad && may_stream(base, reals(base->grad, begin)) &&
         may_stream(base, reals(j->further_grad, begin));
}

ALWAYS_INLINE void elements_loops(const elements_job *j, element_loop l, size_t begin, size_t end,
                                  partial *result) {
  const job *base = &j->base;
  int further = l.loss->further;
  int graded = base->grad || (further && j->further_grad);
  int in_place = base->grad == base->input || (further && j->further_grad == j->further);
  if (ONE_PATH || base->weight || base->grad_output || base->loss || in_place ||
      j->class_parameter) {
    l.rare(j, begin, end, result);
  } else {
    int far = graded ? elements_stream(j, begin, further) : base->stream;
    elements_run(j, l, graded, far, begin, end, result);
  }
}

ALWAYS_INLINE void elements(const void *work, size_t begin, size_t end, partial *result,
                            const element_loss *loss, kernel *rare) {
  const elements_job *j = work;
  const usual_parameter *usual = loss->usual;
  element_loop l = {loss, loss->plain, loss->domain, NULL, j->flags, rare};
  if (usual && j->parameters[usual->index] == (double)usual->value) {
    l.usual = usual;
    elements_loops(j, l, begin, end, result);
  } else if (loss->flagged.step && j->flags == loss->flagged.flags) {
    l.step = loss->flagged.step;
    l.domain = NULL;
    elements_loops(j, l, begin, end, result);
  } else {
    elements_loops(j, l, begin, end, result);
  }
}

#endif
