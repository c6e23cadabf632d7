/* SPDX-License-Identifier: Apache-2.0 */
#include <vloss/pthreadpool.h>

static void run(void *pool, vloss_task *task, void *argument, size_t count) {
  pthreadpool_parallelize_1d(pool, task, argument, count, 0);
}

vloss_executor vloss_pthreadpool_executor(pthreadpool_t pool) {
  return (vloss_executor){.run = run, .context = pool};
}
