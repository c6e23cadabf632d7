/* SPDX-License-Identifier: Apache-2.0 */
/* Does every target give the same bits? One hash per type over every kind, form and method;
 * VLOSS_GOLDEN_PRINT=1 prints them. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "mode.h"
#include "support.h"

enum { N = 300, M = 70 };

static const uint64_t golden[2] = {UINT64_C(0x5ae534e8a4d4b500), UINT64_C(0x665ad75efc19f144)};

static uint64_t hash;

static void hash_values(int wide, const void *values, size_t count) {
  hash = data_hash(hash, wide ? F64 : F32, values, count);
}

static void hash_indices(const int64_t *indices, size_t count) {
  for (size_t i = 0; i < count; i++) {
    double value = (double)indices[i];
    hash = data_hash(hash, F64, &value, 1);
  }
}

static union room {
  float narrow[N * M];
  double wide[N * M];
} out, boxes, others, scores;
static int64_t indices[N * M];
static char workspace[1 << 17];

static void similarities(int wide, vloss_similarity_options o) {
  double *value = out.wide;
  for (int kind = 0; kind <= VLOSS_SIMILARITY_CIOU; kind++) {
    o.kind = (vloss_similarity_kind)kind;
    vloss_status status[2];
    if (wide) {
      status[0] = vloss_similarity_matrix_f64(boxes.wide, N, others.wide, M, &o, out.wide);
      hash_values(1, &out, N * M);
      status[1] = vloss_similarity_best_f64(boxes.wide, N, others.wide, M, &o, value, indices);
    } else {
      status[0] = vloss_similarity_matrix_f32(boxes.narrow, N, others.narrow, M, &o, out.narrow);
      hash_values(0, &out, N * M);
      status[1] =
          vloss_similarity_best_f32(boxes.narrow, N, others.narrow, M, &o, out.narrow, indices);
    }
    assert_int_equal(status[0], VLOSS_OK);
    assert_int_equal(status[1], VLOSS_OK);
    hash_values(wide, &out, N);
    hash_indices(indices, N);
  }
}

static void suppressions(int wide, vloss_box_format format) {
  vloss_labels none = {NULL, VLOSS_LABEL_INT64};
  for (int method = 0; method <= VLOSS_NMS_MATRIX_GAUSSIAN; method++) {
    vloss_nms_options o = VLOSS_NMS_OPTIONS_INIT;
    size_t count = 0;
    o.method = (vloss_nms_method)method;
    o.format = format;
    o.kept_scores = &out;
    vloss_status status = wide ? vloss_nms_f64(boxes.wide, scores.wide, none, N, 0.5, &o, workspace,
                                               sizeof workspace, N, indices, &count)
                               : vloss_nms_f32(boxes.narrow, scores.narrow, none, N, 0.5, &o,
                                               workspace, sizeof workspace, N, indices, &count);
    assert_int_equal(status, VLOSS_OK);
    hash_values(wide, &out, count);
    hash_indices(indices, count);
  }
}

static void golden_bits(void **state) {
  (void)state;
  for (int wide = 0; wide < 2; wide++) {
    box_type type = wide ? BOX_F64 : BOX_F32;
    hash = DATA_HASH_INIT;
    for (int run = 0; run < 3 * BOXES_FAINT; run++) {
      rng r = rng_init(20261130, (uint64_t)run); /* whatever VLOSS_TEST_SEED says */
      vloss_similarity_options o = VLOSS_SIMILARITY_OPTIONS_INIT;
      o.format = (vloss_box_format)(run % 3);
      boxes_fill(&r, (box_data)(run / 3), type, o.format, &boxes, N);
      boxes_fill(&r, (box_data)(run / 3), type, o.format, &others, M);
      for (size_t i = 0; i < N; i++) number_put(&scores, type, i, rng_unit(&r));
      similarities(wide, o);
      suppressions(wide, o.format);
    }
    if (mode_set("VLOSS_GOLDEN_PRINT")) printf("0x%016" PRIx64 "\n", hash);
    if (hash != golden[wide] && !mode_set("VLOSS_GOLDEN_PRINT"))
      fail_msg("f%d on %s: 0x%016" PRIx64, wide ? 64 : 32, vloss_isa(), hash);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(golden_bits)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
