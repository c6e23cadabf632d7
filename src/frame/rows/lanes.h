/* SPDX-License-Identifier: Apache-2.0 */
/* A block of rows at once, rows in lanes: class k of row i stands at k * stride + i. All rows of a
 * whole block go together; those of less, one vector after the other. */
#ifndef VLOSS_ROW_LANES_H
#define VLOSS_ROW_LANES_H

#include "frame/lane_sum.h"
#include "frame/rows/step.h"

/* A block on its way. */
typedef struct row_lanes {
  const rows_call *call;
  const class_options *options;
  row_block *rows;
  const real *input, *target;
  real *grad; /* or NULL */
  size_t stride;
  size_t count; /* rows, with padding behind those of the block if that is there too */
  const real *origin, *target_origin;
  size_t ahead; /* bytes from there to about where the next block begins */
} row_lanes;

/* Vectors of rows of a block. Two of them may share rows, so nothing of a class is stored before
 * all of it is loaded. Of one vector by itself, only the first `count` rows may be there. */
typedef struct lane_range {
  size_t at[VECS], width, count;
} lane_range;

/* The largest number of each row, at least the lowest finite one. */
ALWAYS_INLINE lanes lane_largest(const row_lanes *l, const real *from, lane_range r) {
  lanes largest;
  for (size_t j = 0; j < VECS; j++) largest.lane[j] = vset1(-real_max);
  for (size_t k = 0; k < l->call->classes; k++, from += l->stride)
    for (size_t j = 0; j < r.width; j++)
      largest.lane[j] = vmax(largest.lane[j], vload_part(from + r.at[j], r.count));
  return largest;
}

ALWAYS_INLINE int lanes_are_finite(const lanes *largest, size_t width) {
  int finite = 1;
  for (size_t j = 0; j < width; j++) finite &= vall(vlt(largest->lane[j], vset1(real_infinity)));
  return finite;
}

/* Whether probabilities are in [0, 1]. */
ALWAYS_INLINE int lane_is_unit(const row_lanes *l, const real *from, lane_range r) {
  class_range range = class_range_empty();
  for (size_t k = 0; k < l->call->classes; k++, from += l->stride)
    for (size_t j = 0; j < r.width; j++)
      class_range_add(&range, vload_part(from + r.at[j], r.count));
  return class_is_unit(range);
}

/* The largest logits, or 0. */
typedef struct lane_tops {
  lanes input, target;
} lane_tops;

/* Returns whether they are finite, and probabilities in [0, 1]. */
ALWAYS_INLINE int lane_find_tops(const row_lanes *l, const class_step *step, lane_range r,
                                 lane_tops *t, int what) {
  int unit = 1;
  t->input = t->target = lanes_zero();
  if (step->logits) t->input = lane_largest(l, l->input, r);
  if (step->target && (what & TAUGHT)) t->target = lane_largest(l, l->target, r);
  if (class_has_range(step, what))
    unit = lane_is_unit(l, step->probabilities == PROBABLE_INPUT ? l->input : l->target, r);
  return unit && lanes_are_finite(&t->input, r.width) && lanes_are_finite(&t->target, r.width);
}

ALWAYS_INLINE class_tops lane_top(const lane_tops *t, size_t j) {
  return (class_tops){t->input.lane[j], t->target.lane[j]};
}

/* Vector j of class k. */
ALWAYS_INLINE class_values lane_class(const row_lanes *l, const class_step *step, size_t k,
                                      size_t j, lane_range r, int what) {
  size_t at = k * l->stride + r.at[j];
  class_values x = {vset1(0), vset1(0), vset1(1)};
  if (!(what & KEPT)) x.input = vload_part(l->input + at, r.count);
  if (step->target) x.target = vload_part(l->target + at, r.count);
  if ((what & WEIGHED) && l->call->class_weight) x.weight = vset1(l->call->class_weight[k]);
  return x;
}

/* What keep() makes of a class, or has made of it. */
ALWAYS_INLINE vec lane_kept(const row_lanes *l, const class_step *step, class_values x,
                            class_tops top, size_t k, size_t j, lane_range r, int what) {
  if (what & KEPT) return vload_part(l->grad + k * l->stride + r.at[j], r.count);
  return step->keep(x, top, l->options, what);
}

ALWAYS_INLINE void lane_put(const row_lanes *l, vec value, size_t k, size_t j, lane_range r) {
  vstore_part(l->grad + k * l->stride + r.at[j], value, r.count);
}

/* Sums over the classes; keeps what the gradient needs. `more`: those that need a first round. */
ALWAYS_INLINE void lane_sums(const row_lanes *lanes_of, const class_step *step,
                             const lane_tops *tops, const class_row *row, lane_sum *sums,
                             class_range *range, lane_range r, int more, int what) {
  const row_lanes copy = *lanes_of, *l = &copy; /* compilers fear that stores reach it */
  const size_t classes = l->call->classes, count = (size_t)class_sums(step, more, what);
  class_add *add = more ? step->add_more : step->add;
  for (size_t i = 0; i < count; i++) sums[i] = lane_sum_zero();
  for (size_t k = 0; k < classes;) {
    vec part[SUMS][VECS];
    for (size_t i = 0; i < count; i++)
      for (size_t j = 0; j < r.width; j++) part[i][j] = vset1(0);
    for (size_t end = smaller(k + PART, classes); k < end; k++) {
      size_t ahead = l->ahead + k * l->stride * sizeof(real);
      if (!more) prefetch(l->origin, r.width * LANES, ahead);
      if (!more && step->target) prefetch(l->target_origin, r.width * LANES, ahead);
      vec kept[VECS];
      for (size_t j = 0; j < r.width; j++) {
        class_values x = lane_class(l, step, k, j, r, what);
        if (!more) class_range_note(step, &range[j], x, what);
        x = class_repaired(step, x, what);
        class_tops top = lane_top(tops, j);
        kept[j] = lane_kept(l, step, x, top, k, j, r, what);
        class_terms t = add(kept[j], x, top, &row[j], l->options, what);
        for (size_t i = 0; i < count; i++) part[i][j] = vadd(part[i][j], t.term[i]);
      }
      for (size_t j = 0; !more && l->grad && j < r.width; j++) lane_put(l, kept[j], k, j, r);
    }
    for (size_t i = 0; i < count; i++) lane_sum_add(&sums[i], part[i], r.width);
  }
}

