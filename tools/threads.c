/* SPDX-License-Identifier: Apache-2.0 */
#include "threads.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct queue {
  vloss_task *task;
  void *argument;
  size_t count;
  atomic_size_t next;
} queue;

static void *work(void *shared) {
  queue *q = shared;
  for (size_t i; (i = atomic_fetch_add(&q->next, 1)) < q->count;) q->task(q->argument, i);
  return NULL;
}

/* A thread that cannot be had is no error: the others take its share. */
static void run(void *context, vloss_task *task, void *argument, size_t count) {
  size_t threads = *(const size_t *)context;
  pthread_t helpers[MAX_THREADS];
  size_t started = 0;
  queue q = {.task = task, .argument = argument, .count = count};
  while (started + 1 < threads && started + 1 < count &&
         pthread_create(&helpers[started], NULL, work, &q) == 0) {
    started++;
  }
  work(&q);
  while (started > 0) pthread_join(helpers[--started], NULL);
}

vloss_executor threads_executor(size_t *count) {
  return (vloss_executor){.run = run, .context = count};
}
