/* SPDX-License-Identifier: Apache-2.0 */
/* Are candidates those of a plain loop, for both layouts, on every instruction set? */
#include <math.h>
#include <string.h>

#include "mode.h"
#include "support.h"

enum { MOST = 6000 };

typedef struct candidates {
  size_t count;
  size_t box[MOST], label[MOST];
  double score[MOST];
} candidates;

static double at(box_type type, const void *scores, vloss_score_layout layout, size_t n,
                 size_t classes, size_t i, size_t c) {
  return number_at(scores, type, layout == VLOSS_BOXES_BY_CLASSES ? i * classes + c : c * n + i);
}

/* All of them in order, then those that are not among the first top_k by score taken out. */
static void oracle(box_type type, const void *scores, size_t n, size_t classes, double threshold,
                   const vloss_select_options *o, candidates *all) {
  static size_t order[MOST];
  static int chosen[MOST];
  all->count = 0;
  for (size_t i = 0; i < n; i++) {
    size_t best = classes;
    for (size_t c = 0; c < classes; c++) {
      double score = at(type, scores, o->layout, n, classes, i, c);
      if (!(score > threshold)) continue;
      if (best == classes || score > at(type, scores, o->layout, n, classes, i, best)) best = c;
    }
    for (size_t c = 0; c < classes; c++) {
      double score = at(type, scores, o->layout, n, classes, i, c);
      if (!(o->multi_label ? score > threshold : c == best)) continue;
      all->box[all->count] = i;
      all->label[all->count] = c;
      all->score[all->count++] = score;
    }
  }
  if (!o->top_k || all->count <= o->top_k) return;
  size_t count = oracle_order(all->score, all->count, -INFINITY, order), kept = 0;
  memset(chosen, 0, sizeof chosen);
  for (size_t k = 0; k < o->top_k && k < count; k++) chosen[order[k]] = 1;
  for (size_t k = 0; k < all->count; k++) {
    if (!chosen[k]) continue;
    all->box[kept] = all->box[k];
    all->label[kept] = all->label[k];
    all->score[kept++] = all->score[k];
  }
  all->count = kept;
}

static vloss_status choose(box_type type, const void *scores, size_t n, size_t classes,
                           double threshold, const vloss_select_options *o, size_t capacity,
                           int64_t *box, int64_t *label, void *score, size_t *count) {
  if (type == BOX_F64)
    return vloss_select_f64(scores, n, classes, threshold, o, capacity, box, label, score, count);
  return vloss_select_f32(scores, n, classes, threshold, o, capacity, box, label, score, count);
}

static void check(box_type type, const void *scores, size_t n, size_t classes, double threshold,
                  const vloss_select_options *o, const candidates *truth, guard *output) {
  static int64_t label[MOST];
  static double score[MOST];
  size_t count = 77, need = truth->count;
  int64_t *box = guard_place(output, PLACE_END, need * 8, 8);
  guard_paint(output, box, need * 8);
  if (need > 0) {
    assert_int_equal(
        choose(type, scores, n, classes, threshold, o, need - 1, box, label, score, &count),
        VLOSS_ERROR_CAPACITY);
    assert_int_equal(count, need);
    for (size_t k = 0; k < need * 8; k++) assert_int_equal(((unsigned char *)box)[k], 0xa5);
  }
  assert_int_equal(choose(type, scores, n, classes, threshold, o, need, box, label, score, &count),
                   VLOSS_OK);
  assert_true(guard_intact(output, box, need * 8));
  assert_int_equal(count, need);
  for (size_t k = 0; k < need; k++) {
    assert_int_equal(box[k], truth->box[k]);
    assert_int_equal(label[k], truth->label[k]);
    assert_true(number_at(score, type, k) == truth->score[k]);
  }
}

static void every_shape(void **state) {
  (void)state;
  static candidates truth;
  static double scores[MOST];
  guard input = guard_new(sizeof scores), output = guard_new(sizeof scores);
  const double odd[] = {NAN, INFINITY, -INFINITY, -0.0, 0.0};
  const double thresholds[] = {0.5, 0, -INFINITY, 0.9, (double)0.3f};
  for (size_t turn = 0; turn < (mode_emulated() ? 60 : 6000); turn++) {
    rng r = rng_init(data_seed(), turn);
    box_type type = turn % 2 ? BOX_F64 : BOX_F32;
    size_t width = box_number_size(type), n = rng_below(&r, 71), classes = rng_below(&r, 71);
    vloss_select_options o = VLOSS_SELECT_OPTIONS_INIT;
    if (turn % 37 == 0) n = rng_below(&r, MOST) / (classes + 1);
    o.layout = (vloss_score_layout)(turn / 2 % 2);
    o.multi_label = turn / 4 % 2;
    if (turn / 8 % 2) o.top_k = 1 + rng_below(&r, n * classes + 1);
    for (size_t k = 0; k < n * classes; k++) {
      double score = turn % 3 ? rng_unit(&r) : (double)rng_below(&r, 5) / 4;
      if (turn % 5 == 0 && rng_below(&r, 8) == 0) score = odd[rng_below(&r, 5)];
      number_put(scores, type, k, score);
    }
    double threshold = thresholds[rng_below(&r, 5)];
    void *placed = guard_place(&input, (placement)(turn % PLACEMENTS), n * classes * width, width);
    memcpy(placed, scores, n * classes * width);
    oracle(type, scores, n, classes, threshold, &o, &truth);
    for (size_t isa = 0; isa < isas_usable(); isa++) {
      isa_use(isa);
      check(type, placed, n, classes, threshold, &o, &truth, &output);
    }
  }
  guard_free(&input);
  guard_free(&output);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_shape)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
