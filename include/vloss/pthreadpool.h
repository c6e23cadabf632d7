/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file pthreadpool.h
 * @brief Run vloss on a thread pool of the library pthreadpool (component `vloss-pthreadpool`).
 */
#ifndef VLOSS_PTHREADPOOL_H
#define VLOSS_PTHREADPOOL_H

#include <pthreadpool.h>
#include <vloss/vloss.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * An executor that runs the tasks on `pool`, for ::vloss_options. The results do not depend on it.
 *
 * @param pool  stays the caller's and must outlive every call that uses the executor. NULL runs the
 *              tasks on the calling thread. One pool serves one call at a time: concurrent calls on
 *              it wait for each other.
 */
VLOSS_API vloss_executor vloss_pthreadpool_executor(pthreadpool_t pool);

#ifdef __cplusplus
}
#endif

#endif
