/* SPDX-License-Identifier: Apache-2.0 */
/* Do rows whose classes are cut into shards give the same bits for every cut and every tree of
 * merges, and what the whole call gives within the bounds of the losses? */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "data.h"
#include "guard.h"
#include "mode.h"
#include "state_problem.h"
#include "testing.h"

enum { SHARDS_MOST = 64 };

typedef struct shard_range {
  size_t first, count;
} shard_range;

static guard logits_guard, grad_guard;

/* -------------------------------------------------------------------------------------- shards */

static vloss_shard shard_of(const rows_problem *p, shard_range x) {
  return (vloss_shard){sizeof(vloss_shard), p->n, x.count, p->inner, x.first, p->classes};
}

/* Copies the classes of a shard to or from an array of its own. */
static void copy_shard(const rows_problem *p, shard_range x, void *all, void *own, int back) {
  size_t width = dtype_size(p->type), run = p->inner * width;
  for (size_t i = 0; i < p->n; i++) {
    char *a = (char *)all + (i * p->classes + x.first) * run;
    char *b = (char *)own + i * x.count * run;
    memcpy(back ? a : b, back ? b : a, x.count * run);
  }
}

static size_t shard_bytes(const rows_problem *p, shard_range x) {
  return p->rows * x.count * dtype_size(p->type);
}

static const void *shard_logits(const rows_problem *p, shard_range x) {
  void *logits =
      guard_place(&logits_guard, x.first % 3 ? PLACE_END : PLACE_START, shard_bytes(p, x), 8);
  copy_shard(p, x, (void *)(uintptr_t)p->logits, logits, 0);
  return logits;
}

/* Cuts at multiples of `quantum` classes, some shards empty, in any order. */
static size_t cut(rng *r, const rows_problem *p, size_t most, size_t quantum, shard_range *to) {
  size_t count = 1 + rng_below(r, most), blocks = (p->classes + quantum - 1) / quantum;
  size_t ends[SHARDS_MOST + 1] = {0};
  for (size_t i = 1; i < count; i++) ends[i] = rng_below(r, blocks + 1) * quantum;
  ends[count] = p->classes;
  for (size_t i = 1; i < count; i++)
    for (size_t k = i; k > 1 && ends[k] < ends[k - 1]; k--) {
      size_t swap = ends[k];
      ends[k] = ends[k - 1];
      ends[k - 1] = swap;
    }
  for (size_t i = 0; i < count; i++) {
    size_t end = ends[i + 1] < p->classes ? ends[i + 1] : p->classes;
    size_t first = ends[i] < p->classes ? ends[i] : p->classes, at = rng_below(r, i + 1);
    to[i] = to[at];
    to[at] = (shard_range){first, end - first};
  }
  return count;
}

/* Merges the states of shards in pairs of random choice, into states[0]; half of the time by
 * words, as an engine does: which is right where their doubles are equal. */
static void merge_tree(rng *r, const rows_problem *p, size_t count, int by_words,
                       vloss_softmax_state (*states)[ROWS_MOST]) {
  for (; count > 1; count--) {
    vloss_softmax_state *from = states[count - 1], *into = states[rng_below(r, count - 1)];
    if (!by_words || rng_below(r, 2)) {
      assert_int_equal(vloss_softmax_merge(from, p->rows, NULL, into), VLOSS_OK);
      continue;
    }
    for (size_t i = 0; i < p->rows; i++) {
      int64_t a[12], b[12];
      memcpy(a, &into[i], sizeof a);
      memcpy(b, &from[i], sizeof b);
      for (size_t k = 2; k < 12; k++) a[k] = (int64_t)((uint64_t)a[k] + (uint64_t)b[k]);
      memcpy(&into[i], a, sizeof a);
    }
  }
}

static vloss_softmax_state shards_states[SHARDS_MOST][ROWS_MOST];

static void init_states(const rows_problem *p, size_t count) {
  for (size_t i = 0; i < count; i++)
    assert_int_equal(vloss_softmax_init(p->rows, shards_states[i]), VLOSS_OK);
}

