/* SPDX-License-Identifier: Apache-2.0 */
#include "api/numbers.h"
#include "api/score.h"
#include "api/split.h"
#include "dispatch.h"

/* Similarities that are worth a task. */
enum { GRAIN = 1 << 18 };

/* The types of a call: of the boxes, and of the kernel. */
typedef enum box_type { BOX_F32, BOX_F64, BOX_I32 } box_type;

typedef struct similarity_call {
  score_request request;
  vloss_similarity_options options;
  box_type type;
  vloss_dtype dtype;
  similarity_job job;
} similarity_call;

static size_t box_width(box_type type) { return 4 * (type == BOX_F64 ? sizeof(double) : 4); }

static int is_number(double a) { return a == a; }

/* Starts with the options. */
static void open_call(similarity_call *c, box_type type, const vloss_similarity_options *options) {
  static const vloss_similarity_options defaults = VLOSS_SIMILARITY_OPTIONS_INIT;
  score_request *r = &c->request;
  c->type = type;
  c->dtype = type == BOX_F32 ? VLOSS_F32 : VLOSS_F64;
  c->options = defaults;
  c->job = (similarity_job){.n = 0};
  if (!vloss_score_options(r, "similarity", options, STRUCT_SIZES(vloss_similarity_options, report),
                           &c->options))
    return;
  vloss_score_open(r, c->options.report, c->options.executor);
  vloss_score_boxes(r, c->options.format, c->options.any_corners);
  if ((int)c->options.kind < VLOSS_SIMILARITY_IOU || (int)c->options.kind > VLOSS_SIMILARITY_CIOU)
    vloss_score_fail(r, VLOSS_ERROR_ENUM, "kind");
  if (c->options.crowd && c->options.kind != VLOSS_SIMILARITY_IOU)
    vloss_score_fail(r, VLOSS_ERROR_PARAMETER, "crowd");
}

/* Behind the outputs: the boxes. Returns whether the call is a good one. */
static int ready(similarity_call *c, const void *a, size_t n, const void *b, size_t m) {
  const vloss_similarity_options *o = &c->options;
  score_request *r = &c->request;
  int integers = c->type == BOX_I32;
  vloss_score_input(r, "a", a, n, box_width(c->type));
  vloss_score_input(r, "b", b, m, box_width(c->type));
  vloss_score_input_or_null(r, "crowd", o->crowd, m, 1);
  if (!vloss_score_ready(r)) return 0;
  similarity_job *j = &c->job;
  j->first = (box_source){a, o->format, o->any_corners, integers};
  j->second = (box_source){b, o->format, o->any_corners, integers};
  j->n = n;
  j->m = m;
  j->kind = o->kind;
  j->crowd = o->crowd;
  if (r->report) {
    r->degenerate = vloss_score_degenerate(&j->first, c->dtype, n) +
                    vloss_score_degenerate(&j->second, c->dtype, m);
    r->counted = n && m && m > SIZE_MAX / n ? SIZE_MAX : n * m;
  }
  return 1;
}

/* Runs a kernel over `lines`, each of `width` similarities. */
static void run(const similarity_call *c, int kernel_id, size_t lines, size_t width) {
  kernel *k = vloss_isa_active()->kernels[c->dtype]->score[kernel_id];
  size_t grain = width < GRAIN ? GRAIN / (width ? width : 1) : 1;
  partial found;
  if (!c->options.executor)
    k(&c->job, 0, lines, &found);
  else
    split_run(k, &c->job, (division){lines, 1, grain}, 0, c->options.executor, &found);
}

static vloss_status matrix(box_type type, const void *a, size_t n, const void *b, size_t m,
                           const vloss_similarity_options *options, void *out) {
  similarity_call c;
  open_call(&c, type, options);
  size_t stride = c.options.row_stride ? c.options.row_stride : m;
  size_t width = number_width(c.dtype);
  size_t bytes = vloss_score_matrix(&c.request, out, n, m, stride, width);
  if (!ready(&c, a, n, b, m)) return vloss_score_close(&c.request);
  c.job.out = out;
  c.job.stride = stride;
  c.job.stream = bytes >= STREAM_BYTES && (uintptr_t)out % width == 0;
  if (m) run(&c, SCORE_similarity_matrix, n, m);
  return vloss_score_close(&c.request);
}

static vloss_status paired(box_type type, const void *a, const void *b, size_t n,
                           const vloss_similarity_options *options, void *out) {
  similarity_call c;
  open_call(&c, type, options);
  vloss_score_output(&c.request, "out", out, n, number_width(c.dtype));
  if (!ready(&c, a, n, b, n)) return vloss_score_close(&c.request);
  c.request.counted = n;
  c.job.out = out;
  run(&c, SCORE_similarity_paired, n, 1);
  return vloss_score_close(&c.request);
}

