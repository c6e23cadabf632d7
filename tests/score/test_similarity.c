/* SPDX-License-Identifier: Apache-2.0 */
/* Are similarities those of the oracle, to the bit, on every instruction set: for all shapes up to
 * 70 x 70, between guard pages, in every form? */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "executors.h"
#include "mode.h"
#include "support.h"

enum { MOST = 70, BYTES = 1 << 18 };

static guard first, second, output, further;
static char running[200];

static const char *what(void) { return running; }

typedef struct problem {
  oracle_form form;
  vloss_similarity_options options;
  vloss_report report;
  unsigned char a[MOST * 32], b[MOST * 32];
  uint8_t crowd[MOST];
  double truth[MOST][MOST];
} problem;

static double oracle_at(const problem *p, size_t i, size_t j) {
  double a[4], b[4];
  for (size_t k = 0; k < 4; k++) {
    a[k] = number_at(p->a, p->form.type, 4 * i + k);
    b[k] = number_at(p->b, p->form.type, 4 * j + k);
  }
  return oracle_similarity(&p->form, a, b, p->options.crowd ? p->crowd[j] : 0);
}

static void make(problem *p, rng *r, oracle_form form, box_data data, int crowds) {
  memset(p, 0, sizeof *p);
  p->form = form;
  p->options = (vloss_similarity_options)VLOSS_SIMILARITY_OPTIONS_INIT;
  p->report = (vloss_report)VLOSS_REPORT_INIT;
  p->options.kind = form.kind;
  p->options.format = form.format;
  p->options.any_corners = form.any_corners;
  p->options.report = &p->report;
  boxes_fill(r, data, form.type, form.format, p->a, MOST);
  boxes_fill(r, data, form.type, form.format, p->b, MOST);
  for (size_t j = 0; j < MOST; j++) p->crowd[j] = rng_below(r, 3) == 0;
  if (crowds) p->options.crowd = p->crowd;
  for (size_t i = 0; i < MOST; i++)
    for (size_t j = 0; j < MOST; j++) p->truth[i][j] = oracle_at(p, i, j);
}

static size_t degenerate_of(const problem *p, const void *boxes, size_t n) {
  size_t count = 0;
  for (size_t i = 0; i < n; i++) {
    double x[4];
    int bad = 0;
    for (size_t k = 0; k < 4; k++) x[k] = number_at(boxes, p->form.type, 4 * i + k);
    for (size_t k = 0; k < 4; k++) bad |= isnan(x[k]);
    for (size_t k = 2; k < 4 && !p->form.any_corners; k++)
      bad |= p->form.format == VLOSS_XYXY ? x[k] < x[k - 2] : x[k] < 0;
    count += bad != 0;
  }
  return count;
}

static void *placed(guard *g, const void *data, size_t bytes, size_t width, size_t turn) {
  void *to = guard_place(g, (placement)(turn % PLACEMENTS), bytes, width);
  if (bytes) memcpy(to, data, bytes);
  return to;
}

/* Calls of each form for its three types. */
#define BY_TYPE(form, name, arguments32, arguments64, argumentsi)      \
  (form->type == BOX_F32   ? vloss_similarity_##name##_f32 arguments32 \
   : form->type == BOX_F64 ? vloss_similarity_##name##_f64 arguments64 \
                           : vloss_similarity_##name##_i32 argumentsi)

static void check_value(const problem *p, size_t i, size_t j, double value) {
  if (oracle_agrees(&p->form, value, p->truth[i][j])) return;
  fail_msg("%s: %zu %zu: %a, not %a", running, i, j, value, p->truth[i][j]);
}

static void check_matrix(problem *p, const void *a, size_t n, const void *b, size_t m,
                         size_t turn) {
  const oracle_form *f = &p->form;
  size_t stride = turn % 4 == 3 ? m + 3 : m, width = value_number_size(f->type);
  size_t bytes = n && m ? ((n - 1) * stride + m) * width : 0;
  void *out = guard_place(&output, (placement)(turn % PLACEMENTS), bytes, width);
  guard_paint(&output, out, bytes);
  p->options.row_stride = stride == m ? 0 : stride;
  assert_int_equal(BY_TYPE(f, matrix, (a, n, b, m, &p->options, out),
                           (a, n, b, m, &p->options, out), (a, n, b, m, &p->options, out)),
                   VLOSS_OK);
  p->options.row_stride = 0;
  assert_true(guard_intact(&output, out, bytes));
  assert_int_equal(p->report.counted, n * m);
  assert_int_equal(p->report.degenerate, degenerate_of(p, p->a, n) + degenerate_of(p, p->b, m));
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < m; j++) check_value(p, i, j, value_at(out, f->type, i * stride + j));
  for (size_t i = 0; m && i + 1 < n && stride > m; i++)
    for (size_t k = 0; k < (stride - m) * width; k++)
      assert_int_equal(((unsigned char *)out)[(i * stride + m) * width + k], 0xa5);
}

