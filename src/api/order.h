/* SPDX-License-Identifier: Apache-2.0 */
/* Descending scores, equal ones by ascending index. */
#ifndef VLOSS_API_ORDER_H
#define VLOSS_API_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include <vloss/types.h>

/* The indices, in order, of those of n scores that are numbers > threshold (-inf: all numbers);
 * returns how many. `room`: for 2 n. */
size_t vloss_order(const void *scores, vloss_dtype dtype, size_t n, double threshold,
                   uint64_t *room, uint32_t *order);

#endif
