/* SPDX-License-Identifier: Apache-2.0 */
/* Is every suppression that of a plain loop over the oracle's similarities, on every instruction
 * set, for few boxes and many, adversarial ones too? */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "executors.h"
#include "mode.h"
#include "support.h"

/* Classes of more than 256 boxes, or fewer than 16, are in the grid, others in lists. */
enum { FEW = 150, MOST = 400, GRIDDED = 257, MANY = 100000 };

typedef struct problem {
  oracle_form form;
  size_t n;
  double threshold;
  vloss_nms_options options;
  vloss_labels classes;
  double boxes[4 * MOST], scores[MOST]; /* of the type, but read as its type says */
  int64_t labels[MOST];
  /* the oracle's answer */
  size_t count, kept[MOST];
  double values[MOST];
} problem;

static double similarity(const problem *p, size_t i, size_t j) {
  double a[4], b[4];
  for (size_t k = 0; k < 4; k++) {
    a[k] = number_at(p->boxes, p->form.type, 4 * i + k);
    b[k] = number_at(p->boxes, p->form.type, 4 * j + k);
  }
  return oracle_similarity(&p->form, a, b, 0);
}

static double score(const problem *p, size_t i) { return number_at(p->scores, p->form.type, i); }

static int same_class(const problem *p, size_t i, size_t j) {
  return !p->classes.data || p->labels[i] == p->labels[j];
}

/* Whether the result may have one more of that class. */
static int has_room(const problem *p, size_t i) {
  size_t same = 0;
  if (p->options.max_output && p->count >= p->options.max_output) return 0;
  for (size_t k = 0; k < p->count; k++) same += same_class(p, i, p->kept[k]) != 0;
  return !p->options.max_per_class || same < p->options.max_per_class;
}

static void oracle_keep(problem *p, size_t i, double value) {
  p->values[p->count] = value;
  p->kept[p->count++] = i;
}

static void oracle_hard(problem *p, const size_t *order, size_t count) {
  for (size_t i = 0; i < count; i++) {
    int suppressed = 0;
    for (size_t k = 0; k < p->count; k++)
      suppressed |=
          same_class(p, order[i], p->kept[k]) && similarity(p, p->kept[k], order[i]) > p->threshold;
    if (!suppressed && has_room(p, order[i])) oracle_keep(p, order[i], score(p, order[i]));
  }
}

static double rounded(const problem *p, double a) {
  return p->form.type == BOX_F32 ? (double)(float)a : a;
}

static double overlap(const problem *p, size_t i, size_t j) {
  double iou = similarity(p, i, j);
  return iou != iou ? 0 : iou;
}

/* The order among equal scores is the index's; Gaussian factors are the library's within 2e-7. */
static void oracle_soft(problem *p, const size_t *order, size_t count) {
  double current[MOST], low = p->options.score_threshold;
  for (size_t i = 0; i < p->n; i++) current[i] = NAN;
  for (size_t i = 0; i < count; i++) current[order[i]] = score(p, order[i]);
  for (;;) {
    size_t best = p->n;
    for (size_t i = 0; i < p->n; i++)
      if ((current[i] > low || (low == -INFINITY && current[i] == current[i])) && has_room(p, i) &&
          (best == p->n || current[i] > current[best]))
        best = i;
    if (best == p->n) return;
    oracle_keep(p, best, current[best]);
    current[best] = NAN;
    for (size_t i = 0; i < p->n; i++) {
      double iou = overlap(p, best, i), sigma = p->options.sigma > 0 ? p->options.sigma : 0.5;
      if (!same_class(p, best, i)) continue;
      if (p->options.method == VLOSS_NMS_SOFT_GAUSSIAN)
        current[i] *= exp(-iou * iou / sigma);
      else if (iou > p->threshold)
        current[i] = rounded(p, current[i] * rounded(p, 1 - iou));
    }
  }
}

static double shape(const problem *p, double iou) {
  double sigma = p->options.sigma > 0 ? p->options.sigma : 2;
  return p->options.method == VLOSS_NMS_MATRIX_GAUSSIAN ? exp(-sigma * (iou * iou))
                                                        : rounded(p, 1 - iou);
}