static void check_paired(problem *p, const void *a, const void *b, size_t n, size_t turn) {
  const oracle_form *f = &p->form;
  size_t width = value_number_size(f->type);
  void *out = guard_place(&output, (placement)(turn % PLACEMENTS), n * width, width);
  guard_paint(&output, out, n * width);
  assert_int_equal(BY_TYPE(f, paired, (a, b, n, &p->options, out), (a, b, n, &p->options, out),
                           (a, b, n, &p->options, out)),
                   VLOSS_OK);
  assert_true(guard_intact(&output, out, n * width));
  for (size_t i = 0; i < n; i++) check_value(p, i, i, value_at(out, f->type, i));
}

/* The library's own values decide ties and order, of CIoU too. */
static void own_values(problem *p, const void *a, const void *b, double own[MOST][MOST]) {
  const oracle_form *f = &p->form;
  double out[MOST * MOST];
  assert_int_equal(
      BY_TYPE(f, matrix, (a, MOST, b, MOST, &p->options, (float *)(void *)out),
              (a, MOST, b, MOST, &p->options, out), (a, MOST, b, MOST, &p->options, out)),
      VLOSS_OK);
  for (size_t i = 0; i < MOST * MOST; i++) own[i / MOST][i % MOST] = value_at(out, f->type, i);
}

static void check_best(problem *p, const void *a, size_t n, const void *b, size_t m,
                       double own[MOST][MOST], size_t turn) {
  const oracle_form *f = &p->form;
  size_t width = value_number_size(f->type);
  placement place = (placement)(turn % PLACEMENTS);
  void *value = guard_place(&output, place, n * width, width);
  int64_t *index = guard_place(&further, place, n * 8, 8);
  guard_paint(&output, value, n * width);
  guard_paint(&further, index, n * 8);
  if (turn % 5 == 0 && n) value = NULL;
  if (turn % 5 == 1 && n) index = NULL;
  assert_int_equal(
      BY_TYPE(f, best, (a, n, b, m, &p->options, value, index),
              (a, n, b, m, &p->options, value, index), (a, n, b, m, &p->options, value, index)),
      VLOSS_OK);
  if (value) assert_true(guard_intact(&output, value, n * width));
  if (index) assert_true(guard_intact(&further, index, n * 8));
  for (size_t i = 0; i < n; i++) {
    double best = -INFINITY;
    int64_t at = -1;
    for (size_t j = 0; j < m; j++)
      if (own[i][j] > best) best = own[i][at = (int64_t)j];
    if (index) assert_int_equal(index[i], at);
    if (value && value_at(value, f->type, i) != best)
      fail_msg("%s: best %zu: %a, not %a", running, i, value_at(value, f->type, i), best);
  }
}

