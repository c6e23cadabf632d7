/* SPDX-License-Identifier: Apache-2.0 */
/* The box regression experiment of Zheng et al. 2020 (Distance-IoU loss, arXiv 1911.08287), with
 * exact gradients. Seven targets of unit area and aspects 1:4 to 4:1 stand at (10, 10). Around it
 * lie points, uniform in a disc of radius 3; at each of them 49 anchors, seven areas times the
 * seven aspects. Every anchor descends towards every target for 200 steps along its loss,
 *
 *     B -= rate (2 - IoU) dL/dB on (cx, cy, w, h), rate .1, from step 161 on .01, from 181 .001,
 *
 * and its error is |dx| + |dy| + |dw| + |dh|. The same seed gives the same bits on every
 * instruction set and for every number of threads. */
#ifndef VLOSS_TOOLS_SIMULATION_H
#define VLOSS_TOOLS_SIMULATION_H

#include "call.h"

enum {
  SIMULATION_STEPS = 200,
  SIMULATION_CASES = 343, /* of a point: 49 anchors x 7 targets */
  SIMULATION_POINTS = 5000
};

typedef struct simulation {
  size_t points;
  uint64_t seed;
  const vloss_executor *executor; /* NULL: this thread */
  /* Called now and then with the share that is done, by one thread at a time; or NULL. */
  void (*progress)(void *context, double share);
  void *context;
} simulation;

typedef struct simulation_result {
  double mean[SIMULATION_STEPS + 1]; /* error after each step, from 0 on */
  double worst;                      /* of the last */
  double nanoseconds; /* of one evaluation of the loss and its gradient, per thread */
} simulation_result;

/* Runs a loss of the family boxes with the call's parameters but their own format. Returns 0, or 1
 * if there is no memory for it. */
int simulate(const simulation *s, const call *c, simulation_result *result);

#endif