static vloss_status best(box_type type, const void *a, size_t n, const void *b, size_t m,
                         const vloss_similarity_options *options, void *value, int64_t *index) {
  similarity_call c;
  open_call(&c, type, options);
  if (n && !value && !index) vloss_score_fail(&c.request, VLOSS_ERROR_NULL, "value");
  vloss_score_output_or_null(&c.request, "value", value, n, number_width(c.dtype));
  vloss_score_output_or_null(&c.request, "index", index, n, sizeof *index);
  if (!ready(&c, a, n, b, m)) return vloss_score_close(&c.request);
  c.job.value = value;
  c.job.index = index;
  run(&c, SCORE_similarity_best, n, m);
  return vloss_score_close(&c.request);
}

static vloss_status top_k(box_type type, const void *a, size_t n, const void *b, size_t m, size_t k,
                          const vloss_similarity_options *options, void *value, int64_t *index) {
  similarity_call c;
  open_call(&c, type, options);
  size_t size;
  if (__builtin_mul_overflow(m, k, &size)) size = SIZE_MAX;
  vloss_score_output(&c.request, "value", value, size, number_width(c.dtype));
  vloss_score_output(&c.request, "index", index, size, sizeof *index);
  if (!ready(&c, a, n, b, m)) return vloss_score_close(&c.request);
  c.job.value = value;
  c.job.index = index;
  c.job.k = k;
  if (k) run(&c, SCORE_similarity_top_k, m, n);
  return vloss_score_close(&c.request);
}

/* Runs a kernel over parts that it knows by their beginning. */
static void run_parts(const similarity_call *c, int kernel_id) {
  kernel *k = vloss_isa_active()->kernels[c->dtype]->score[kernel_id];
  partial found;
  split_run(k, &c->job, (division){c->job.n, 1, c->job.step}, 0, c->options.executor, &found);
}

/* Counts the pairs of each part and makes that the number of all before it; returns their sum. */
static size_t count_pairs(similarity_call *c, size_t *found) {
  size_t n = c->job.n, m = c->job.m, total = 0;
  size_t parts = n < TASKS_MOST ? n : TASKS_MOST, grain = m < GRAIN ? GRAIN / m : 1;
  c->job.step = n / parts + (n % parts != 0);
  if (c->job.step < grain) c->job.step = grain;
  c->job.found = found;
  run_parts(c, SCORE_similarity_count);
  for (size_t i = 0; i * c->job.step < n; i++) {
    size_t count = found[i];
    found[i] = total;
    total += count;
  }
  return total;
}

static vloss_status pairs(box_type type, const void *a, size_t n, const void *b, size_t m,
                          double threshold, const vloss_similarity_options *options,
                          size_t capacity, vloss_similarity_pair *out, size_t *count) {
  similarity_call c;
  size_t found[TASKS_MOST];
  open_call(&c, type, options);
  if (!is_number(threshold)) vloss_score_fail(&c.request, VLOSS_ERROR_PARAMETER, "threshold");
  vloss_score_output(&c.request, "pairs", out, capacity, sizeof *out);
  vloss_score_output(&c.request, "count", count, 1, sizeof *count);
  if (!ready(&c, a, n, b, m)) return vloss_score_close(&c.request);
  c.job.threshold = threshold;
  size_t total = n && m ? count_pairs(&c, found) : 0;
  c.job.pairs = out;
  if (vloss_score_count(&c.request, total, capacity, count) && total)
    run_parts(&c, SCORE_similarity_pairs);
  return vloss_score_close(&c.request);
}

#define DEFINE(dtype, type, box, real)                                                            \
  vloss_status vloss_similarity_matrix_##dtype(const box *a, size_t n, const box *b, size_t m,    \
                                               const vloss_similarity_options *similarity,        \
                                               real *out) {                                       \
    return matrix(type, a, n, b, m, similarity, out);                                             \
  }                                                                                               \
  vloss_status vloss_similarity_paired_##dtype(const box *a, const box *b, size_t n,              \
                                               const vloss_similarity_options *similarity,        \
                                               real *out) {                                       \
    return paired(type, a, b, n, similarity, out);                                                \
  }                                                                                               \
  vloss_status vloss_similarity_best_##dtype(const box *a, size_t n, const box *b, size_t m,      \
                                             const vloss_similarity_options *similarity,          \
                                             real *value, int64_t *index) {                       \
    return best(type, a, n, b, m, similarity, value, index);                                      \
  }                                                                                               \
  vloss_status vloss_similarity_top_k_##dtype(                                                    \
      const box *a, size_t n, const box *b, size_t m, size_t k,                                   \
      const vloss_similarity_options *similarity, real *value, int64_t *index) {                  \
    return top_k(type, a, n, b, m, k, similarity, value, index);                                  \
  }                                                                                               \
  vloss_status vloss_similarity_pairs_##dtype(                                                    \
      const box *a, size_t n, const box *b, size_t m, double threshold,                           \
      const vloss_similarity_options *similarity, size_t capacity, vloss_similarity_pair *pairs_, \
      size_t *count) {                                                                            \
    return pairs(type, a, n, b, m, threshold, similarity, capacity, pairs_, count);               \
  }
DEFINE(f32, BOX_F32, float, float)
DEFINE(f64, BOX_F64, double, double)
DEFINE(i32, BOX_I32, int32_t, double)