static void check_top_k(problem *p, const void *a, size_t n, const void *b, size_t m, size_t k,
                        double own[MOST][MOST]) {
  const oracle_form *f = &p->form;
  size_t width = value_number_size(f->type);
  void *value = guard_place(&output, PLACE_END, m * k * width, width);
  int64_t *index = guard_place(&further, PLACE_END, m * k * 8, 8);
  guard_paint(&output, value, m * k * width);
  guard_paint(&further, index, m * k * 8);
  assert_int_equal(BY_TYPE(f, top_k, (a, n, b, m, k, &p->options, value, index),
                           (a, n, b, m, k, &p->options, value, index),
                           (a, n, b, m, k, &p->options, value, index)),
                   VLOSS_OK);
  assert_true(guard_intact(&output, value, m * k * width));
  assert_true(guard_intact(&further, index, m * k * 8));
  for (size_t j = 0; j < m; j++) {
    double column[MOST];
    size_t order[MOST];
    for (size_t i = 0; i < n; i++) column[i] = own[i][j];
    size_t found = oracle_order(column, n, -INFINITY, order);
    for (size_t i = 0; i < k; i++) {
      double truth = i < found ? column[order[i]] : -INFINITY;
      assert_int_equal(index[j * k + i], i < found ? (int64_t)order[i] : -1);
      assert_true(value_at(value, f->type, j * k + i) == truth);
    }
  }
}

static void check_pairs(problem *p, const void *a, size_t n, const void *b, size_t m,
                        double threshold, double own[MOST][MOST]) {
  const oracle_form *f = &p->form;
  size_t count = 77, need = 0;
  for (size_t i = 0; i < n * m; i++) need += own[i / m][i % m] > threshold;
  for (size_t capacity = need ? need - 1 : 0; capacity <= need; capacity++) {
    size_t bytes = capacity * sizeof(vloss_similarity_pair);
    vloss_similarity_pair *pairs = guard_place(&output, PLACE_END, bytes, 8);
    guard_paint(&output, pairs, bytes);
    vloss_status status =
        BY_TYPE(f, pairs, (a, n, b, m, threshold, &p->options, capacity, pairs, &count),
                (a, n, b, m, threshold, &p->options, capacity, pairs, &count),
                (a, n, b, m, threshold, &p->options, capacity, pairs, &count));
    assert_true(guard_intact(&output, pairs, bytes));
    assert_int_equal(count, need);
    assert_int_equal(status, capacity < need ? VLOSS_ERROR_CAPACITY : VLOSS_OK);
    for (size_t i = 0; capacity < need && i < bytes; i++)
      assert_int_equal(((unsigned char *)pairs)[i], 0xa5);
    for (size_t i = 0, k = 0; capacity == need && i < n * m; i++) {
      if (!(own[i / m][i % m] > threshold)) continue;
      assert_int_equal(pairs[k].first, i / m);
      assert_int_equal(pairs[k].second, i % m);
      assert_true(pairs[k++].value == own[i / m][i % m]);
    }
  }
}

static void check_shape(problem *p, size_t n, size_t m, size_t turn, double own[MOST][MOST]) {
  size_t width = box_number_size(p->form.type);
  const void *a = placed(&first, p->a, 4 * n * width, width, turn / 2);
  const void *b = placed(&second, p->b, 4 * m * width, width, turn / 2);
  static const double thresholds[] = {0, 0.5, -0.25, 1, 0.3333333, -INFINITY};
  check_matrix(p, a, n, b, m, turn);
  if (n == m) check_paired(p, a, b, n, turn);
  check_best(p, a, n, b, m, own, turn);
  if (turn % 3 == 0) check_top_k(p, a, n, b, m, turn % 11, own);
  if (turn % 3 == 1) check_pairs(p, a, n, b, m, thresholds[turn % 6], own);
}

static void check_problem(problem *p, size_t isa, size_t thin) {
  static double own[MOST][MOST];
  const char *name = isa_use(isa);
  const oracle_form *f = &p->form;
  snprintf(running, sizeof running, "%s type %d kind %d format %d corners %d crowd %d", name,
           (int)f->type, (int)f->kind, (int)f->format, f->any_corners, p->options.crowd != NULL);
  own_values(p, p->a, p->b, own);
  size_t step = mode_emulated() ? 13 : thin;
  for (size_t n = 0, turn = isa; n <= MOST; n += n < 18 && !mode_emulated() ? 1 : step)
    for (size_t m = 0; m <= MOST; m += n % 3 && !mode_emulated() ? thin : step)
      check_shape(p, n, m, turn++, own);
}

