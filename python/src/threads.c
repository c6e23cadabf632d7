/* SPDX-License-Identifier: Apache-2.0 */
/* A parallel-for on threads of Python's making, started for each call: nothing waits for a call
 * that never comes, in a forked process either. POSIX threads by name would ask for glibc 2.34. */
#include "core.h"

#include <pythread.h>
#include <stdatomic.h>

typedef struct queue {
  vloss_task *task;
  void *work;
  size_t count;
  atomic_size_t next;
} queue;

typedef struct helper {
  queue *queue;
  PyThread_type_lock busy; /* held until it has returned */
} helper;

static void work_off(queue *q) {
  for (size_t i; (i = atomic_fetch_add(&q->next, 1)) < q->count;) q->task(q->work, i);
}

static void help(void *context) {
  const helper *h = context;
  PyThread_type_lock busy = h->busy;
  work_off(h->queue);
  PyThread_release_lock(busy);
}

/* 1 if another thread works on the queue. A thread that cannot be had is no error: the others take
 * its share. */
static int start_helper(helper *h, queue *q) {
  *h = (helper){q, PyThread_allocate_lock()};
  if (!h->busy) return 0;
  PyThread_acquire_lock(h->busy, WAIT_LOCK);
  if (PyThread_start_new_thread(help, h) != (unsigned long)-1) return 1;
  PyThread_release_lock(h->busy);
  PyThread_free_lock(h->busy);
  return 0;
}

static void run_in_threads(void *context, vloss_task *task, void *work, size_t count) {
  size_t threads = *(const size_t *)context, started = 0;
  helper helpers[MAX_THREADS];
  queue q = {.task = task, .work = work, .count = count};
  while (started + 1 < threads && started + 1 < count && start_helper(&helpers[started], &q))
    started++;
  work_off(&q);
  while (started > 0) {
    PyThread_type_lock busy = helpers[--started].busy;
    PyThread_acquire_lock(busy, WAIT_LOCK);
    PyThread_release_lock(busy);
    PyThread_free_lock(busy);
  }
}

vloss_executor threads_executor(size_t *threads) {
  return (vloss_executor){run_in_threads, threads};
}
