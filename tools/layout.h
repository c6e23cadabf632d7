/* SPDX-License-Identifier: Apache-2.0 */
/* How the axes of the files become the sizes of a call. */
#ifndef VLOSS_TOOLS_LAYOUT_H
#define VLOSS_TOOLS_LAYOUT_H

#include "call.h"
#include "npy.h"
#include "request.h"

/* Fill dtype, data pointers and sizes of the call, and the shape of its samples, from the arrays
 * that were given; labels may become i8. Returns 0, or an exit code after saying which file does
 * not fit, and why. */
int layout(const request *r, npy arrays[ARRAYS], call *c, npy_shape *samples);

#endif
