/* SPDX-License-Identifier: Apache-2.0 */
/* Are the loss and gradient of more than 2^31 elements right? Arrays are one block of memory,
 * mapped again and again. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "data.h"
#include "mode.h"
#include "oracle.h"
#include "testing.h"

#define BLOCK ((size_t)1 << 22) /* floats */
#define TAIL ((size_t)12345)
#define TOTAL (((size_t)1 << 31) + TAIL)

/* Where a program goes that cannot have the memory. */
static void give_up(const char *what) {
  printf("skipped: %s\n", what);
  exit(77);
}

/* TOTAL floats over one block; those beyond 2^31 have pages of their own if `own_tail`. */
static float *map_repeatedly(int own_tail) {
  size_t bytes = BLOCK * sizeof(float), size = (TOTAL / BLOCK + 1) * bytes;
  int file = memfd_create("block", 0);
  if (file < 0 || ftruncate(file, (off_t)bytes) != 0) give_up("no memory file");
  char *base =
      mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) give_up("no address space");
  for (size_t at = 0; at < size - (own_tail ? bytes : 0); at += bytes)
    if (mmap(base + at, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0) ==
        MAP_FAILED)
      give_up("too many mappings");
  close(file);
  return (float *)base;
}

static const float *inputs, *targets;
static float *grads;

static call huge_call(vloss_options *options, size_t n) {
  call c = call_init(call_find("smooth_l1"), F32);
  c.input = inputs;
  c.target = targets;
  c.shape[0] = n;
  c.shape[1] = c.shape[2] = 1;
  c.options = options;
  return c;
}

static int set_up(void **state) {
  (void)state;
  float *input = map_repeatedly(0), *target = map_repeatedly(0);
  rng r = rng_init(data_seed(), 0);
  inputs = input;
  targets = target;
  grads = map_repeatedly(1);
  call c = huge_call(NULL, BLOCK);
  data_fill(&r, DATA_PLAIN, &c, input, target);
  return 0;
}

/* The mean of the whole from the sums of one block and of its beginning. */
static wide true_mean(void) {
  call c = huge_call(NULL, BLOCK);
  walk w = walk_begin(&c, inputs);
  wide block = 0, tail = 0;
  for (size_t i = 0; i < BLOCK; i++) {
    walk_truth(&w, i);
    block += w.truth.loss;
    if (i < TAIL) tail += w.truth.loss;
  }
  walk_end(&w);
  return (block * (wide)(TOTAL / BLOCK) + tail) / (wide)TOTAL;
}

static void check_mean(float got) {
  wide mean = true_mean(), error = fabsl(got - mean) / (oracle_loss_bound(F32) * mean);
  printf("mean of %zu elements: %.9g, %.3Lg times the bound from the truth\n", TOTAL, (double)got,
         error);
  assert_true(error <= 1);
}

static void loss_alone(void **state) {
  (void)state;
  vloss_report report = VLOSS_REPORT_INIT;
  vloss_options options = VLOSS_OPTIONS_INIT;
  float loss = -1;
  options.report = &report;
  call c = huge_call(&options, TOTAL);
  c.loss_out = &loss;
  assert_int_equal(call_run(&c), VLOSS_OK);
  assert_int_equal(report.counted, TOTAL);
  check_mean(loss);
}

static void check_gradient(const walk *w, float got, size_t at) {
  wide bound = w->truth.grad_ulps * oracle_ulp(F32, w->truth.grad[0]);
  if (!(fabsl(got - w->truth.grad[0]) <= bound))
    fail_msg("gradient %zu is %.9g, expected %.9Lg", at, (double)got, w->truth.grad[0]);
}

static void loss_and_gradient(void **state) {
  (void)state;
  vloss_options options = VLOSS_OPTIONS_INIT;
  float loss = -1;
  options.reduction = VLOSS_SUM;
  call c = huge_call(&options, TOTAL);
  c.loss_out = &loss;
  c.grad = grads;
  assert_int_equal(call_run(&c), VLOSS_OK);
  check_mean((float)(loss / (double)TOTAL));
  walk w = walk_begin(&c, inputs);
  for (size_t i = 0; i < BLOCK; i++) {
    walk_truth(&w, i);
    check_gradient(&w, grads[i], i);
    if (i < TAIL) check_gradient(&w, grads[TOTAL - TAIL + i], TOTAL - TAIL + i);
  }
  assert_true(grads[TOTAL] == 0);
  walk_end(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(loss_alone),
      cmocka_unit_test(loss_and_gradient),
  };
  if (mode_emulated()) give_up("on an emulator");
  return cmocka_run_group_tests(tests, set_up, NULL) != 0;
}