static void oracle_matrix(problem *p, const size_t *order, size_t count) {
  double peak[MOST] = {0};
  for (size_t i = 0; i < count; i++) {
    double decay = 1;
    for (size_t k = 0; k < i; k++)
      if (same_class(p, order[i], order[k]))
        peak[i] = fmax(peak[i], overlap(p, order[i], order[k]));
    for (size_t k = 0; k < i; k++) {
      double top = shape(p, overlap(p, order[i], order[k])), bottom = shape(p, peak[k]);
      if (!same_class(p, order[i], order[k]) || (top != 0 && bottom == 0)) continue;
      decay = fmin(decay, top == 0 ? 0 : rounded(p, top / bottom));
    }
    double scaled = rounded(p, decay * score(p, order[i]));
    if (has_room(p, order[i])) oracle_keep(p, order[i], isnan(scaled) ? 0 : scaled);
  }
}

static void solve(problem *p) {
  size_t order[MOST];
  double scores[MOST];
  for (size_t i = 0; i < p->n; i++) scores[i] = score(p, i);
  size_t count = oracle_order(scores, p->n, p->options.score_threshold, order);
  if (p->options.top_k && count > p->options.top_k) count = p->options.top_k;
  p->count = 0;
  if (p->options.method <= VLOSS_NMS_DIOU)
    oracle_hard(p, order, count);
  else if (p->options.method <= VLOSS_NMS_SOFT_GAUSSIAN)
    oracle_soft(p, order, count);
  else
    oracle_matrix(p, order, count);
}

static vloss_status suppress(const problem *p, const vloss_nms_options *options, void *workspace,
                             size_t size, size_t capacity, int64_t *kept, size_t *count) {
  const void *boxes = p->boxes, *scores = p->scores;
  if (p->form.type == BOX_F64)
    return vloss_nms_f64(boxes, scores, p->classes, p->n, p->threshold, options, workspace, size,
                         capacity, kept, count);
  return vloss_nms_f32(boxes, scores, p->classes, p->n, p->threshold, options, workspace, size,
                       capacity, kept, count);
}

/* Gaussian scores are compared within their tolerance, all else to the bit. */
static void check(problem *p, guard *workspace, guard *output) {
  vloss_nms_options options = p->options;
  double values[MOST];
  size_t size = vloss_nms_workspace(p->n, &options), count = 77, bytes = p->count * 8;
  void *room = guard_place(workspace, p->n % 2 ? PLACE_ODD : PLACE_END, size, 1);
  int64_t *kept = guard_place(output, PLACE_END, bytes, 8);
  int gaussian = p->options.method == VLOSS_NMS_SOFT_GAUSSIAN ||
                 p->options.method == VLOSS_NMS_MATRIX_GAUSSIAN;
  vloss_report report = VLOSS_REPORT_INIT;
  options.kept_scores = values;
  options.report = &report;
  guard_paint(workspace, room, size);
  guard_paint(output, kept, bytes);
  if (p->count > 0) {
    vloss_status status = suppress(p, &options, room, size, p->count - 1, kept, &count);
    if (status != VLOSS_ERROR_CAPACITY)
      fail_msg("%s method %d n %zu: %zu of the result, not %zu", vloss_isa(), (int)options.method,
               p->n, count, p->count);
    assert_int_equal(count, p->count);
    for (size_t i = 0; i < bytes; i++) assert_int_equal(((unsigned char *)kept)[i], 0xa5);
    assert_int_equal(suppress(p, &options, room, size - 1, p->count, kept, &count),
                     VLOSS_ERROR_WORKSPACE);
  }
  assert_int_equal(suppress(p, &options, room, size, p->count, kept, &count), VLOSS_OK);
  assert_true(guard_intact(workspace, room, size));
  assert_true(guard_intact(output, kept, bytes));
  assert_int_equal(count, p->count);
  for (size_t i = 0; i < count; i++) {
    double value = number_at(values, p->form.type, i), off = fabs(value - p->values[i]);
    if (kept[i] != (int64_t)p->kept[i])
      fail_msg("%s method %d n %zu: place %zu: %d, not %zu", vloss_isa(), (int)options.method, p->n,
               i, (int)kept[i], p->kept[i]);
    double bound = p->form.type == BOX_F32 ? 4e-6 : 1e-13;
    if (!(value == p->values[i] || (gaussian && off <= bound * fabs(p->values[i]) + 1e-37)))
      fail_msg("%s method %d n %zu: score %zu: %a, not %a", vloss_isa(), (int)options.method, p->n,
               i, value, p->values[i]);
  }
}

