/* SPDX-License-Identifier: Apache-2.0 */
/* Do the loads and stores of a vec.h move exactly their lanes? Once per ISA and dtype. */

#include "isa_main.h"
#include "math/elementary.h"
#include "testing.h"

enum { BLOCK = 4 * LANES, ROOM = 4 * BLOCK, STREAM_STEP = 16 / sizeof(real) };

static _Alignas(64) real from[ROOM], to[ROOM];

static void refill(void) {
  for (size_t i = 0; i < ROOM; i++) {
    from[i] = (real)(i + 1);
    to[i] = -1;
  }
}

/* `to` holds from[source ...] in [first, first + count) and nothing new elsewhere. */
static void check_moved(size_t first, size_t count, size_t source) {
  for (size_t i = 0; i < ROOM; i++) {
    int inside = i >= first && i < first + count;
    assert_true(to[i] == (inside ? (real)(source + i - first + 1) : (real)-1));
  }
}

static void test_load_store(void **state) {
  (void)state;
  for (size_t i = 0; i <= BLOCK; i++)
    for (size_t k = 0; k <= BLOCK; k++) {
      refill();
      vstore(to + k, vload(from + i));
      check_moved(k, LANES, i);
    }
}

static void test_stream(void **state) {
  (void)state;
  for (size_t k = 0; k <= BLOCK; k += STREAM_STEP) {
    refill();
    vstream(to + k, vload(from + 1));
    vstream_end();
    check_moved(k, LANES, 1);
    refill();
    vstream4(to + k, vload4(from + 1));
    vstream_end();
    check_moved(k, BLOCK, 1);
  }
}

static void test_stream_aligned(void **state) {
  (void)state;
  for (size_t k = 0; k <= BLOCK; k += LANES) {
    refill();
    vstream_aligned(to + k, vload(from + 1));
    vstream_end();
    check_moved(k, LANES, 1);
  }
}

static void test_set(void **state) {
  (void)state;
  vstore(to, vset1(7));
  for (size_t l = 0; l < LANES; l++) assert_true(to[l] == 7);
}

static void test_load4(void **state) {
  (void)state;
  for (size_t i = 0; i <= BLOCK; i++) {
    refill();
    vec4 a = vload4(from + i);
    real lanes[4][LANES];
    vstore(lanes[0], vorder4(a.x));
    vstore(lanes[1], vorder4(a.y));
    vstore(lanes[2], vorder4(a.z));
    vstore(lanes[3], vorder4(a.w));
    for (size_t l = 0; l < LANES; l++)
      for (size_t k = 0; k < 4; k++) assert_true(lanes[k][l] == from[i + 4 * l + k]);
  }
}

static void test_store4(void **state) {
  (void)state;
  for (size_t i = 0; i <= BLOCK; i++) {
    refill();
    real lanes[4][LANES];
    for (size_t l = 0; l < LANES; l++)
      for (size_t k = 0; k < 4; k++) lanes[k][l] = from[4 * l + k];
    vstore4(to + i, (vec4){vdisorder4(vload(lanes[0])), vdisorder4(vload(lanes[1])),
                           vdisorder4(vload(lanes[2])), vdisorder4(vload(lanes[3]))});
    check_moved(i, BLOCK, 0);
  }
}

static void test_load_rows4(void **state) {
  (void)state;
  for (size_t stride = 4; stride <= 7; stride++) {
    refill();
    vec4 a = vload_rows4(from + 1, stride);
    real lanes[4][LANES];
    vstore(lanes[0], a.x);
    vstore(lanes[1], a.y);
    vstore(lanes[2], a.z);
    vstore(lanes[3], a.w);
    for (size_t l = 0; l < LANES; l++)
      for (size_t k = 0; k < 4; k++) assert_true(lanes[k][l] == from[1 + l * stride + k]);
  }
}

static void test_store_rows4(void **state) {
  (void)state;
  for (size_t stride = 4; stride <= 7; stride++) {
    refill();
    vec4 a = vload_rows4(from, stride);
    vstore_rows4(to + 1, stride, a);
    assert_true(to[0] == -1);
    for (size_t i = 0; i < ROOM - 1; i++) {
      int written = i / stride < LANES && i % stride < 4;
      assert_true(to[1 + i] == (written ? from[i] : -1));
    }
  }
}

int isa_checks(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_load_store),     cmocka_unit_test(test_stream),
      cmocka_unit_test(test_stream_aligned), cmocka_unit_test(test_set),
      cmocka_unit_test(test_load4),          cmocka_unit_test(test_store4),
      cmocka_unit_test(test_load_rows4),     cmocka_unit_test(test_store_rows4)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
