/* SPDX-License-Identifier: Apache-2.0 */
/* Single nasty values, for the fillers of data_*.c. */
#ifndef VLOSS_TESTS_DATA_VALUES_H
#define VLOSS_TESTS_DATA_VALUES_H

#include "data.h"

/* 2^exponent, exact, -1074 <= exponent <= 1023. */
double value_power(int exponent);
/* Either sign, with an exponent in [low, high] and random digits. */
double value_scaled(rng *r, int low, int high);
int value_integer(rng *r, int low, int high);
double value_largest(dtype type);
/* Moved by that many units in the last place of the dtype; finite values away from zero only. */
double value_step(dtype type, double value, int steps);
/* Any finite number of the dtype; a NaN or infinity. */
double value_wild(rng *r, dtype type);
double value_special(rng *r);

/* Pairs for a loss with a domain; 0 if it has none. */
int fill_domain(rng *r, data_kind kind, const call *c, void *input, void *target);
void fill_boxes(rng *r, data_kind kind, const call *c, void *input, void *target);

#endif
