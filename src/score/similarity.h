/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels of similarities. */
#ifndef VLOSS_SCORE_SIMILARITY_H
#define VLOSS_SCORE_SIMILARITY_H

#include "score/lines.h"
#include "score/threshold.h"

enum { PER_LINE = LINE / sizeof(real) };

/* A line of the cache of which not all numbers are known yet. Only whole ones are streamed: to
 * write one in two ways, or at two times, takes as long as many others. */
typedef struct open_line {
  real *to;     /* NULL at first */
  size_t first; /* of its numbers that is to be written, */
  size_t held;  /* and how many are before the next one */
  real numbers[2 * PER_LINE + LANES];
} open_line;

static void write_line(open_line *o) {
  if (o->held == PER_LINE && !o->first)
    for (size_t k = 0; k < PER_LINE; k += LANES) vstream_aligned(o->to + k, vload(o->numbers + k));
  else if (o->held > o->first)
    memcpy(o->to + o->first, o->numbers + o->first, (o->held - o->first) * sizeof(real));
  o->first = o->held = 0;
}

/* Goes on at `out`, where the last number may have been the one before. */
static void open_at(open_line *o, real *out) {
  if (o->to && o->to + o->held == out) return;
  write_line(o);
  o->first = o->held = (uintptr_t)out % LINE / sizeof(real);
  o->to = out - o->held;
}

ALWAYS_INLINE void matrix_streamed(const line *l, void *state, measure_form f) {
  open_line *o = state;
  const box own = box_broadcast(&l->own, l->at);
  size_t j = 0, count = l->count;
  real *out = reals_out(l->job->out, l->index * l->job->stride + l->begin);
  open_at(o, out);
  if (o->held) {
    j = smaller(PER_LINE - o->held, count);
    for (size_t k = 0; k < j; k += LANES)
      vstore(o->numbers + o->held + k, line_values(l, &own, k, f, 0));
    o->held += j;
    if (o->held < PER_LINE) return;
    write_line(o);
  }
  for (; j + PER_LINE <= count; j += PER_LINE)
    for (size_t k = 0; k < PER_LINE; k += LANES)
      vstream_aligned(out + j + k, line_values(l, &own, j + k, f, 0));
  for (size_t k = 0; j + k < count; k += LANES)
    vstore(o->numbers + k, line_values(l, &own, j + k, f, 0));
  o->to = out + j;
  o->held = count - j;
}

/* Whole vectors, the last one as far back as it has to be. */
ALWAYS_INLINE void matrix_stored(const line *l, void *unused, measure_form f) {
  const box own = box_broadcast(&l->own, l->at);
  real *out = reals_out(l->job->out, l->index * l->job->stride + l->begin);
  size_t j = 0, count = l->count;
  (void)unused;
  if (count < LANES) {
    vstore_part(out, line_values(l, &own, 0, f, 0), count);
    return;
  }
  for (; j + LANES <= count; j += LANES) vstore(out + j, line_values(l, &own, j, f, 0));
  if (j < count) vstore(out + count - LANES, line_values(l, &own, count - LANES, f, 0));
}

ALWAYS_INLINE void matrix_visit(const line *l, void *state) {
  if (l->careful)
    by_kind(l, state, matrix_stored, 1);
  else if (l->job->stream)
    by_kind(l, state, matrix_streamed, 0);
  else
    by_kind(l, state, matrix_stored, 0);
}

static void similarity_matrix(const void *work, size_t begin, size_t end, partial *result) {
  const similarity_job *j = work;
  open_line o = {.to = NULL, .first = 0, .held = 0};
  (void)result;
  visit_lines(j, begin, end, 0, matrix_visit, &o);
  write_line(&o);
  if (j->stream) vstream_end();
}

/* Paired: each with its own. */
typedef struct paired_line {
  box_arrays first, second;
  const real *crowd;
  real *out;
  size_t count;
} paired_line;

ALWAYS_INLINE void paired_loop(const line *unused, void *state, measure_form f) {
  const paired_line *l = state;
  (void)unused;
  for (size_t i = 0; i < l->count; i += LANES) {
    box a = box_load(&l->first, i), b = box_load(&l->second, i);
    vstore_part(l->out + i, measure(&a, &b, f, vload(l->crowd + i)), smaller(l->count - i, LANES));
  }
}

