/* SPDX-License-Identifier: Apache-2.0 */
/* Benches of scoring, named score/what/dtype/who/size. */
#ifndef VLOSS_BENCH_SCORES_H
#define VLOSS_BENCH_SCORES_H

/* Register them with the shim; 0 if memory ran out or a baseline computes something else. */
int scores_register(void);

#endif
