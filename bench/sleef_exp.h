/* SPDX-License-Identifier: Apache-2.0 */
/* Included before kernels, makes them call SLEEF's exponential instead of inlining ours. */
#include <sleef.h>

#include "math/elementary.h"

#define vexp Sleef_expf8_u10avx2
