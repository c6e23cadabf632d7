/* SPDX-License-Identifier: Apache-2.0 */
/* Rows one by one, classes in lanes. A batch of rows goes through each phase together: what makes
 * slopes of sums is a long chain of operations, which takes all rows in lanes. */
#ifndef VLOSS_ROW_LINE_H
#define VLOSS_ROW_LINE_H

#include "frame/rows/step.h"

enum {
  SPAN = 2 * GROUP,           /* classes that are added in the dtype */
  EXPONENTIALS = 112 * BLOCK, /* 14 KiB: what may be kept on the stack */
  BATCH = 32 * BLOCK          /* of several rows, less */
};

/* Room for a batch: what keep() returned, gradients on their way, copies of a span; and flags, 1 in
 * front and 0 behind. Vectors may reach beyond the end of what is there. */
typedef struct line_room {
  real kept[EXPONENTIALS + LANES], out[BATCH + LANES];
  real input[SPAN + LANES], target[SPAN + LANES];
  real front[2 * LANES];
} line_room;

/* A row on its way. */
typedef struct row_line {
  const rows_call *call;
  const class_options *options;
  line_room *room;
  const real *input, *target;   /* the row's; target may be NULL */
  real *kept;                   /* or NULL: too many classes, and the gradient is streamed */
  int roomy;                    /* vectors of kept may reach beyond its end */
  int guarded;                  /* nothing may be read behind the input */
  real input_fill, target_fill; /* of classes that are not there: they add nothing */
} row_line;

/* What its vectors are given: apart, since a row_line lives in memory. */
typedef struct line_values {
  class_tops top;
  class_row row;
} line_values;

/* Classes of a row: where they stand, or copies with fill behind them. */
typedef struct class_span {
  size_t begin, count;
  const real *input, *target;
  int copied;
} class_span;

ALWAYS_INLINE class_span span_open(const row_line *l, const class_step *step, size_t begin) {
  class_span s = {begin, smaller(l->call->classes - begin, SPAN), l->input + begin,
                  step->target ? l->target + begin : NULL, 0};
  s.copied = l->call->inner != 1 || (l->guarded && s.count % LANES);
  if (!s.copied) return s;
  s.input = l->room->input;
  s.target = l->room->target;
  size_t inner = l->call->inner, at = begin * inner, whole = (s.count + LANES - 1) / LANES * LANES;
  gather(l->input + at, inner, s.count, l->room->input, whole, l->input_fill);
  if (step->target) gather(l->target + at, inner, s.count, l->room->target, whole, l->target_fill);
  return s;
}

/* The first `count` lanes at p, fill behind them. */
ALWAYS_INLINE vec span_load(const row_line *l, const class_span *s, const real *p, size_t count,
                            real fill) {
  vec a = vload(p);
  if (count == LANES || s->copied) return a;
  return vselect(veq(vload(l->room->front + LANES - count), vset1(1)), a, vset1(fill));
}

/* Classes [i, i + count) of a span. */
ALWAYS_INLINE class_values span_class(const row_line *l, const class_step *step,
                                      const class_span *s, size_t i, size_t count, int what) {
  class_values x = {vset1(0), vset1(0), vset1(1)};
  const real *weight = l->call->class_weight;
  if (!(what & KEPT)) x.input = span_load(l, s, s->input + i, count, l->input_fill);
  if (step->target) x.target = span_load(l, s, s->target + i, count, l->target_fill);
  if ((what & WEIGHED) && weight) x.weight = vload_part_or(weight + s->begin + i, count, 1);
  return x;
}

/* What keep() makes of classes, or has made of them. */
ALWAYS_INLINE vec span_kept(const row_line *l, const class_step *step, const class_span *s,
                            class_values x, class_tops top, size_t i, size_t count, int what) {
  if (!(what & KEPT)) return step->keep(x, top, l->options, what);
  if (l->roomy) return vload(l->kept + s->begin + i);
  return vload_part(l->kept + s->begin + i, count);
}

ALWAYS_INLINE real lanes_largest(lanes a) {
  for (int width = VECS / 2; width > 0; width /= 2)
    for (int j = 0; j < width; j++) a.lane[j] = vmax(a.lane[j], a.lane[j + width]);
  real values[LANES];
  vstore(values, a.lane[0]);
  for (int width = LANES / 2; width > 0; width /= 2)
    for (int k = 0; k < width; k++)
      values[k] = values[k] > values[k + width] ? values[k] : values[k + width];
  return values[0];
}

ALWAYS_INLINE void span_largest(const row_line *l, const class_span *s, const real *from,
                                lanes *largest) {
  size_t i = 0;
  for (; i + BLOCK <= s->count; i += BLOCK)
    for (size_t j = 0; j < VECS; j++)
      largest->lane[j] = vmax(largest->lane[j], vload(from + i + j * LANES));
  for (size_t j = 0; i < s->count; i += LANES, j++)
    largest->lane[j] =
        vmax(largest->lane[j], span_load(l, s, from + i, lanes_left(s->count, i), -real_infinity));
}

ALWAYS_INLINE void span_range(const row_line *l, const class_span *s, const real *from,
                              class_range *range) {
  for (size_t i = 0; i < s->count; i += LANES)
    class_range_add(range, span_load(l, s, from + i, lanes_left(s->count, i), 0));
}

