/* SPDX-License-Identifier: Apache-2.0 */
/* avx512/vec.h over SIMDe, which makes its intrinsics of those that the machine has. */
#ifndef VLOSS_TESTS_SIMDE_VEC_H
#define VLOSS_TESTS_SIMDE_VEC_H

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <string.h>

/* Debian 12's SIMDe lacks these. */
#define _mm512_stream_ps simde_stream_ps
#define _mm512_stream_pd simde_stream_pd
static inline void simde_stream_ps(float *p, simde__m512 a) { memcpy(p, &a, sizeof a); }
static inline void simde_stream_pd(double *p, simde__m512d a) { memcpy(p, &a, sizeof a); }

#include "avx512/vec.h"

#endif