/* Maxima, merged, then sums, merged. */
static void two_steps(rng *r, const rows_problem *p, const shard_range *shards, size_t count) {
  init_states(p, count);
  for (size_t i = 0; i < count; i++) {
    vloss_shard s = shard_of(p, shards[i]);
    assert_int_equal(call_maximum(p, shard_logits(p, shards[i]), &s, shards_states[i]), VLOSS_OK);
  }
  merge_tree(r, p, count, 0, shards_states);
  for (size_t i = 1; i < count; i++)
    memcpy(shards_states[i], shards_states[0], sizeof shards_states[0]);
  for (size_t i = 0; i < count; i++) {
    vloss_shard s = shard_of(p, shards[i]);
    assert_int_equal(call_update(p, shard_logits(p, shards[i]), &s, shards_states[i]), VLOSS_OK);
  }
  merge_tree(r, p, count, 1, shards_states);
}

/* Sums at once, rescaled on the way. */
static void one_step(rng *r, const rows_problem *p, const shard_range *shards, size_t count) {
  init_states(p, count);
  for (size_t i = 0; i < count; i++) {
    vloss_shard s = shard_of(p, shards[i]);
    vloss_softmax_state *to = shards_states[rng_below(r, 4) % count];
    assert_int_equal(call_update(p, shard_logits(p, shards[i]), &s, to), VLOSS_OK);
  }
  merge_tree(r, p, count, 0, shards_states);
}

static void finish(const rows_problem *p, const shard_range *shards, size_t count,
                   rows_result *to) {
  static double loss[ROWS_MOST];
  memset(to, 0, sizeof *to);
  for (size_t i = 0; i < count; i++) {
    vloss_shard s = shard_of(p, shards[i]);
    const void *logits = shard_logits(p, shards[i]);
    size_t bytes = shard_bytes(p, shards[i]);
    int in_place = i % 2;
    void *grad =
        in_place ? (void *)(uintptr_t)logits : guard_place(&grad_guard, PLACE_END, bytes, 8);
    if (!in_place) guard_paint(&grad_guard, grad, bytes);
    memset(loss, 0, sizeof loss);
    assert_int_equal(call_from_states(p, shards_states[0], logits, &s, loss, grad), VLOSS_OK);
    if (!in_place) assert_true(guard_intact(&grad_guard, grad, bytes));
    copy_shard(p, shards[i], to->grad, grad, 1);
    if (i == 0)
      memcpy(to->loss, loss, sizeof loss);
    else
      assert_true(data_same(p->type, to->loss, loss, p->rows, NULL));
  }
}

/* -------------------------------------------------------------------------------------- checks */

static int is_close(double a, double b, double bound) {
  if (isnan(a) || isnan(b)) return isnan(a) && isnan(b);
  if (isinf(a) || isinf(b)) return a == b;
  return fabs(a - b) <= bound;
}

/* Two evaluations, each within the bounds of the losses: 5e-7 (1e-14) of max(loss, its weights),
 * twice that for gradients; weights, class weights, upstream gradients and gamma are at most 4. */
static void assert_close(const rows_problem *p, const rows_result *a, const rows_result *b) {
  double bound = 2 * (p->type == F32 ? 5e-7 : 1e-14);
  for (size_t i = 0; i < p->rows; i++) {
    double x = data_get(p->type, a->loss, i), y = data_get(p->type, b->loss, i);
    if (!is_close(x, y, bound * fmax(4 * 4 * 4, fabs(y)))) fail_msg("loss %.17g, not %.17g", x, y);
  }
  for (size_t i = 0; i < p->rows * p->classes; i++) {
    double x = data_get(p->type, a->grad, i), y = data_get(p->type, b->grad, i);
    if (!is_close(x, y, 2 * bound * 4 * 4 * 4 * 4)) fail_msg("gradient %.17g, not %.17g", x, y);
  }
}

static const shard_range *whole_row(const rows_problem *p) {
  static shard_range all;
  all = (shard_range){0, p->classes};
  return &all;
}

