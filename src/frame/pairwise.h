/* SPDX-License-Identifier: Apache-2.0 */
/* The loop over pairs of elements. */
#ifndef VLOSS_PAIRWISE_H
#define VLOSS_PAIRWISE_H

#include "frame/element.h"
#include "frame/reduce.h"
#include "frame/watch.h"

/* A loss and its gradient with respect to the input, times upstream. */
typedef struct pair {
  vec loss, grad;
} pair;

/* sign(d) times upstream; d itself, a zero or a NaN, where it has none */
static inline vec signed_upstream(vec d, vec upstream) {
  return vselect(vlt(vset1(0), vabs(d)), vturned(upstream, d), d);
}

typedef pair pairwise_step(vec input, vec target, vec upstream, const vec *parameters);

/* A step that is a long chain of operations, in two: what it prepares for a whole group in a loop
 * of its own, and the rest. The out-of-order window of a CPU holds many short chains, but few long
 * ones: binary_cross_entropy_with_logits in cache takes 0.70 ns per float, in one loop 0.91. */
typedef vec pairwise_prepare(vec input);
typedef pair pairwise_finish(vec prepared, vec input, vec target, vec upstream,
                             const vec *parameters);

/* Such a step on elements of any kind, where its family has kinds that finish() cannot take; counts
 * those that are degenerate. */
typedef pair pairwise_any(pairwise_prepare *prepare, pairwise_finish *finish, vec input, vec target,
                          vec upstream, const vec *parameters, size_t *degenerate);

/* A parameter that has its usual value. */
typedef struct usual_parameter {
  int index;
  real value;
} usual_parameter;

/* What a family makes of a loss, a constant in each of its loops. */
typedef struct pairwise_form {
  pairwise_step *step;          /* or NULL, */
  pairwise_prepare *prepare;    /* and instead this one, */
  pairwise_finish *finish;      /* with this one, */
  pairwise_any *any;            /* and this where the input may be anything, or NULL; */
  element_step *whole;          /* or this instead */
  const element_watch *watch;   /* or NULL: the step takes any */
  kernel *rare;                 /* any options and in place */
  int what;                     /* GRAD, FURTHER and flags */
  const usual_parameter *usual; /* or NULL; a constant in the loop */
} pairwise_form;

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

/* A step of any form on elements [i, i + count). `prepared`: what it has prepared, or NULL. */
ALWAYS_INLINE element pairwise_apply(const pairwise_arrays *a, pairwise_form f, size_t i,
                                     size_t count, const vec *prepared, vec upstream,
                                     const vec *parameters, evidence *seen, size_t *degenerate) {
  vec input = vload_part(a->input + i, count), target = vload_part(a->target + i, count);
  if (f.whole) {
    vec further = f.what & FURTHER ? vload_part(a->further + i, count) : vset1(0);
    return f.whole(input, target, further, upstream, parameters, f.what / FLAG);
  }
  if (f.watch) *seen = f.watch->look(*seen, input, target);
  pair r;
  if (f.step)
    r = f.step(input, target, upstream, parameters);
  else if (f.any)
    r = f.any(f.prepare, f.finish, input, target, upstream, parameters, degenerate);
  else
    r = f.finish(prepared ? *prepared : f.prepare(input), input, target, upstream, parameters);
  return (element){r.loss, r.grad, r.grad, nowhere()};
}

/* Elements [i, i + count), any options; returns their weighted losses, 0 behind count. `first`:
 * what is left of their first parameters, or NULL. */
