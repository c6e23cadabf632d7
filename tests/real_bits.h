/* SPDX-License-Identifier: Apache-2.0 */
/* The bits of a real and back, for tests that are built once per ISA and dtype. */
#ifndef VLOSS_TESTS_REAL_BITS_H
#define VLOSS_TESTS_REAL_BITS_H

#include "math/elementary.h"

static inline uint64_t bits_of(real a) {
  uint64_t bits = 0;
  memcpy(&bits, &a, sizeof a);
  return bits;
}

static inline real real_of(uint64_t bits) {
  real a;
  memcpy(&a, &bits, sizeof a);
  return a;
}

#endif
