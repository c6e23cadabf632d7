/* SPDX-License-Identifier: Apache-2.0 */
/* What memory alone costs: the arrays of a call without its arithmetic, in several ways. */
#ifndef VLOSS_BENCH_TOUCH_H
#define VLOSS_BENCH_TOUCH_H

#include "call.h"

void touch_plain(const call *c);
void touch_prefetch(const call *c);
void touch_stream(const call *c);
void touch_both(const call *c);

#endif
