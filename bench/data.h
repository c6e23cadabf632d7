/* SPDX-License-Identifier: Apache-2.0 */
/* Random inputs in one arena, so that a call and the memcpy that it is measured against touch the
 * same pages. */
#ifndef VLOSS_BENCH_DATA_H
#define VLOSS_BENCH_DATA_H

#include "call.h"

enum { DATA_SEED = 1 };

/* Bytes that the algorithm must move: each input is read once, each output written once. An overlap
 * loss needs its sums before its gradient and reads twice. */
double data_traffic(const call *c, int gradient);

/* Bytes of arena that a call needs, memcpy of its traffic included. */
size_t data_size(const call *c);

/* Reserve an arena; 0 if there is no memory. It is only touched where it is used. */
int data_reserve(size_t bytes);

/* Fill the arena for a call of this shape and point the call's inputs and gradient into it. */
void data_fill(call *c);

/* Two halves of the arena to copy between, both in memory. */
void data_fill_copy(size_t bytes, void **to, void **from);

#endif