ALWAYS_INLINE vec pairwise_vector(const pairwise_job *j, const pairwise_arrays *a, pairwise_form f,
                                  size_t i, size_t count, const real *first, size_t *degenerate) {
  sample_factors s = load_factors(&j->base, i, count);
  vec parameters[PAIRWISE_PARAMETERS];
  memcpy(parameters, a->parameters, sizeof parameters);
  if (first) parameters[0] = vload_part(first, count);
  element r = pairwise_apply(a, f, i, count, NULL, s.upstream, parameters, NULL, degenerate);
  if (f.whole) *degenerate += count_bits(vbits(r.outside) & ((1u << count) - 1));
  vec loss = where_counted(vmul(r.loss, s.weight), s.weight);
  r.grad = where_counted(r.grad, s.upstream);
  r.further = where_counted(r.further, s.upstream);
  if (j->base.loss)
    vstore_part(reals_out(j->base.loss, i), vmul(loss, vset1(real_clamp(j->base.loss_factor))),
                count);
  if (a->grad) vstore_part(a->grad + i, r.grad, count);
  if ((f.what & FURTHER) && a->further_grad) vstore_part(a->further_grad + i, r.further, count);
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
ALWAYS_INLINE void pairwise_chunk(const pairwise_job *j, const pairwise_arrays *a, pairwise_form f,
                                  size_t begin, size_t count, totals *t, partial *result) {
  size_t *degenerate = &result->degenerate;
  real losses[CHUNK], first[CHUNK];
  if (j->class_parameter) load_class_parameters(j, begin, count, first);
  for (size_t i = 0; i < count; i += LANES) {
    size_t part = smaller(count - i, LANES);
    const real *own = j->class_parameter ? first + i : NULL;
    vec loss = part == LANES ? pairwise_vector(j, a, f, begin + i, LANES, own, degenerate)
                             : pairwise_vector(j, a, f, begin + i, part, own, degenerate);
    vstore(losses + i, f.whole ? without_bottom(loss, &result->sums[1]) : loss);
  }
  if (j->base.want_loss) totals_add_chunk(t, losses, count);
}

/* A block of a gradient. */
ALWAYS_INLINE void pairwise_put(real *grad, const vec *values, int streamed) {
  if (streamed)
    for (size_t k = 0; k < VECS; k++) vstream(grad + k * LANES, values[k]);
  else
    for (size_t k = 0; k < VECS; k++) vstore(grad + k * LANES, values[k]);
}

/* A block of plain input: the loop that runs at the speed of memory. `far`: from and to it. */
ALWAYS_INLINE void pairwise_block(const pairwise_arrays *a, pairwise_form f, size_t at,
                                  const vec *prepared, evidence *seen, lanes *sums, int far) {
  if (far) prefetch_along(a->input + at, BLOCK);
  if (far) prefetch_along(a->target + at, BLOCK);
  if (far && (f.what & FURTHER)) prefetch_along(a->further + at, BLOCK);
  vec grad[VECS], further[VECS];
  for (size_t k = 0; k < VECS; k++) {
    element r = pairwise_apply(a, f, at + k * LANES, LANES, prepared + k, a->upstream,
                               a->parameters, seen, NULL);
    sums->lane[k] = vadd(sums->lane[k], r.loss);
    grad[k] = r.grad;
    further[k] = r.further;
  }
  if ((f.what & GRAD) && (!(f.what & FURTHER) || a->grad)) pairwise_put(a->grad + at, grad, far);
  if ((f.what & GRAD) && (f.what & FURTHER) && a->further_grad)
    pairwise_put(a->further_grad + at, further, far);
}

/* Any options and in place, out of the way of the loop. */
ALWAYS_INLINE void pairwise_chunks(const void *work, size_t begin, size_t end, partial *result,
                                   pairwise_form f) {
  const pairwise_job *j = work;
  pairwise_arrays a = pairwise_begin(j);
  totals t = totals_zero();
  for (size_t i = begin; i < end; i += CHUNK)
    pairwise_chunk(j, &a, f, i, smaller(end - i, CHUNK), &t, result);
  sum_merge(&result->sums[0], totals_sum(&t));
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

/* Up to a group of whole blocks. `wary`: the last group was not ordinary; this one is looked at
 * first. */
ALWAYS_INLINE lanes pairwise_blocks(const pairwise_job *j, const pairwise_arrays *a,
                                    pairwise_form f, size_t begin, size_t count, int far, int *wary,
                                    partial *result) {
  if (f.watch && UNLIKELY(*wary) &&
      !watch_array(f.watch, a->input + begin, a->target + begin, count))
    return pairwise_apart(j, f.rare, begin, count, result);
  lanes sums = lanes_zero();
  evidence seen = nothing_seen();
  vec prepared[GROUP / LANES]; /* if there is something to prepare */
  for (size_t i = 0; f.prepare && i < count; i += LANES)
    prepared[i / LANES] = f.prepare(vload(a->input + begin + i));
  for (size_t i = 0; i < count; i += BLOCK)
    pairwise_block(a, f, begin + i, prepared + i / LANES, &seen, &sums, far);
  if (f.watch) *wary = !f.watch->ordinary(seen);
  if (!f.watch || !UNLIKELY(*wary)) return sums;
  if (far) vstream_end(); /* ordinary stores may overtake streaming ones */
  return pairwise_apart(j, f.rare, begin, count, result);
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
ALWAYS_INLINE lanes pairwise_tail(const pairwise_job *j, const pairwise_arrays *a, pairwise_form f,
                                  size_t begin, size_t count, lanes sums, partial *result) {
  size_t degenerate = 0; /* without a watch, the sum tells of those */
  if (f.watch) return lanes_add(sums, pairwise_apart(j, f.rare, begin, count, result));
  for (size_t i = 0, k = 0; k < VECS && i < count; i += LANES, k++) {
    vec loss = pairwise_vector(j, a, f, begin + i, lanes_left(count, i), NULL, &degenerate);
    sums.lane[k] = vadd(sums.lane[k], loss);
  }
  return sums;
}

ALWAYS_INLINE void pairwise_plain(const pairwise_job *j, pairwise_form f, int what, int far,
                                  size_t begin, size_t end, partial *result) {
  pairwise_arrays a = pairwise_begin(j);
  totals t = totals_zero();
  int wary = 0, want_loss = j->base.want_loss;
  f.what |= what;
  if (f.usual) a.parameters[f.usual->index] = vset1(f.usual->value);
  for (size_t i = begin; i < end; i += CHUNK) {
    size_t count = smaller(end - i, CHUNK);
    lanes sums = lanes_zero();
    for (size_t k = 0; k < count; k += GROUP) {
      size_t part = smaller(count - k, GROUP), full = part / BLOCK * BLOCK, at = i + k;
      lanes group = pairwise_blocks(j, &a, f, at, full, far, &wary, result);
      if (full < part) group = pairwise_tail(j, &a, f, at + full, part - full, group, result);
      sums = lanes_add(sums, group);
    }
    if (want_loss && UNLIKELY(!totals_add_lanes(&t, sums)))
      pairwise_mend(j, f.rare, i, i + count, f.whole != NULL, result);
  }
  if (far) vstream_end();
  if (want_loss) sum_merge(&result->sums[0], totals_sum(&t));
}

/* Whether gradients that go around the caches may: all of them, or none. */
static inline int pairwise_streams(const pairwise_job *j, size_t begin, int what) {
  const job *base = &j->base;
  if (!(what & FURTHER)) return may_stream(base, reals(base->grad, begin));
  return base->grad && j->further_grad && may_stream(base, reals(base->grad, begin)) &&
         may_stream(base, reals(j->further_grad, begin));
}

ALWAYS_INLINE void pairwise_loops(const void *work, size_t begin, size_t end, partial *result,
                                  pairwise_form f) {
  const pairwise_job *j = work;
  const job *base = &j->base;
  int graded = base->grad != NULL, in_place = base->grad == base->input;
  if (f.what & FURTHER) {
    graded = graded || j->further_grad;
    in_place = in_place || j->further_grad == j->further;
  }
  if (ONE_PATH || base->weight || base->grad_output || base->loss || in_place || j->class_parameter)
    f.rare(j, begin, end, result);
  else if (graded)
    pairwise_plain(j, f, GRAD, pairwise_streams(j, begin, f.what), begin, end, result);
  else
    pairwise_plain(j, f, 0, base->stream, begin, end, result);
}

/* The loops twice: in one, the parameter is a constant, and the step need not ask for its value. */
ALWAYS_INLINE void pairwise_usual(const void *work, size_t begin, size_t end, partial *result,
                                  pairwise_form f, const usual_parameter *usual) {
  const pairwise_job *j = work;
  if (j->parameters[usual->index] == (double)usual->value) {
    f.usual = usual;
    pairwise_loops(work, begin, end, result, f);
  } else {
    pairwise_loops(work, begin, end, result, f);
  }
}

ALWAYS_INLINE void pairwise_rare(const void *work, size_t begin, size_t end, partial *result,
                                 pairwise_step *step) {
  pairwise_chunks(work, begin, end, result, (pairwise_form){.step = step});
}

ALWAYS_INLINE void pairwise(const void *work, size_t begin, size_t end, partial *result,
                            pairwise_step *step, kernel *rare) {
  pairwise_loops(work, begin, end, result, (pairwise_form){.step = step, .rare = rare});
}

#endif