static void every_shape(void **state) {
  (void)state;
  static problem p;
  guard_announce(what);
  for (int run = 0; run < BOX_TYPES * 6 * 4 * BOX_DATA; run++) {
    rng r = rng_init(data_seed(), (uint64_t)run);
    int format = run / 18 % 4;
    if (mode_emulated() && run % 7 != 0) continue;
    oracle_form f = {(box_type)(run % BOX_TYPES), (vloss_similarity_kind)(run / 3 % 6),
                     (vloss_box_format)(format % 3), format == 3};
    box_data data = (box_data)(run / 72);
    make(&p, &r, f, data, f.kind == VLOSS_SIMILARITY_IOU && data == BOXES_LATTICE);
    for (size_t isa = 0; isa < isas_usable(); isa++)
      check_problem(&p, isa, format == 0 && data == BOXES_PLAIN ? 1 : 7);
  }
}

/* Boxes whose extents have a product of 0, but not those of their rounded corners: their union is
 * less than 0, and so is IoU. Once all boxes are such, once one is a NaN. */
static void areas_that_vanish(void **state) {
  (void)state;
  enum { COUNT = 16 };
  const oracle_form form = {BOX_F32, VLOSS_SIMILARITY_IOU, VLOSS_CXCYWH, 0};
  const double one[4] = {0x1.8p-65, 0, 8191.25 * 0x1p-88, 0x1.0004p-75};
  vloss_similarity_options options = VLOSS_SIMILARITY_OPTIONS_INIT;
  options.format = VLOSS_CXCYWH;
  assert_true(oracle_similarity(&form, one, one, 0) < 0);
  for (size_t isa = 0; isa < 2 * isas_usable(); isa++) {
    float boxes[4 * COUNT], values[COUNT * COUNT];
    for (size_t i = 0; i < 4 * COUNT; i++) boxes[i] = (float)one[i % 4];
    if (isa % 2) boxes[4 * COUNT - 1] = NAN;
    isa_use(isa / 2);
    assert_int_equal(vloss_similarity_matrix_f32(boxes, COUNT, boxes, COUNT, &options, values),
                     VLOSS_OK);
    assert_true((double)values[0] == oracle_similarity(&form, one, one, 0));
  }
}

/* Large shapes have several blocks, several parts and streamed rows; whatever runs the parts. */
static void many_boxes(size_t n, size_t m, const vloss_executor *executor) {
  rng r = rng_init(data_seed(), n * m);
  float *a = malloc(n * 16), *b = malloc(m * 16), *all = malloc(n * m * 4 + 64);
  float *value = malloc(n * 4);
  int64_t *index = malloc(n * 8);
  assert_true(a && b && all && value && index);
  boxes_fill(&r, BOXES_PLAIN, BOX_F32, VLOSS_XYXY, a, n);
  boxes_fill(&r, BOXES_PLAIN, BOX_F32, VLOSS_XYXY, b, m);
  vloss_similarity_options options = VLOSS_SIMILARITY_OPTIONS_INIT;
  oracle_form form = {.type = BOX_F32};
  options.executor = executor;
  for (size_t shift = 0; shift < 2; shift++) {
    float *out = all + shift;
    assert_int_equal(vloss_similarity_matrix_f32(a, n, b, m, &options, out), VLOSS_OK);
    assert_int_equal(vloss_similarity_best_f32(a, n, b, m, &options, value, index), VLOSS_OK);
    size_t above = 0, count;
    for (size_t i = 0; i < n; i++) {
      size_t best = 0;
      for (size_t j = 0; j < m; j++) {
        double p[4], q[4];
        above += out[i * m + j] > 0.9f;
        if (out[i * m + j] > out[i * m + best]) best = j;
        if ((i * m + j) % 61 && j + 1 < m) continue;
        for (size_t k = 0; k < 4; k++) p[k] = (double)a[4 * i + k], q[k] = (double)b[4 * j + k];
        assert_true((double)out[i * m + j] == oracle_similarity(&form, p, q, 0));
      }
      assert_int_equal(index[i], best);
      assert_true(value[i] == out[i * m + best]);
    }
    vloss_similarity_pair *pairs = malloc((above + 1) * sizeof *pairs);
    assert_int_equal(
        vloss_similarity_pairs_f32(a, n, b, m, (double)0.9f, &options, above, pairs, &count),
        VLOSS_OK);
    assert_int_equal(count, above);
    for (size_t i = 0, k = 0; i < n * m; i++)
      if (out[i] > 0.9f) assert_true((size_t)pairs[k++].first * m + i % m == i);
    for (size_t k = 1; k < above; k++)
      assert_true(pairs[k - 1].first < pairs[k].first || pairs[k - 1].second < pairs[k].second);
    free(pairs);
  }
  free(a), free(b), free(all), free(value), free(index);
}

