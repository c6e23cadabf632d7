/* SPDX-License-Identifier: Apache-2.0 */
/* Are the loss and gradient of more than 2^31 elements right? Up to there, arrays are one block of
 * memory, mapped again and again; behind, they have memory, and other values, of their own. */
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
#define REPEATED ((size_t)1 << 31)
#define TAIL (((size_t)9 << 20) + 12345) /* more than a 256th: a task begins in it */
#define TOTAL (REPEATED + TAIL)

/* Where a program goes that cannot have the memory. */
static void give_up(const char *what) {
  printf("skipped: %s\n", what);
  exit(77);
}

static float *map_repeatedly(void) {
  size_t bytes = BLOCK * sizeof(float);
  int file = memfd_create("block", 0);
  if (file < 0 || ftruncate(file, (off_t)bytes) != 0) give_up("no memory file");
  char *base = mmap(NULL, (TOTAL + 1) * sizeof(float), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) give_up("no address space");
  for (size_t i = 0; i < REPEATED / BLOCK; i++)
    if (mmap(base + i * bytes, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0) ==
        MAP_FAILED)
      give_up("too many mappings");
  close(file);
  return (float *)base;
}

static const float *inputs, *targets;
static float *grads;

static call huge_call(vloss_options *options, size_t first, size_t n) {
  call c = call_init(vloss_find_loss("smooth_l1"), F32);
  c.input = inputs + first;
  c.target = targets + first;
  c.shape[0] = n;
  c.shape[1] = c.shape[2] = 1;
  c.options = options;
  return c;
}

static int set_up(void **state) {
  (void)state;
  float *input = map_repeatedly(), *target = map_repeatedly();
  rng r = rng_init(data_seed(), 0);
  inputs = input;
  targets = target;
  grads = map_repeatedly();
  call block = huge_call(NULL, 0, BLOCK), tail = huge_call(NULL, REPEATED, TAIL);
  data_fill(&r, DATA_PLAIN, &block, input, target);
  data_fill(&r, DATA_PLAIN, &tail, input + REPEATED, target + REPEATED);
  for (size_t i = REPEATED; i < TOTAL; i++) target[i] += 2;
  return 0;
}

static wide true_sum(size_t first, size_t n) {
  call c = huge_call(NULL, first, n);
  walk w = walk_begin(&c, c.input);
  wide sum = 0;
  for (size_t i = 0; i < n; i++) {
    walk_truth(&w, i);
    sum += w.truth.loss;
  }
  walk_end(&w);
  return sum;
}

static void check_mean(float got) {
  wide sum = true_sum(0, BLOCK) * (wide)(REPEATED / BLOCK) + true_sum(REPEATED, TAIL);
  wide mean = sum / (wide)TOTAL, error = fabsl(got - mean) / (oracle_loss_bound(F32) * mean);
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
  call c = huge_call(&options, 0, TOTAL);
  c.loss_out = &loss;
  assert_int_equal(call_run(&c), VLOSS_OK);
  assert_int_equal(report.counted, TOTAL);
  check_mean(loss);
}

static void check_gradients(size_t first, size_t n) {
  call c = huge_call(NULL, first, n);
  walk w = walk_begin(&c, c.input);
  for (size_t i = 0; i < n; i++) {
    walk_truth(&w, i);
    wide exact = w.truth.grad[0], got = grads[first + i];
    if (!(fabsl(got - exact) <= w.truth.grad_ulps * oracle_ulp(F32, exact)))
      fail_msg("gradient %zu is %.9Lg, expected %.9Lg", first + i, got, exact);
  }
  walk_end(&w);
}

static void loss_and_gradient(void **state) {
  (void)state;
  vloss_options options = VLOSS_OPTIONS_INIT;
  float loss = -1;
  options.reduction = VLOSS_SUM;
  call c = huge_call(&options, 0, TOTAL);
  c.loss_out = &loss;
  c.grad = grads;
  assert_int_equal(call_run(&c), VLOSS_OK);
  check_mean((float)(loss / (double)TOTAL));
  check_gradients(0, BLOCK);
  check_gradients(REPEATED, TAIL);
  assert_true(grads[TOTAL] == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(loss_alone),
      cmocka_unit_test(loss_and_gradient),
  };
  if (mode_emulated()) give_up("on an emulator");
  return cmocka_run_group_tests(tests, set_up, NULL) != 0;
}
