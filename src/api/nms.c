/* SPDX-License-Identifier: Apache-2.0 */
#include "api/nms.h"

#include "api/numbers.h"
#include "api/score.h"
#include "dispatch.h"

enum {
  ALIGNMENT = 64,
  SLACK = 16,       /* numbers behind an array that a vector may reach */
  BOX_ARRAYS = 7,   /* of numbers, as box.h has them */
  CORNER_ARRAYS = 5 /* those of hard suppression */
};

/* Takes arrays out of a workspace, or counts what they need. */
typedef struct arena {
  char *base; /* aligned, or NULL */
  size_t used;
} arena;

static void *take(arena *a, size_t count, size_t width) {
  void *taken = a->base ? a->base + a->used : NULL;
  a->used += (count * width + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  return taken;
}

/* The most bits of which n has all numbers, but two at least. */
static int bits_within(size_t n) {
  int bits = 2;
  while (n >> (bits + 1)) bits++;
  return bits;
}

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

/* A cell for four boxes, of which a block has as many or twice as many. */
static void lay_out_hard(arena *a, size_t n, nms_job *j) {
  const size_t slots = BLOCK_BYTES / (BLOCK_ARRAYS * sizeof(double));
  j->cell_bits = bits_within(n / 4);
  size_t chains = ((size_t)1 << j->cell_bits) + 2 + n / LIST_LEAST, blocks = 1 + chains + n / slots;
  take(a, CORNER_ARRAYS * j->room, sizeof(double));
  j->blocks = take(a, blocks, BLOCK_BYTES);
  j->next = take(a, blocks, sizeof(uint32_t));
  j->chains = take(a, chains, sizeof(cell_chain));
  j->class_cells = take(a, n, sizeof(uint32_t));
  take(a, SLACK, sizeof(double));
}

static void lay_out_others(arena *a, size_t n, nms_job *j) {
  take(a, BOX_ARRAYS * j->room, sizeof(double));
  j->results = j->heads = take(a, j->room, sizeof(double));
  j->grouped = take(a, n, sizeof(uint32_t));
  j->segments = take(a, n + 1, sizeof(uint32_t));
  j->heap = take(a, n + 1, sizeof(uint32_t));
  j->head_places = j->cells;
}

/* What the methods have stands in one place; before them, the items of the sort and the table of
 * classes do. */
static void lay_out(arena *a, size_t n, nms_layout *l) {
  nms_job *j = &l->job;
  j->room = (n + SLACK) / 8 * 8 + 8;
  j->order = take(a, n, sizeof(uint32_t));
  j->classes = take(a, n, sizeof(uint32_t));
  j->per_class = take(a, n, sizeof(uint32_t));
  j->cells = take(a, n, sizeof(uint32_t));
  j->numbers = take(a, 0, 0);
  l->items = j->numbers;
  l->class_table = j->numbers;
  l->table_size = (size_t)4 << bits_within(n); /* at most half of it is used */
  arena hard = *a, others = *a;
  lay_out_hard(&hard, n, j);
  lay_out_others(&others, n, j);
  a->used = larger(hard.used, others.used);
}

size_t vloss_nms_workspace(size_t n, const vloss_nms_options *nms) {
  arena a = {NULL, ALIGNMENT};
  nms_layout l = {.items = NULL};
  (void)nms;
  if (n > UINT32_MAX) return 0;
  lay_out(&a, n, &l);
  return a.used;
}

typedef struct nms_call {
  score_request request;
  vloss_nms_options options;
  vloss_dtype dtype;
} nms_call;

static size_t limit_of(size_t limit) { return limit ? limit : SIZE_MAX; }

static void check_numbers(nms_call *c, double threshold) {
  const vloss_nms_options *o = &c->options;
  score_request *r = &c->request;
  double low = o->method == VLOSS_NMS_DIOU ? -1 : 0;
  int bounded = o->method <= VLOSS_NMS_SOFT_LINEAR;
  if ((int)o->method < VLOSS_NMS_HARD || (int)o->method > VLOSS_NMS_MATRIX_GAUSSIAN)
    vloss_score_fail(r, VLOSS_ERROR_ENUM, "method");
  if (threshold != threshold || (bounded && !(threshold >= low && threshold <= 1)))
    vloss_score_fail(r, VLOSS_ERROR_PARAMETER, "threshold");
  if (!(o->sigma >= 0 && o->sigma < HUGE_VAL)) vloss_score_fail(r, VLOSS_ERROR_PARAMETER, "sigma");
  if (o->score_threshold != o->score_threshold)
    vloss_score_fail(r, VLOSS_ERROR_PARAMETER, "score_threshold");
}

static void open_call(nms_call *c, vloss_dtype dtype, const vloss_nms_options *options,
                      double threshold) {
  static const vloss_nms_options defaults = VLOSS_NMS_OPTIONS_INIT;
  score_request *r = &c->request;
  c->dtype = dtype;
  c->options = defaults;
  if (!vloss_score_options(r, "nms", options, STRUCT_SIZES(vloss_nms_options, report), &c->options))
    return;
  vloss_score_open(r, c->options.report, c->options.executor);
  vloss_score_boxes(r, c->options.format, c->options.any_corners);
  check_numbers(c, threshold);
}

/* The indices of the boxes that take part, in order; returns how many. */
static size_t make_order(const nms_call *c, const void *scores, size_t n, nms_layout *l) {
  size_t count = n;
  if (scores) {
    count = vloss_order(scores, c->dtype, n, c->options.score_threshold, l->items, l->job.order);
  } else {
    for (size_t i = 0; i < n; i++) l->job.order[i] = (uint32_t)i;
  }
  size_t most = limit_of(c->options.top_k);
  return count < most ? count : most;
}

/* Puts the result where the caller wants it; its scores are new ones, or the caller's. */
static void deliver(const nms_call *c, const uint32_t *order, const void *scores,
                    const void *results, size_t count, int64_t *kept) {
  void *out = c->options.kept_scores;
  for (size_t i = 0; i < count; i++) {
    kept[i] = (int64_t)order[i];
    if (!out) continue;
    double score =
        results ? number_at(c->dtype, results, i, 1) : number_at(c->dtype, scores, order[i], 1);
    number_put(c->dtype, out, i, score);
  }
}

/* What the job is told, but for its arrays. */
static void describe(const nms_call *c, const void *boxes, double threshold, nms_job *j) {
  const vloss_nms_options *o = &c->options;
  j->boxes = (box_source){boxes, o->format, o->any_corners, 0};
  j->method = o->method;
  j->threshold = threshold;
  j->sigma = o->sigma > 0 ? o->sigma : o->method == VLOSS_NMS_SOFT_GAUSSIAN ? 0.5 : 2;
  j->score_threshold = o->score_threshold;
  j->max_per_class = limit_of(o->max_per_class);
  j->max_output = limit_of(o->max_output);
}

/* The number of the result, whose indices are in the job's order. */
static size_t suppress(nms_call *c, nms_layout *l, const void *scores, vloss_labels classes,
                       size_t n, const void **results) {
  const vloss_nms_options *o = &c->options;
  nms_job *j = &l->job;
  size_t kept = 0;
  partial found;
  j->kept = &kept;
  if (classes.data) vloss_nms_number_classes(l, classes);
  if (j->class_count <= 1) {
    j->classes = NULL;
    j->class_count = 1;
  }
  if (o->max_per_class)
    memset(j->per_class, 0, j->class_count * sizeof *j->per_class);
  else
    j->per_class = NULL;
  switch (o->method) {
    case VLOSS_NMS_SOFT_LINEAR:
    case VLOSS_NMS_SOFT_GAUSSIAN: return vloss_nms_soft(j, c->dtype, scores, n, results);
    case VLOSS_NMS_MATRIX_LINEAR:
    case VLOSS_NMS_MATRIX_GAUSSIAN:
      return vloss_nms_matrix(j, c->dtype, scores, o->executor, results);
    case VLOSS_NMS_HARD:
    case VLOSS_NMS_DIOU: break;
  }
  vloss_isa_active()->kernels[c->dtype]->score[SCORE_nms_hard](j, 0, j->n, &found);
  return kept;
}

/* A checked call of n > 0 boxes. */
static size_t run(nms_call *c, const void *boxes, const void *scores, vloss_labels classes,
                  size_t n, double threshold, void *workspace, nms_layout *l,
                  const void **results) {
  arena a = {(char *)workspace + (-(uintptr_t)workspace & (ALIGNMENT - 1)), 0};
  score_request *r = &c->request;
  lay_out(&a, n, l);
  describe(c, boxes, threshold, &l->job);
  l->job.n = make_order(c, scores, n, l);
  r->counted = l->job.n;
  if (r->report) r->degenerate = vloss_score_degenerate(&l->job.boxes, c->dtype, n);
  return l->job.n ? suppress(c, l, scores, classes, n, results) : 0;
}

static vloss_status nms(vloss_dtype dtype, const void *boxes, const void *scores,
                        vloss_labels classes, size_t n, double threshold,
                        const vloss_nms_options *options, void *workspace, size_t workspace_size,
                        size_t capacity, int64_t *kept, size_t *count) {
  nms_call c;
  score_request *r = &c.request;
  size_t width = number_width(dtype);
  open_call(&c, dtype, options, threshold);
  if (n > UINT32_MAX) vloss_score_fail(r, VLOSS_ERROR_SIZE, "n");
  vloss_score_output(r, "count", count, 1, sizeof *count);
  vloss_score_output(r, "kept", kept, capacity, sizeof *kept);
  vloss_score_output_or_null(r, "kept_scores", c.options.kept_scores, capacity, width);
  vloss_score_workspace(r, workspace, workspace_size, n ? vloss_nms_workspace(n, &c.options) : 0);
  vloss_score_input(r, "boxes", boxes, n, 4 * width);
  vloss_score_input_or_null(r, "scores", scores, n, width);
  vloss_score_labels(r, "classes", classes, n);
  if (!vloss_score_ready(r)) return vloss_score_close(r);

  nms_layout l = {.items = NULL};
  const void *results = NULL;
  size_t found = 0;
  if (n) found = run(&c, boxes, scores, classes, n, threshold, workspace, &l, &results);
  if (vloss_score_count(r, found, capacity, count))
    deliver(&c, l.job.order, scores, results, found, kept);
  return vloss_score_close(r);
}

vloss_status vloss_nms_f32(const float *boxes, const float *scores, vloss_labels classes, size_t n,
                           double threshold, const vloss_nms_options *options, void *workspace,
                           size_t workspace_size, size_t capacity, int64_t *kept, size_t *count) {
  return nms(VLOSS_F32, boxes, scores, classes, n, threshold, options, workspace, workspace_size,
             capacity, kept, count);
}

vloss_status vloss_nms_f64(const double *boxes, const double *scores, vloss_labels classes,
                           size_t n, double threshold, const vloss_nms_options *options,
                           void *workspace, size_t workspace_size, size_t capacity, int64_t *kept,
                           size_t *count) {
  return nms(VLOSS_F64, boxes, scores, classes, n, threshold, options, workspace, workspace_size,
             capacity, kept, count);
}