static void check_cuts(const void *context) {
  static rows_problem p;
  static rows_result whole, one, found;
  static vloss_softmax_state expected[ROWS_MOST];
  shard_range shards[SHARDS_MOST];
  rng r = rng_init(data_seed(), 811);
  (void)context;
  for (size_t round = 0; round < (mode_emulated() ? 30 : 400);) {
    if (!choose_problem(&r, &p)) continue;
    round++;
    fill_problem(&r, &p);
    run_whole(&p, &whole);
    two_steps(&r, &p, whole_row(&p), 1);
    memcpy(expected, shards_states[0], p.rows * sizeof *expected);
    finish(&p, whole_row(&p), 1, &one);
    assert_close(&p, &one, &whole);
    for (size_t k = 0; k < 2; k++) {
      size_t count = cut(&r, &p, SHARDS_MOST, 64, shards);
      two_steps(&r, &p, shards, count);
      assert_memory_equal(expected, shards_states[0], p.rows * sizeof *expected);
      finish(&p, shards, count, &found);
      assert_true(data_same(p.type, one.loss, found.loss, p.rows, NULL));
      assert_true(data_same(p.type, one.grad, found.grad, p.rows * p.classes, NULL));
    }
    size_t count = cut(&r, &p, 16, 1, shards);
    two_steps(&r, &p, shards, count);
    finish(&p, shards, count, &found);
    assert_close(&p, &found, &whole);
    one_step(&r, &p, shards, count);
    finish(&p, shards, count, &found);
    assert_close(&p, &found, &whole);
  }
}

static void test_cuts(void **state) {
  (void)state;
  for_each_isa(check_cuts, NULL);
}

/* The same bits on every instruction set. */
static void note_hash(const void *context) {
  static rows_problem p;
  static rows_result found;
  uint64_t *expected = *(uint64_t *const *)context, hash = DATA_HASH_INIT;
  shard_range shards[SHARDS_MOST];
  rng r = rng_init(data_seed(), 812);
  for (size_t round = 0; round < (mode_emulated() ? 20 : 200);) {
    if (!choose_problem(&r, &p)) continue;
    round++;
    fill_problem(&r, &p);
    size_t count = cut(&r, &p, SHARDS_MOST, 1, shards);
    if (round % 2)
      one_step(&r, &p, shards, count);
    else
      two_steps(&r, &p, shards, count);
    finish(&p, shards, count, &found);
    hash = data_hash(hash, p.type, found.grad, p.rows * p.classes);
    hash = data_hash(hash, p.type, found.loss, p.rows);
  }
  if (*expected == 0) *expected = hash;
  assert_true(hash == *expected);
}

static void test_instruction_sets(void **state) {
  (void)state;
  uint64_t expected = 0, *where = &expected;
  for_each_isa(note_hash, &where);
}

/* Reductions: the same mean on every shard, which is that of the whole; without gradients too. */
static void test_mean(void **state) {
  static rows_problem p;
  static rows_result whole;
  (void)state;
  rng r = rng_init(data_seed(), 813);
  for (size_t round = 0; round < 60;) {
    if (!choose_problem(&r, &p)) continue;
    round++;
    fill_problem(&r, &p);
    p.options = (vloss_options)VLOSS_OPTIONS_INIT;
    p.options.reduction = round % 2 ? VLOSS_MEAN : VLOSS_SUM;
    run_whole(&p, &whole);
    shard_range shards[SHARDS_MOST];
    size_t count = cut(&r, &p, SHARDS_MOST, 64, shards);
    double first = 0, bound = (p.type == F32 ? 5e-7 : 1e-14) * 2;
    two_steps(&r, &p, shards, count);
    for (size_t i = 0; i < count; i++) {
      double loss[2] = {0, 0};
      vloss_shard s = shard_of(&p, shards[i]);
      assert_int_equal(call_from_states(&p, shards_states[0], NULL, &s, loss, NULL), VLOSS_OK);
      double x = data_get(p.type, loss, 0), y = data_get(p.type, whole.loss, 0);
      size_t samples = round % 2 ? 1 : p.rows;
      assert_true(is_close(x, y, bound * fmax(4. * (double)samples, fabs(y))));
      if (i == 0) first = x;
      assert_true(is_close(x, first, 0));
    }
  }
}

