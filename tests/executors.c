/* SPDX-License-Identifier: Apache-2.0 */
#include "executors.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 4 };

static size_t most_tasks;

size_t executor_most_tasks(void) { return most_tasks; }

static void note(size_t count) {
  if (count > most_tasks) most_tasks = count;
}

static void run_reversed(void *context, vloss_task *task, void *argument, size_t count) {
  (void)context;
  note(count);
  while (count-- > 0) task(argument, count);
}

typedef struct queue {
  vloss_task *task;
  void *argument;
  size_t count;
  atomic_size_t next;
} queue;

static void *worker(void *argument) {
  queue *q = argument;
  for (size_t i; (i = atomic_fetch_add(&q->next, 1)) < q->count;) q->task(q->argument, i);
  return NULL;
}

static void run_threads(void *context, vloss_task *task, void *argument, size_t count) {
  (void)context;
  note(count);
  queue q = {task, argument, count, 0};
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    if (pthread_create(&threads[i], NULL, worker, &q) != 0) {
      fputs("no thread\n", stderr);
      abort();
    }
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
}

const vloss_executor executor_reversed = {run_reversed, NULL};
const vloss_executor executor_threads = {run_threads, NULL};