/* Boxes that chain, each overlapping the next; all the same; or of data.h. */
static void fill(problem *p, rng *r, int kind) {
  box_type type = p->form.type;
  if (kind < BOX_DATA) boxes_fill(r, (box_data)kind, type, p->form.format, p->boxes, p->n);
  for (size_t i = 0; i < p->n; i++) {
    double odd[] = {NAN, INFINITY, -INFINITY, -0.0, 0.0};
    int wide = p->form.format == VLOSS_XYXY;
    double at = kind == BOX_DATA ? (double)i * 0.25 : 3;
    for (size_t k = 0; kind >= BOX_DATA && k < 4; k++)
      number_put(p->boxes, type, 4 * i + k, k < 2 ? at : wide ? at + 1 : 1);
    double value = kind == 0 ? rng_unit(r) : (double)rng_below(r, 4) / 4 - (kind == 2 ? 0.5 : 0);
    if ((kind == 2 || kind > BOX_DATA) && rng_below(r, 6) == 0) value = odd[rng_below(r, 5)];
    number_put(p->scores, type, i, value);
    p->labels[i] = rng_below(r, 3) ? (int64_t)rng_below(r, 3) - 1 : INT64_MIN + (int64_t)i % 4;
  }
}

static void set_up(problem *p, rng *r, size_t n, int turn) {
  static const double thresholds[] = {0.5, 0, 0.3333333432674408, 1, 0.7, 0.05};
  memset(p, 0, sizeof *p);
  p->n = n;
  p->form.type = turn % 2 ? BOX_F64 : BOX_F32;
  p->form.format = (vloss_box_format)(turn / 2 % 3);
  p->options = (vloss_nms_options)VLOSS_NMS_OPTIONS_INIT;
  p->options.method = (vloss_nms_method)(turn / 6 % 6);
  p->options.format = p->form.format;
  p->form.any_corners = p->options.any_corners = p->form.format == VLOSS_XYXY && turn / 36 % 2;
  p->form.kind = p->options.method == VLOSS_NMS_DIOU ? VLOSS_SIMILARITY_DIOU : VLOSS_SIMILARITY_IOU;
  p->threshold = thresholds[rng_below(r, 6)];
  if (p->options.method == VLOSS_NMS_DIOU && rng_below(r, 3) == 0) p->threshold = -0.25;
  if (rng_below(r, 3) == 0) p->options.score_threshold = 0.25;
  if (rng_below(r, 3) == 0) p->options.top_k = 1 + rng_below(r, n + 2);
  if (rng_below(r, 3) == 0) p->options.max_per_class = 1 + rng_below(r, 5);
  if (rng_below(r, 3) == 0) p->options.max_output = 1 + rng_below(r, n + 2);
  if (rng_below(r, 3) == 0) p->options.sigma = rng_between(r, 0.1, 4);
  if (rng_below(r, 12) == 0) p->options.sigma = 1e-300; /* less than a float has */
  if (rng_below(r, 2)) p->options.executor = &executor_reversed;
  if (rng_below(r, 2)) p->classes = (vloss_labels){p->labels, VLOSS_LABEL_INT64};
}