/* Numbers at the ends of their type: weights, depths, and what is far below a mask. */
static void test_extremes(void **state) {
  (void)state;
  static const struct {
    float logits[4], weights[4], smoothing;
  } rows[] = {
      {{FLT_MAX, -FLT_MAX, 0, 1}, {1, 1, 1, 1}, .1f},
      {{FLT_MAX, -FLT_MAX, 0, 1}, {1e-30f, 1e-30f, 1e-30f, 1e-30f}, .1f},
      {{0, 1, 2, 3}, {0x1p-149f, 0x1p-149f, 0, 0}, .5f},
      {{0, 1, 2, 3}, {FLT_MAX / 8, FLT_MAX / 16, 0, 1}, .5f},
      {{0, 1, -1e30f, 3}, {1, 2, 0, 1}, .5f},
      {{0, INFINITY, 2, 3}, {1, 0, 1, 1}, .5f},
      {{0, INFINITY, -INFINITY, INFINITY}, {1, 1, 1, 1}, .5f},
      {{-INFINITY, -INFINITY, -INFINITY, -INFINITY}, {1, 1, 1, 1}, .5f},
      {{-FLT_MAX, -FLT_MAX, -INFINITY, -FLT_MAX}, {1, 1, 1, 1}, .5f},
      {{1e-40f, 2e-40f, 0, -1e-40f}, {1, 1, 1, 1}, .5f},
  };
  const vloss_options options = VLOSS_OPTIONS_INIT;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    for (int64_t label = 0; label < 4; label++)
      for (size_t split = 0; split <= 4; split++) {
        vloss_labels l = {&label, VLOSS_LABEL_INT64};
        vloss_cross_entropy_options own = VLOSS_CROSS_ENTROPY_OPTIONS_INIT;
        vloss_shard s[2] = {{sizeof *s, 1, split, 1, 0, 4}, {sizeof *s, 1, 4 - split, 1, split, 4}};
        vloss_softmax_state state1;
        const float *z = rows[i].logits;
        float loss, whole, grad[4], whole_grad[4];
        own.smoothing = (double)rows[i].smoothing;
        own.class_weight = rows[i].weights;
        assert_int_equal(vloss_softmax_init(1, &state1), VLOSS_OK);
        for (int k = 0; k < 2; k++)
          assert_int_equal(
              vloss_softmax_update_f32(z + (k ? split : 0), l, &s[k], &own, 0, NULL, &state1),
              VLOSS_OK);
        for (int k = 0; k < 2; k++)
          assert_int_equal(
              vloss_cross_entropy_from_states_f32(&state1, z + (k ? split : 0), l, &s[k], &own,
                                                  &options, &loss, grad + (k ? split : 0)),
              VLOSS_OK);
        assert_int_equal(vloss_cross_entropy_f32(z, l, 1, 4, 1, &own, &options, &whole, whole_grad),
                         VLOSS_OK);
        /* the mean divides by the label's weight */
        double scale = rows[i].weights[label] > 0 ? FLT_MAX : 1;
        for (int k = 0; k < 4; k++)
          scale = fmin(scale, rows[i].weights[label] > 0 ? 4 / (double)rows[i].weights[label] : 1);
        double heaviest = 0;
        for (int k = 0; k < 4; k++)
          if (rows[i].weights[k] > heaviest) heaviest = rows[i].weights[k];
        if (!is_close((double)loss, (double)whole,
                      1e-6 * fmax(heaviest * scale, fabs((double)whole))))
          fail_msg("row %zu label %d: loss %g, not %g", i, (int)label, (double)loss, (double)whole);
        for (int k = 0; k < 4; k++)
          if (!is_close((double)grad[k], (double)whole_grad[k], 4e-6 * heaviest * scale))
            fail_msg("row %zu label %d: gradient %g, not %g", i, (int)label, (double)grad[k],
                     (double)whole_grad[k]);
      }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_cuts),
      cmocka_unit_test(test_instruction_sets),
      cmocka_unit_test(test_mean),
      cmocka_unit_test(test_extremes),
  };
  logits_guard = guard_new(NUMBERS * 8 + 8);
  grad_guard = guard_new(NUMBERS * 8 + 8);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
