/* SPDX-License-Identifier: Apache-2.0 */
/* How much stack a function takes: it runs on a painted one. */
#ifndef VLOSS_TESTS_PAINTED_H
#define VLOSS_TESTS_PAINTED_H

#include <vloss/vloss.h>

/* Bytes of stack that run(argument) takes, which must return VLOSS_OK. */
size_t painted_stack(vloss_status (*run)(const void *argument), const void *argument);

#endif
