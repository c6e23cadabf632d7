/* SPDX-License-Identifier: Apache-2.0 */
/* What the plain loops of a dtype share. */
#ifndef VLOSS_BENCH_PLAIN_H
#define VLOSS_BENCH_PLAIN_H

#include <math.h>

#include "loop.h"

#ifdef PLAIN_F64
typedef double real;
#define real_abs fabs
#define real_atan atan
#define real_exp exp
#define real_log log
#define real_log1p log1p
#define real_sqrt sqrt
#define PLAIN_LOOPS plain_f64
#define PLAIN_BOXES plain_boxes_f64
#else
typedef float real;
#define real_abs fabsf
#define real_atan atanf
#define real_exp expf
#define real_log logf
#define real_log1p log1pf
#define real_sqrt sqrtf
#define PLAIN_LOOPS plain_f32
#define PLAIN_BOXES plain_boxes_f32
#endif

static inline void put_loss(const call *c, double loss) { *(real *)c->loss_out = (real)loss; }

static inline real least(real a, real b) { return a < b ? a : b; }
static inline real most(real a, real b) { return a > b ? a : b; }

#endif