static void similarity_paired(const void *work, size_t begin, size_t end, partial *result) {
  const similarity_job *j = work;
  real first[BOX_NUMBERS * LINES], second[BOX_NUMBERS * LINES], crowd[LINES] = {0};
  const line about = {.job = j};
  paired_line l = {box_arrays_in(first, LINES), box_arrays_in(second, LINES), crowd, NULL, 0};
  (void)result;
  for (size_t i = begin; i < end; i += LINES) {
    l.count = smaller(end - i, LINES);
    l.out = reals_out(j->out, i);
    box_fill(&l.first, &j->first, i, l.count);
    box_fill(&l.second, &j->second, i, l.count);
    fill_crowd(crowd, j->crowd, i, l.count);
    by_kind(&about, &l, paired_loop, 1);
  }
}

/* The best of some lines so far. */
typedef struct bests {
  real value[LINES];
  int64_t index[LINES];
} bests;

static inline void better_of(bests *b, size_t at, real value, int64_t index) {
  int tie = value == b->value[at] && index < b->index[at];
  if (!(value > b->value[at]) && !tie) return;
  b->value[at] = value;
  b->index[at] = index;
}

/* Every lane keeps its first best as the number of its vector; then they compete. */
ALWAYS_INLINE void best_loop(const line *l, void *state, measure_form f) {
  bests *b = state;
  box own = box_broadcast(&l->own, l->at);
  /* of a kind >= 0 nothing is below the first one of each lane, if that counts as 0 */
  f.raw = !f.careful && f.kind <= VLOSS_SIMILARITY_IOF && l->count >= LANES;
  vec best = vset1(f.raw ? 0 : -real_infinity), where = vset1(f.raw ? 0 : -1), number = vset1(0);
  size_t whole = l->count / LANES * LANES;
  for (size_t j = 0; j < whole; j += LANES) {
    vec values = line_values(l, &own, j, f, 0);
    mask better = vlt(best, values);
    best = vselect(better, values, best);
    where = vselect(better, number, where);
    number = vadd(number, vset1(1));
  }
  real values[LANES], numbers[LANES];
  vstore(values, best);
  vstore(numbers, where);
  for (size_t k = 0; k < LANES; k++)
    if (numbers[k] >= 0)
      better_of(b, l->at, values[k], (int64_t)(l->begin + (size_t)numbers[k] * LANES + k));
  if (whole == l->count) return;
  f.raw = 0;
  vstore(values, line_values(l, &own, whole, f, 0));
  for (size_t k = 0; k < l->count - whole; k++)
    better_of(b, l->at, values[k], (int64_t)(l->begin + whole + k));
}

ALWAYS_INLINE void best_visit(const line *l, void *state) {
  if (l->careful)
    by_kind(l, state, best_loop, 1);
  else
    by_kind(l, state, best_loop, 0);
}

static void similarity_best(const void *work, size_t begin, size_t end, partial *result) {
  const similarity_job *j = work;
  bests b;
  (void)result;
  for (size_t i = begin; i < end; i += LINES) {
    size_t count = smaller(end - i, LINES);
    for (size_t k = 0; k < count; k++) {
      b.value[k] = -real_infinity;
      b.index[k] = -1;
    }
    visit_lines(j, i, i + count, 0, best_visit, &b);
    if (j->value) memcpy(reals_out(j->value, i), b.value, count * sizeof(real));
    if (j->index) memcpy(j->index + i, b.index, count * sizeof *b.index);
  }
}

/* A list of the k best, descending; those behind it are -inf and -1. */
static inline void list_insert(real *value, int64_t *index, size_t k, real new, int64_t at) {
  size_t place = k - 1;
  for (; place > 0 && (index[place - 1] < 0 || new > value[place - 1]); place--) {
    value[place] = value[place - 1];
    index[place] = index[place - 1];
  }
  value[place] = new;
  index[place] = at;
}