static void few(void **state) {
  (void)state;
  static problem p;
  guard workspace = guard_new(1 << 17), output = guard_new(1 << 13);
  for (int turn = 0; turn < (mode_emulated() ? 144 : 72 * 200); turn++) {
    rng r = rng_init(data_seed(), (uint64_t)turn);
    size_t n = turn / 72 <= 71 ? (size_t)turn / 72 : rng_below(&r, FEW + 1);
    int kind = (int)rng_below(&r, BOX_DATA + 2);
    if (turn / 6 % 6 <= VLOSS_NMS_DIOU && turn / 72 % 8 == 7)
      n = GRIDDED + rng_below(&r, MOST - GRIDDED);
    set_up(&p, &r, mode_emulated() ? rng_below(&r, MOST) : n, turn);
    /* where Gaussian scores may tie, their order is up to the last bit of an exponential */
    if (p.options.method == VLOSS_NMS_SOFT_GAUSSIAN) kind = 0;
    fill(&p, &r, kind);
    if (p.options.method == VLOSS_NMS_SOFT_GAUSSIAN) p.options.score_threshold = -INFINITY;
    solve(&p);
    for (size_t isa = 0; isa < isas_usable(); isa++) {
      isa_use(isa);
      check(&p, &workspace, &output);
    }
  }
  guard_free(&workspace);
  guard_free(&output);
}

/* The loop as everyone writes it, over boxes in order. */
static size_t plain(const float *boxes, const size_t *order, const int64_t *labels, size_t n,
                    double threshold, int64_t *kept) {
  oracle_form form = {.type = BOX_F32};
  size_t count = 0;
  for (size_t i = 0; i < n; i++) {
    const float *a = boxes + 4 * order[i];
    int suppressed = 0;
    for (size_t k = 0; k < count && !suppressed; k++) {
      const float *b = boxes + 4 * kept[k];
      if (labels[kept[k]] != labels[order[i]]) continue;
      if (!(a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3])) continue;
      double p[4], q[4];
      for (size_t c = 0; c < 4; c++) p[c] = (double)a[c], q[c] = (double)b[c];
      suppressed = oracle_similarity(&form, p, q, 0) > threshold;
    }
    if (!suppressed) kept[count++] = (int64_t)order[i];
  }
  return count;
}

typedef enum crowd { CLUSTERS, SPREAD, SCALES, FAR_AWAY, OUTLIERS, SAME, CROWDS } crowd;

/* Many boxes, some of them where a grid has it hard. */
static void fill_crowd(rng *r, crowd kind, float *boxes, size_t n) {
  double side = kind == SPREAD ? 4000 : 640;
  for (size_t i = 0; i < n; i++) {
    double size = kind == SCALES ? exp2(rng_between(r, -6, 9)) : rng_between(r, 8, 60);
    double x = rng_between(r, 0, side), y = rng_between(r, 0, side);
    double w = size, h = size * rng_between(r, 0.5, 2);
    if (kind == CLUSTERS && i % 10 && i > 10)
      x = (double)boxes[4 * (i - i % 10)] + rng_between(r, -4, 4);
    if (kind == FAR_AWAY) x += 1e6, y -= 3e6;
    if (kind == OUTLIERS && i % 100 == 0) w = 1e30, x = -1e29;
    if (kind == OUTLIERS && i % 100 == 1) x = 1e12;
    if (kind == SAME) x = y = w = h = 1;
    const double box[] = {x, y, x + w, y + h};
    for (size_t k = 0; k < 4; k++) boxes[4 * i + k] = (float)box[k];
  }
}

static void many_of(crowd kind, size_t n, size_t classes, double threshold) {
  rng r = rng_init(data_seed(), (uint64_t)kind * 7 + n);
  size_t size = vloss_nms_workspace(n, NULL), count, *order = malloc(n * sizeof *order);
  float *boxes = malloc(n * 16), *scores = malloc(n * 4);
  int64_t *labels = malloc(n * 8), *kept = malloc(n * 8), *truth = malloc(n * 8);
  void *workspace = malloc(size);
  assert_true(order && boxes && scores && labels && kept && truth && workspace);
  fill_crowd(&r, kind, boxes, n);
  for (size_t i = 0; i < n; i++) {
    order[i] = i; /* scores descend, in steps with ties */
    scores[i] = (float)((n - i) / 3);
    labels[i] = i % 2 ? 0 : (int64_t)rng_below(&r, classes); /* one of many boxes */
  }
  size_t expected = plain(boxes, order, labels, n, threshold, truth);
  for (size_t isa = 0; isa < isas_usable(); isa++) {
    isa_use(isa);
    assert_int_equal(vloss_nms_f32(boxes, scores, (vloss_labels){labels, VLOSS_LABEL_INT64}, n,
                                   threshold, NULL, workspace, size, n, kept, &count),
                     VLOSS_OK);
    assert_int_equal(count, expected);
    assert_memory_equal(kept, truth, count * 8);
  }
  free(order), free(boxes), free(scores), free(labels), free(kept), free(truth), free(workspace);
}