static void parts(void **state) {
  (void)state;
  const vloss_executor *executors[] = {NULL, &executor_reversed, &executor_threads};
  for (size_t isa = 0; isa < isas_usable(); isa++) {
    isa_use(isa);
    for (size_t k = 0; k < 3; k++) {
      many_boxes(mode_emulated() ? 40 : 2100, mode_emulated() ? 1100 : 2077, executors[k]);
      many_boxes(3, 2500, executors[k]);
    }
  }
  if (mode_emulated()) return;
  isa_use(0);
  many_boxes(600, 1 << 17, &executor_threads);
  assert_int_equal(executor_most_tasks(), 200);
}

/* A matrix beyond the caches is the rows that calls of one row give, and nothing around it or
 * between its rows is written, wherever its lines begin. */
static void around_caches(size_t n, size_t m, size_t stride, size_t shift) {
  enum { MARGIN = 16 };
  const float untouched = -7;
  rng r = rng_init(data_seed(), n * m);
  size_t size = (n - 1) * stride + m;
  float *a = malloc(n * 16), *b = malloc(m * 16), *row = malloc(m * 4);
  float *all = aligned_alloc(64, (size + 4 * MARGIN) / 16 * 64);
  vloss_similarity_options options = VLOSS_SIMILARITY_OPTIONS_INIT;
  assert_true(a && b && row && all);
  boxes_fill(&r, BOXES_PLAIN, BOX_F32, VLOSS_XYXY, a, n);
  boxes_fill(&r, BOXES_PLAIN, BOX_F32, VLOSS_XYXY, b, m);
  for (size_t i = 0; i < size + 2 * MARGIN; i++) all[i] = untouched;
  float *out = all + shift;
  options.row_stride = stride;
  assert_int_equal(vloss_similarity_matrix_f32(a, n, b, m, &options, out), VLOSS_OK);
  options.row_stride = 0;
  for (size_t i = 0; i < n; i++, out += stride) {
    assert_int_equal(vloss_similarity_matrix_f32(a + 4 * i, 1, b, m, &options, row), VLOSS_OK);
    assert_memory_equal(out, row, m * 4);
    for (size_t j = m; j < stride && i + 1 < n; j++) assert_true(out[j] == untouched);
  }
  for (size_t i = 0; i < shift; i++) assert_true(all[i] == untouched);
  for (size_t i = 0; i < MARGIN; i++) assert_true(all[shift + size + i] == untouched);
  free(a), free(b), free(row), free(all);
}

static void streams(void **state) {
  (void)state;
  if (mode_emulated()) return;
  isa_use(0);
  for (size_t shift = 0; shift < 16; shift += shift < 5 ? 1 : 5) {
    around_caches(4200, 1000, 1000, shift);
    around_caches(4200, 1000, 1003, shift);
    around_caches(1700, 2500, 2500, shift);
    around_caches(700000, 6, 6, shift);
    around_caches(700000, 6, 7, shift);
    around_caches(130000, 33, 33, shift);
  }
}

static int start(void **state) {
  (void)state;

  first = guard_new(BYTES);
  second = guard_new(BYTES);
  output = guard_new(BYTES);
  further = guard_new(BYTES);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(areas_that_vanish),
                                     cmocka_unit_test(every_shape), cmocka_unit_test(parts),
                                     cmocka_unit_test(streams)};
  return cmocka_run_group_tests(tests, start, NULL) != 0;
}
