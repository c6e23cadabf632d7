/* SPDX-License-Identifier: Apache-2.0 */
/* What a loss of rows of classes is. The frame finds the largest logits of a row, adds up the terms
 * that add() gives for its classes, has finish() make of the sums half the loss and what the
 * gradient of a class needs, and goes over the classes again. A label's class gets its gradient
 * from the same loop, and `target` less afterwards. */
#ifndef VLOSS_ROW_STEP_H
#define VLOSS_ROW_STEP_H

#include "frame/rows/block.h"

/* What a step is compiled for. */
enum {
  WEIGHED = 64,  /* the sums see class weights or smoothing */
  TAUGHT = 128,  /* the target is logits */
  KEPT = 256,    /* what keep() returned is there in place of the input, which may be gone */
  INFINITE = 512 /* rows of any kind: logits of +inf, probabilities outside of [0, 1] */
};

enum { SUMS = 4 };

/* A class of its row. */
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
  vec gamma;
} class_options;

typedef struct class_terms {
  vec term[SUMS];
} class_terms;

/* A row: what its label picks and its largest logit, before its first finish(); and what a finish()
 * makes of the sums: half the loss, which may exceed the type before its weight, what the gradient
 * of a class needs, as the step likes, and what that of the label's class lacks. */
typedef struct class_row {
  vec half_loss;
  vec slope, pull, mean, upstream;
  vec label_logit, label_weight, largest;
} class_row;

typedef vec class_keep(class_values x, class_tops top, const class_options *o, int what);
typedef class_terms class_add(vec kept, class_values x, class_tops top, const class_row *row,
                              const class_options *o, int what);
typedef class_row class_finish(const vec *sums, const class_row *row, const class_options *o,
                               vec upstream, int what);
typedef vec class_slope(vec kept, class_values x, class_tops top, const class_row *row,
                        const class_options *o, int what);

/* Half the loss, and the gradient of the label's class. */
typedef struct pick {
  vec half_loss, grad;
} pick;

typedef pick class_pick(vec value, vec weight, vec upstream);

enum { NO_PROBABILITIES, PROBABLE_INPUT, PROBABLE_TARGET };

/* A loss. A row with what is no probability gets a NaN for its first sum, which a step must hand on
 * to loss and gradient. */
typedef struct class_step {
  class_pick *pick;  /* all that is read of a row is the label's class; or NULL, and all below */
  int labels;        /* there are; finish() gives `pull`, share w_k, and `upstream`, the target */
  int logits;        /* the input is logits, of which the largest are wanted */
  int target;        /* there is one in the input's shape */
  int probabilities; /* which of them is, unless TAUGHT */
  int form;    /* what the step can be compiled for beside the plain form: WEIGHED or TAUGHT */
  int either;  /* one text for both forms, whose terms take longer than asking which it is */
  int sums[2]; /* how many add() gives, plainly and in that form */
  int more_sums;
  int scales;       /* the plain gradient is kept times slope */
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
                         vset1(j->squared ? temperature : inverse),
                         vset1(c->gamma)};
}

/* How the call's step must be compiled. */
ALWAYS_INLINE int class_form(const rows_call *c, const class_step *step) {
  const rows_job *j = c->job;
  if (step->form == TAUGHT) return j->teacher_logits ? TAUGHT : 0;
  if (step->form == WEIGHED && step->labels) return c->share > 0 ? WEIGHED : 0;
  return step->form == WEIGHED && (j->smoothing > 0 || c->class_weight) ? WEIGHED : 0;
}

/* Whether the form is no constant: asking takes longer than the terms of labels do alone. */
ALWAYS_INLINE int class_is_either(const class_step *step) {
  return step->either || (ONE_PATH && step->target);
}

ALWAYS_INLINE int class_sums(const class_step *step, int more, int what) {
  if (step->sums[0] == step->sums[1]) return more ? step->more_sums : step->sums[0];
  return more ? step->more_sums : step->sums[(what & step->form) != 0];
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
  twofold d = exact_difference(z, largest);
  if (what & INFINITE) d.value = vselect(veq(z, largest), vset1(0), d.value);
  vec x = vmul(d.value, o->inverse), rest = vfma(d.value, o->inverse, vneg(x));
  rest = vfma(d.rest, o->inverse, vfma(d.value, o->inverse_rest, rest));
  rest = vselect(vlt(vabs(rest), vset1((real)0.5)), rest, vset1(0)); /* nothing is left, or all */
  vec e = vexp(x);
  return vfma(e, rest, e);
}

/* What a teacher gives a class, before it is normalised: p itself, or e^((t - largest) / T). */
ALWAYS_INLINE vec taught(class_values x, class_tops top, const class_options *o, int what) {
  return what & TAUGHT ? careful_exponential(x.target, top.target, o, what) : x.target;
}

/* e^(z - largest), or -1 for a class that is masked */
ALWAYS_INLINE vec masked_exponential(class_values x, class_tops top, int what) {
  vec e = exponential(x.input, top.input, what & INFINITE);
  if (!(what & WEIGHED)) return e;
  return vselect(veq(x.input, vset1(-real_infinity)), vset1(masked_class), e);
}

/* The exponential of what that kept. */
ALWAYS_INLINE vec unmasked(vec kept, int what) {
  return what & WEIGHED ? vmax(vset1(0), kept) : kept;
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

/* Of rows of any kind; all others have been looked at. */
ALWAYS_INLINE void class_range_note(const class_step *step, class_range *r, class_values x,
                                    int what) {
  if ((what & INFINITE) && class_has_range(step, what))
    class_range_add(r, step->probabilities == PROBABLE_INPUT ? x.input : x.target);
}

/* Whether all are in [0, 1]. */
static inline int class_is_unit(class_range r) {
  return vall(vand(veq(r.lowest, vset1(0)), vle(r.highest, vset1(1))));
}

static inline mask class_outside(class_range r) {
  return vor(is_no_probability(r.lowest, nearest_probability(r.lowest)),
             is_no_probability(r.highest, nearest_probability(r.highest)));
}

/* What rounding has left outside of [0, 1], in it. */
ALWAYS_INLINE class_values class_repaired(const class_step *step, class_values x, int what) {
  if (!(what & INFINITE) || !class_has_range(step, what)) return x;
  if (step->probabilities == PROBABLE_INPUT) x.input = nearest_probability(x.input);
  if (step->probabilities == PROBABLE_TARGET) x.target = nearest_probability(x.target);
  return x;
}

/* Rows [at, at + LANES) of a block, as finish() takes them. */
ALWAYS_INLINE class_row class_row_open(const row_block *b, size_t at, const class_step *step,
                                       vec largest) {
  vec zero = vset1(0);
  class_row row = {zero, zero, zero, zero, zero, zero, zero, largest};
  if (!step->labels) return row;
  row.label_logit = vload(b->label_value + at);
  row.label_weight = vload(b->label_weight + at);
  return row;
}

#endif
