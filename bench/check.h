/* SPDX-License-Identifier: Apache-2.0 */
/* A baseline that computes something else is no baseline. */
#ifndef VLOSS_BENCH_CHECK_H
#define VLOSS_BENCH_CHECK_H

/* Number of implementations whose loss or gradient is not the library's, each named on stderr. */
int check_implementations(void);

#endif
