/* SPDX-License-Identifier: Apache-2.0 */
/* Rows whose steps see every class: a target in the input's shape, or none. The frame finds the
 * largest logits, adds up a step's terms over the classes, has the step make of the sums what the
 * gradient of a class needs, and goes over the classes again. */
#ifndef VLOSS_CLASS_ROWS_H
#define VLOSS_CLASS_ROWS_H

#include "frame/lane_rows.h"
#include "frame/long_rows.h"

/* What a step is compiled for, beside INFINITE: that is any rows, those with a probability outside
 * [0, 1] too. */
enum {
  WEIGHED = 64, /* class weights or smoothing */
  TAUGHT = 128, /* the target is logits */
  KEPT = 256    /* what keep() returned is in grad, or in place of it */
};

enum { SUMS = 4 };

/* A class of its row. The input may be gone when the gradient is due. */
typedef struct class_values {
  vec input, target, weight;
} class_values;

/* The largest logits of a row, at least the lowest finite number. */
typedef struct class_tops {
  vec input, target;
} class_tops;

/* What all rows of a call share: smoothing e, temperature T. */
typedef struct class_options {
  vec unsmoothed, share;     /* 1 - e and e / classes */
  vec inverse, inverse_rest; /* 1 / T, and what that rounding left */
  vec gain, steep; /* what multiplies the loss twice, 1 or T, and the slopes: 1 / T or T */
} class_options;

typedef struct class_terms {
  vec term[SUMS];
} class_terms;

/* What the sums make of a row: half the loss, which may exceed the type before its weight, and what
 * the gradient of a class needs. */
typedef struct class_row {
  vec half_loss;
  vec slope, pull, mean, upstream; /* as the step likes */
} class_row;

typedef vec class_keep(class_values x, class_tops top, const class_options *o, int what);
typedef class_terms class_add(vec kept, class_values x, class_tops top, const class_row *row,
                              const class_options *o, int what);
typedef class_row class_finish(const vec *sums, const class_row *row, const class_options *o,
                               vec upstream, int what);
typedef vec class_slope(vec kept, class_values x, class_tops top, const class_row *row,
                        const class_options *o, int what);

enum { NO_PROBABILITIES, PROBABLE_INPUT, PROBABLE_TARGET };

/* A loss. A row with what is no probability gets a NaN for its first sum, which a step must hand on
 * to loss and gradient. */
typedef struct class_step {
  int logits;        /* the input is logits, of which the largest are wanted */
  int target;        /* there is one */
  int probabilities; /* which of them is, unless TAUGHT */
  int sums, more_sums;
  class_keep *keep; /* of a class, for what comes after */
  class_add *add;   /* does not look at row */
  class_finish *finish;
  class_add *add_more; /* after finish(): further sums, and a second finish(); or NULL */
  class_finish *finish_more;
  class_slope *gradient;
} class_step;

static inline class_options class_options_of(const rows_call *c) {
  const rows_job *j = c->job;
  double t = j->temperature;
  real temperature = (real)t, inverse = (real)(1 / t);
  real rest = (real)(fma(-(double)inverse, t, 1) / t);
  return (class_options){vset1(c->unsmoothed),
                         vset1(c->share),
                         vset1(inverse),
                         vset1(rest),
                         vset1(j->squared ? temperature : 1),
                         vset1(j->squared ? temperature : inverse)};
}

/* How the call's step must be compiled. */
static inline int class_form(const rows_call *c) {
  const rows_job *j = c->job;
  if (j->teacher_logits) return TAUGHT;
  return j->smoothing > 0 || c->class_weight ? WEIGHED : 0;
}

/* e^((z - largest) / T) */
ALWAYS_INLINE vec tempered_exponential(vec z, vec largest, const class_options *o, int what) {
  vec d = vsub(z, largest);
  if (what & INFINITE) d = vselect(veq(z, largest), vset1(0), d);
  return vexp(vmul(d, o->inverse));
}

/* The same with what the rounding of its argument loses, which counts where a loss as good as
 * infinite meets a small p. */
ALWAYS_INLINE vec careful_exponential(vec z, vec largest, const class_options *o, int what) {
  vec d = vsub(z, largest), back = vsub(d, z);
  if (what & INFINITE) d = vselect(veq(z, largest), vset1(0), d);
  vec lost = vsub(vsub(z, vsub(d, back)), vadd(largest, back));
  vec x = vmul(d, o->inverse), rest = vfma(d, o->inverse, vneg(x));
  rest = vfma(lost, o->inverse, vfma(d, o->inverse_rest, rest));
  rest = vselect(vlt(vabs(rest), vset1((real)0.5)), rest, vset1(0)); /* nothing is left, or all */
  vec e = vexp(x);
  return vfma(e, rest, e);
}

/* What a teacher gives a class, before it is normalised: p itself, or e^((t - largest) / T). */
ALWAYS_INLINE vec taught(class_values x, class_tops top, const class_options *o, int what) {
  return what & TAUGHT ? careful_exponential(x.target, top.target, o, what) : x.target;
}

/* a b, and 0 where a is 0, whatever b */
static inline vec weighted(vec a, vec b) { return vselect(veq(a, vset1(0)), vset1(0), vmul(a, b)); }

/* (largest - z) factor, of which each part is finite */
ALWAYS_INLINE vec scaled_drop(vec largest, vec z, vec factor, int what) {
  vec drop = vsub(vmul(factor, largest), vmul(factor, z));
  return what & INFINITE ? vselect(veq(largest, z), vset1(0), drop) : drop;
}

/* a / b, 0 where b is; a NaN stays */
static inline vec quotient(vec a, vec b) {
  vec zero = vset1(0);
  return vselect(veq(b, zero), vmul(zero, a), vdiv(a, b));
}

ALWAYS_INLINE int class_has_range(const class_step *step, int what) {
  return step->probabilities != NO_PROBABILITIES && !(what & TAUGHT);
}

/* The range of probabilities, and 0; a NaN is left out. */
typedef struct class_range {
  vec lowest, highest;
} class_range;

static inline class_range class_range_empty(void) { return (class_range){vset1(0), vset1(0)}; }

static inline void class_range_add(class_range *r, vec p) {
  r->lowest = vmin(p, r->lowest);
  r->highest = vmax(p, r->highest);
}

ALWAYS_INLINE void class_range_note(const class_step *step, class_range *r, class_values x) {
  class_range_add(r, step->probabilities == PROBABLE_INPUT ? x.input : x.target);
}

/* Whether all are in [0, 1]. If not, the rows are done again: INFINITE. */
static inline int class_is_unit(class_range r) {
  return vall(vand(veq(r.lowest, vset1(0)), vle(r.highest, vset1(1))));
}

static inline mask class_outside(class_range r) {
  return vor(is_no_probability(r.lowest, nearest_probability(r.lowest)),
             is_no_probability(r.highest, nearest_probability(r.highest)));
}

/* Then what rounding has left outside is repaired. */
ALWAYS_INLINE class_values class_repaired(const class_step *step, class_values x, int what) {
  if (!(what & INFINITE) || !class_has_range(step, what)) return x;
  if (step->probabilities == PROBABLE_INPUT) x.input = nearest_probability(x.input);
  if (step->probabilities == PROBABLE_TARGET) x.target = nearest_probability(x.target);
  return x;
}

#endif