ALWAYS_INLINE void top_k_loop(const line *l, void *state, measure_form f) {
  const similarity_job *j = l->job;
  real *value = reals_out(j->value, l->index * j->k);
  int64_t *index = j->index + l->index * j->k;
  box own = box_broadcast(&l->own, l->at);
  (void)state;
  for (size_t i = 0; i < l->count; i += LANES) {
    vec values = line_values(l, &own, i, f, 1);
    int full = index[j->k - 1] >= 0;
    mask better = full ? vlt(vset1(value[j->k - 1]), values) : is_number(values);
    unsigned bits = vbits(better) & ((1u << smaller(l->count - i, LANES)) - 1);
    if (!bits) continue;
    real found[LANES];
    vstore(found, values);
    for (; bits; bits &= bits - 1) {
      size_t lane = (size_t)__builtin_ctz(bits);
      if (index[j->k - 1] < 0 || found[lane] > value[j->k - 1])
        list_insert(value, index, j->k, found[lane], (int64_t)(l->begin + i + lane));
    }
  }
}

ALWAYS_INLINE void top_k_visit(const line *l, void *state) { by_kind(l, state, top_k_loop, 1); }

static void similarity_top_k(const void *work, size_t begin, size_t end, partial *result) {
  const similarity_job *j = work;
  (void)result;
  for (size_t i = begin * j->k; i < end * j->k; i++) {
    reals_out(j->value, i)[0] = -real_infinity;
    j->index[i] = -1;
  }
  visit_lines(j, begin, end, 1, top_k_visit, NULL);
}

/* Pairs above a threshold: how many a line has, and which. */
typedef struct above {
  vec threshold;
  size_t count[LINES];          /* of each line of a group */
  vloss_similarity_pair *pairs; /* where the next ones go; NULL: count */
  size_t *next[LINES];          /* and at which place */
} above;

ALWAYS_INLINE void above_loop(const line *l, void *state, measure_form f) {
  above *a = state;
  box own = box_broadcast(&l->own, l->at);
  size_t count = 0;
  for (size_t j = 0; j < l->count; j += LANES) {
    vec values = line_values(l, &own, j, f, 0);
    unsigned bits = vbits(vlt(a->threshold, values)) & ((1u << smaller(l->count - j, LANES)) - 1);
    if (!bits) continue;
    count += count_bits(bits);
    if (!a->pairs) continue;
    real found[LANES];
    vstore(found, values);
    for (; bits; bits &= bits - 1) {
      size_t lane = (size_t)__builtin_ctz(bits);
      a->pairs[(*a->next[l->at])++] = (vloss_similarity_pair){
          (int64_t)l->index, (int64_t)(l->begin + j + lane), (double)found[lane]};
    }
  }
  a->count[l->at] += count;
}

ALWAYS_INLINE void above_visit(const line *l, void *state) { by_kind(l, state, above_loop, 1); }

static void visit_above(const similarity_job *j, size_t begin, size_t end, above *a) {
  memset(a->count, 0, sizeof a->count);
  visit_lines(j, begin, end, 0, above_visit, a);
}

static void similarity_count(const void *work, size_t begin, size_t end, partial *result) {
  const similarity_job *j = work;
  above a = {.threshold = vset1(threshold_of(j->threshold))};
  size_t found = 0;
  (void)result;
  for (size_t i = begin; i < end; i += LINES) {
    size_t count = smaller(end - i, LINES);
    visit_above(j, i, i + count, &a);
    for (size_t k = 0; k < count; k++) found += a.count[k];
  }
  j->found[begin / j->step] = found;
}

/* Lines of one block follow each other; those of several are counted first. */
static void similarity_pairs(const void *work, size_t begin, size_t end, partial *result) {
  const similarity_job *j = work;
  above a = {.threshold = vset1(threshold_of(j->threshold))};
  size_t place = j->found[begin / j->step], places[LINES];
  (void)result;
  for (size_t i = begin; i < end; i += LINES) {
    size_t count = smaller(end - i, LINES);
    a.pairs = NULL;
    if (j->m > ACROSS) visit_above(j, i, i + count, &a);
    for (size_t k = 0; k < count; k++) {
      a.next[k] = j->m > ACROSS ? &places[k] : &place;
      if (j->m <= ACROSS) continue;
      places[k] = place;
      place += a.count[k];
    }
    a.pairs = j->pairs;
    visit_above(j, i, i + count, &a);
  }
}

#endif