static void many(void **state) {
  (void)state;
  static const double thresholds[] = {0.5, 0.3, 0.75, 0.1, 0.02};
  size_t n = mode_emulated() ? 300 : 3000;
  for (int kind = 0; kind < CROWDS; kind++)
    for (size_t t = 0; t < 5; t++) {
      many_of((crowd)kind, n, 1, thresholds[t]);
      many_of((crowd)kind, n + t, t % 2 ? 80 : n, thresholds[t]);
    }
  if (mode_emulated()) return;
  many_of(CLUSTERS, MANY, 1, 0.5);
  many_of(SAME, MANY, MANY / 10, 0.5);
}

/* Boxes in one place, without scores, so that only classes keep them. */
static void kinds_of_labels(void **state) {
  (void)state;
  enum { COUNT = 5 };
  static const int32_t narrow[COUNT] = {-1, INT32_MIN, -1, 7, INT32_MIN};
  static const uint8_t bytes[COUNT] = {255, 1, 255, 7, 1};
  static const int64_t expected[] = {0, 1, 3};
  const vloss_labels labels[] = {{narrow, VLOSS_LABEL_INT32}, {bytes, VLOSS_LABEL_UINT8}};
  double boxes[4 * COUNT], scores[COUNT];
  char workspace[1 << 14];
  vloss_nms_options options = VLOSS_NMS_OPTIONS_INIT;
  options.kept_scores = scores;
  assert_true(vloss_nms_workspace(COUNT, &options) <= sizeof workspace);
  for (size_t i = 0; i < 4 * COUNT; i++) boxes[i] = i % 4 > 1;
  for (size_t i = 0; i < 2 * isas_usable(); i++) {
    int64_t kept[COUNT];
    size_t count;
    isa_use(i / 2);
    assert_int_equal(vloss_nms_f64(boxes, NULL, labels[i % 2], COUNT, 0.5, &options, workspace,
                                   sizeof workspace, COUNT, kept, &count),
                     VLOSS_OK);
    assert_int_equal(count, 3);
    assert_memory_equal(kept, expected, sizeof expected);
    for (size_t k = 0; k < count; k++) assert_true(scores[k] == 1);
  }
}

/* Overlaps around a threshold where I > t U, rounded, is another answer than I / U > t. */
static void edges(void **state) {
  (void)state;
  rng r = rng_init(data_seed(), 1);
  size_t size = vloss_nms_workspace(2, NULL), count, other = 0;
  void *workspace = malloc(size);
  assert_non_null(workspace);
  for (int turn = 0; turn < 3000; turn++) {
    float high = (float)rng_between(&r, 1, 2), low = nextafterf(high * 0.6f, (float)(turn % 3));
    const float boxes[] = {0, 0, 1, high, 0, 0, 1, low};
    float united = (high + low) - low, quotient = low / united, product = 0.6f * united;
    size_t expected = (double)quotient > 0.6 ? 1 : 2;
    int64_t kept[2];
    other += (expected == 1) != (low > product);
    for (size_t isa = 0; isa < isas_usable(); isa++) {
      isa_use(isa);
      assert_int_equal(vloss_nms_f32(boxes, NULL, (vloss_labels){NULL, VLOSS_LABEL_INT64}, 2, 0.6,
                                     NULL, workspace, size, 2, kept, &count),
                       VLOSS_OK);
      assert_int_equal(count, expected);
    }
  }
  assert_true(other > 0);
  free(workspace);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(kinds_of_labels), cmocka_unit_test(few),
                                     cmocka_unit_test(many), cmocka_unit_test(edges)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
