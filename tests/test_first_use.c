/* SPDX-License-Identifier: Apache-2.0 */
/* Is first use from many threads at once a clean race? Every thread must see the same instruction
 * set and bits; gcc's ThreadSanitizer must see nothing. Forked children repeat it: first use comes
 * once. */
#define _XOPEN_SOURCE 700
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases.h"

enum { THREADS = 8, PROCESSES = 20 };

static pthread_barrier_t barrier;

typedef struct job {
  problem *problem;
  const char *isa;
} job;

static void *first_call(void *argument) {
  job *j = argument;
  pthread_barrier_wait(&barrier);
  vloss_status status = call_run(&j->problem->call);
  j->isa = status == VLOSS_OK ? vloss_isa() : vloss_status_string(status);
  return NULL;
}

static int check(job *jobs) {
  for (int i = 0; i < THREADS; i++) {
    const problem *p = jobs[i].problem, *first = jobs[0].problem;
    if (strcmp(jobs[i].isa, jobs[0].isa) != 0 ||
        memcmp(p->loss, first->loss, p->loss_count * dtype_size(p->call.dtype)) != 0 ||
        memcmp(p->grad, first->grad, p->elements * dtype_size(p->call.dtype)) != 0) {
      fprintf(stderr, "thread %d: %s, thread 0: %s\n", i, jobs[i].isa, jobs[0].isa);
      return 1;
    }
  }
  return 0;
}

static int race(const vloss_loss *loss) {
  static const size_t shape[3] = {40, 5, 1};
  pthread_t threads[THREADS];
  job jobs[THREADS];
  pthread_barrier_init(&barrier, NULL, THREADS);
  for (int i = 0; i < THREADS; i++) {
    rng r = rng_init(1, 2);
    call c = case_call(loss, F32, 0);
    size_t own[3] = {shape[0],
                     loss->family == VLOSS_ROWS || loss->family == VLOSS_OVERLAP ? shape[1] : 1, 1};
    jobs[i] = (job){problem_new(&r, &c, own, DATA_PLAIN, VLOSS_NONE, EXTRA_WEIGHT), NULL};
    if (pthread_create(&threads[i], NULL, first_call, &jobs[i]) != 0) abort();
  }
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  int failed = check(jobs);
  for (int i = 0; i < THREADS; i++) problem_free(jobs[i].problem);
  pthread_barrier_destroy(&barrier);
  return failed;
}

int main(void) {
  size_t count;
  const vloss_loss *losses = chosen_losses(&count);
  for (int i = 0; i < PROCESSES; i++) {
    pid_t child = fork();
    if (child < 0) return 1;
    if (child == 0) _exit(race(&losses[(size_t)i % count]));
    int status;
    if (waitpid(child, &status, 0) != child || status != 0) {
      fprintf(stderr, "race %d failed: %d\n", i, status);
      return 1;
    }
  }
  return race(&losses[0]); /* in the main process too, for tools that do not follow a fork */
}