/* Finds the largest logits, 0 where none are wanted; returns whether they are finite, and
 * probabilities in [0, 1]. */
ALWAYS_INLINE int line_find_tops(const row_line *l, const class_step *step, real *input_top,
                                 real *target_top, int what) {
  int taught = step->target && (what & TAUGHT), ranged = class_has_range(step, what);
  class_range range = class_range_empty();
  lanes input, target;
  for (int j = 0; j < VECS; j++) input.lane[j] = target.lane[j] = vset1(-real_max);
  for (size_t begin = 0; begin < l->call->classes; begin += SPAN) {
    class_span s = span_open(l, step, begin);
    if (step->logits) span_largest(l, &s, s.input, &input);
    if (taught) span_largest(l, &s, s.target, &target);
    if (ranged)
      span_range(l, &s, step->probabilities == PROBABLE_INPUT ? s.input : s.target, &range);
  }
  *input_top = step->logits ? lanes_largest(input) : 0;
  *target_top = taught ? lanes_largest(target) : 0;
  int unit = !ranged || class_is_unit(range);
  return unit && *input_top < real_infinity && *target_top < real_infinity;
}

/* A vector of classes goes to the sums of vector j. */
ALWAYS_INLINE void line_add(const row_line *l, const class_step *step, const class_span *s,
                            const line_values *v, size_t i, size_t count, vec *sums,
                            class_range *range, int more, int what) {
  class_values x = span_class(l, step, s, i, count, what);
  if (!more) class_range_note(step, range, x, what);
  x = class_repaired(step, x, what);
  vec kept = span_kept(l, step, s, x, v->top, i, count, what);
  class_terms t = (more ? step->add_more : step->add)(kept, x, v->top, &v->row, l->options, what);
  for (int k = 0; k < class_sums(step, more, what); k++) sums[k] = vadd(sums[k], t.term[k]);
  if (more) return;
  if (l->kept && l->roomy)
    vstore(l->kept + s->begin + i, kept);
  else if (l->kept)
    vstore_part(l->kept + s->begin + i, kept, count);
}

/* Sums over the row; keeps what the gradient needs. `more`: those that need a first round. */
ALWAYS_INLINE void line_sums(const row_line *l, const class_step *step, const line_values *v,
                             totals *sums, class_range *range, int more, size_t ahead, int what) {
  const int count = class_sums(step, more, what);
  for (int k = 0; k < count; k++) sums[k] = totals_zero();
  for (size_t begin = 0; begin < l->call->classes; begin += SPAN) {
    class_span s = span_open(l, step, begin);
    size_t full = s.count / BLOCK * BLOCK;
    lanes part[SUMS];
    if (ahead) prefetch(l->input + begin, s.count, ahead);
    if (ahead && step->target) prefetch(l->target + begin, s.count, ahead);
    for (size_t j = 0; j < VECS; j++) {
      vec sum[SUMS]; /* one vector at a time stays in registers */
      for (int k = 0; k < count; k++) sum[k] = vset1(0);
      for (size_t i = j * LANES; i < full; i += BLOCK)
        line_add(l, step, &s, v, i, LANES, sum, range, more, what);
      for (int k = 0; k < count; k++) part[k].lane[j] = sum[k];
    }
    for (size_t i = full, j = 0; i < s.count; i += LANES, j++) {
      vec sum[SUMS];
      for (int k = 0; k < count; k++) sum[k] = part[k].lane[j];
      line_add(l, step, &s, v, i, lanes_left(s.count, i), sum, range, more, what);
      for (int k = 0; k < count; k++) part[k].lane[j] = sum[k];
    }
    for (int k = 0; k < count; k++) totals_add_any_lanes(&sums[k], part[k]);
  }
}

ALWAYS_INLINE void line_put(const row_line *l, const class_step *step, const class_span *s,
                            const line_values *v, size_t i, size_t count, real *out, int roomy,
                            int what) {
  class_values x = class_repaired(step, span_class(l, step, s, i, count, what), what);
  vec kept = span_kept(l, step, s, x, v->top, i, count, what);
  vec grad = step->gradient(kept, x, v->top, &v->row, l->options, what);
  if (roomy)
    vstore(out + i, grad);
  else
    vstore_part(out + i, grad, count);
}

/* The gradient of row k of a block to `to`. `roomy`: vectors may reach beyond its end. `streamed`:
 * it goes there through a buffer and around the caches. */
ALWAYS_INLINE void line_gradient(const row_line *l, const class_step *step, const line_values *v,
                                 const row_block *b, size_t k, real *to, int roomy, int streamed,
                                 int what) {
  const size_t inner = l->call->inner, label = step->labels ? b->label[k] : 0;
  int direct = inner == 1 && !streamed;
  for (size_t begin = 0; begin < l->call->classes; begin += SPAN) {
    class_span s = span_open(l, step, begin);
    real *out = direct ? to + begin : l->room->out;
    size_t i = 0;
    for (; i + LANES <= s.count; i += LANES) line_put(l, step, &s, v, i, LANES, out, 1, what);
    if (i < s.count) line_put(l, step, &s, v, i, s.count - i, out, roomy || !direct, what);
    if (step->labels && label - begin < s.count) rows_mend_label(b, k, out + (label - begin));
    if (streamed) stream_out(to + begin, out, s.count);
    if (inner != 1) scatter(out, inner, s.count, to + begin * inner);
  }
}

#endif