ALWAYS_INLINE void lane_finish(const row_lanes *l, const class_step *step, const lane_tops *tops,
                               const lane_sum *sums, const class_range *range, class_row *row,
                               lane_range r, int what) {
  for (size_t j = 0; j < r.width; j++) {
    size_t at = r.at[j];
    vec s[SUMS];
    for (int i = 0; i < class_sums(step, 0, what); i++) s[i] = lane_sum_value(&sums[i], j);
    if ((what & INFINITE) && class_has_range(step, what)) {
      mask outside = class_outside(range[j]);
      s[0] = vselect(outside, vset1((real)NAN), s[0]);
      rows_note_outside(l->rows, at, vbits(outside) & ((1u << r.count) - 1));
    }
    class_row known = class_row_open(l->rows, at, step, tops->input.lane[j]);
    row[j] = step->finish(s, &known, l->options, vload(l->rows->upstream + at), what);
  }
}

ALWAYS_INLINE void lane_finish_more(const row_lanes *l, const class_step *step,
                                    const lane_tops *tops, class_row *row, lane_range r, int what) {
  lane_sum sums[SUMS];
  lane_sums(l, step, tops, row, sums, NULL, r, 1, l->grad ? what | KEPT : what);
  for (size_t j = 0; j < r.width; j++) {
    vec s[SUMS], upstream = vload(l->rows->upstream + r.at[j]);
    for (int i = 0; i < step->more_sums; i++) s[i] = lane_sum_value(&sums[i], j);
    row[j] = step->finish_more(s, &row[j], l->options, upstream, what);
  }
}

/* Rows without a gradient get 0. */
COLD void lane_clear(const row_lanes *l, lane_range r) {
  for (size_t k = 0; k < l->call->classes; k++)
    for (size_t j = 0; j < r.width; j++) {
      size_t at = r.at[j];
      vec grad = vload_part(l->grad + k * l->stride + at, r.count);
      lane_put(l, where_counted(grad, vload(l->rows->upstream + at)), k, j, r);
    }
}

/* From what was kept to gradients. */
ALWAYS_INLINE void lane_gradient(const row_lanes *lanes_of, const class_step *step,
                                 const lane_tops *tops, const class_row *row, lane_range r,
                                 int what) {
  const row_lanes copy = *lanes_of, *l = &copy;
  row_block *rows = l->rows;
  for (size_t k = 0; k < l->call->classes; k++) {
    vec grad[VECS];
    for (size_t j = 0; j < r.width; j++) {
      class_values x = class_repaired(step, lane_class(l, step, k, j, r, what), what);
      class_tops top = lane_top(tops, j);
      vec kept = lane_kept(l, step, x, top, k, j, r, what);
      grad[j] = step->gradient(kept, x, top, &row[j], l->options, what);
    }
    for (size_t j = 0; j < r.width; j++) lane_put(l, grad[j], k, j, r);
  }
  if (UNLIKELY(!rows->all_graded)) lane_clear(lanes_of, r);
  size_t end = smaller(rows->count, r.at[r.width - 1] + r.count);
  for (size_t i = r.at[0]; step->labels && i < end; i++)
    rows_mend_label(rows, i, l->grad + rows->label[i] * l->stride + i);
}

/* Returns the slopes of rows whose gradient is what was kept times those, and is still to be
 * made. `deferred`: whoever unpacks the block makes it. */
ALWAYS_INLINE lanes lane_run(const row_lanes *l, const class_step *step, const lane_tops *tops,
                             lane_range r, int deferred, int what) {
  lane_sum sums[SUMS];
  class_range range[VECS];
  class_row row[VECS];
  lanes slopes = lanes_zero();
  for (size_t j = 0; j < r.width; j++) range[j] = class_range_empty();
  lane_sums(l, step, tops, row, sums, range, r, 0, what);
  lane_finish(l, step, tops, sums, range, row, r, what);
  if (step->add_more) lane_finish_more(l, step, tops, row, r, what);
  for (size_t j = 0; j < r.width; j++) {
    size_t at = r.at[j];
    vstore(l->rows->half_loss + at, row[j].half_loss);
    if (step->labels) vstore(l->rows->pull + at, row[j].pull);
    if (step->labels) vstore(l->rows->result + at, row[j].upstream);
    slopes.lane[j] = row[j].slope;
  }
  if (l->grad && !deferred) lane_gradient(l, step, tops, row, r, what | KEPT);
  return slopes;
}

/* One vector of rows of any kind. */
typedef struct lane_rest {
  const row_lanes *lanes;
  size_t at, count;
} lane_rest;

ALWAYS_INLINE void lane_rare(const lane_rest *rest, const class_step *step, int what) {
  lane_range r = {{rest->at}, 1, rest->count};
  lane_tops tops;
  (void)lane_find_tops(rest->lanes, step, r, &tops, what | INFINITE);
  lane_run(rest->lanes, step, &tops, r, 0, what | INFINITE);
}

#endif
