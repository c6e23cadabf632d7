/* SPDX-License-Identifier: Apache-2.0 */
/* How much to test, from the environment. */
#ifndef VLOSS_TESTS_MODE_H
#define VLOSS_TESTS_MODE_H

#include <stdlib.h>
#include <string.h>

static inline int mode_set(const char *name) {
  const char *value = getenv(name);
  return value != NULL && *value != 0 && strcmp(value, "0") != 0;
}

/* Everything, however long it takes. */
static inline int mode_full(void) { return mode_set("VLOSS_TEST_FULL"); }
/* Before a release: what only repetition finds, too. */
static inline int mode_thorough(void) { return mode_set("VLOSS_TEST_THOROUGH") || mode_full(); }
/* On an emulator, or under a tool that is as slow: a hundredth of the work. */
static inline int mode_emulated(void) { return mode_set("VLOSS_TEST_EMULATED"); }

#endif
