/* SPDX-License-Identifier: Apache-2.0 */
/* Descending scores, equal ones by ascending index. */
#ifndef VLOSS_API_ORDER_H
#define VLOSS_API_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include <vloss/types.h>

typedef struct order_item {
  uint64_t key; /* ascending where the score descends */
  uint32_t index;
} order_item;

/* Items of those of n scores that are numbers > threshold (-inf: all numbers); returns how many. */
size_t vloss_order_items(const void *scores, vloss_dtype dtype, size_t n, double threshold,
                         order_item *items);

/* Sorts them, with as much room beside; returns where they are. */
order_item *vloss_order_sort(order_item *items, order_item *spare, size_t count, vloss_dtype dtype);

#endif
