/* SPDX-License-Identifier: Apache-2.0 */
/* The same loss on one thread and on a pool of threads: the same bits, sooner. */
#define _POSIX_C_SOURCE 199309L /* clock_gettime() */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <vloss/pthreadpool.h>

enum { ELEMENTS = 1 << 22, REPETITIONS = 10 };

typedef struct result {
  float loss;
  float *grad;
  double seconds; /* of the fastest repetition */
} result;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* allocated and touched, so that no page fault is timed */
static float *array(float step) {
  float *values = malloc(ELEMENTS * sizeof *values);
  if (values == NULL) exit(EXIT_FAILURE);
  for (size_t i = 0; i < ELEMENTS; i++) values[i] = step * (float)(i % 1000);
  return values;
}

static result run(const float *input, const float *target, const vloss_executor *executor) {
  vloss_options options = VLOSS_OPTIONS_INIT;
  options.executor = executor;
  result r = {.grad = array(0)};
  for (int k = 0; k < REPETITIONS; k++) {
    const double start = now();
    const vloss_status status =
        vloss_smooth_l1_f32(input, target, ELEMENTS, 1.0, &options, &r.loss, r.grad);
    const double seconds = now() - start;
    if (status != VLOSS_OK) {
      fprintf(stderr, "pthreadpool: %s\n", vloss_status_string(status));
      exit(EXIT_FAILURE);
    }
    if (k == 0 || seconds < r.seconds) r.seconds = seconds;
  }
  return r;
}

int main(void) {
  float *input = array(0.01F), *target = array(-0.003F);
  pthreadpool_t pool = pthreadpool_create(0); /* one thread per processor */
  const vloss_executor executor = vloss_pthreadpool_executor(pool);

  const result alone = run(input, target, NULL);
  const result together = run(input, target, &executor);
  const int same = memcmp(&alone.loss, &together.loss, sizeof alone.loss) == 0 &&
                   memcmp(alone.grad, together.grad, ELEMENTS * sizeof *alone.grad) == 0;

  printf("smooth_l1 of %d elements: loss %.6f, %.2f ms on this thread, %.2f ms on a pool of %zu\n",
         ELEMENTS, (double)alone.loss, 1e3 * alone.seconds, 1e3 * together.seconds,
         pool == NULL ? 1 : pthreadpool_get_threads_count(pool));
  printf("loss and gradient are %s\n", same ? "bit-identical" : "DIFFERENT");

  pthreadpool_destroy(pool);
  free(alone.grad);
  free(together.grad);
  free(input);
  free(target);
  return same ? EXIT_SUCCESS : EXIT_FAILURE;
}
