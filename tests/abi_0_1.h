/* SPDX-License-Identifier: Apache-2.0 */
/* The structs that grow, as programs compiled against release 0.1 have them. Not to be changed. */
#ifndef VLOSS_TESTS_ABI_0_1_H
#define VLOSS_TESTS_ABI_0_1_H

#include <stddef.h>
#include <stdint.h>

typedef struct report_0_1 {
  size_t struct_size;
  double sum, weight;
  size_t counted, ignored, degenerate, bad_label;
  const char *argument;
} report_0_1;

typedef struct options_0_1 {
  size_t struct_size;
  int reduction;
  const void *weight;
  double divisor, scale;
  const void *grad_output, *executor;
  report_0_1 *report;
} options_0_1;

typedef struct poisson_nll_0_1 {
  size_t struct_size;
  int log_input, full;
  double eps;
} poisson_nll_0_1;

typedef struct gaussian_nll_0_1 {
  size_t struct_size;
  int full;
  double eps;
} gaussian_nll_0_1;

typedef struct binary_0_1 {
  size_t struct_size;
  const void *positive_weight;
  size_t classes, inner;
} binary_0_1;

typedef struct focal_0_1 {
  size_t struct_size;
  double alpha, gamma, beta;
} focal_0_1;

typedef struct box_0_1 {
  size_t struct_size;
  int format;
  double eps;
  int form;
  double floor;
  int alpha_gate;
  double gamma;
  int normalize, base;
  double lambda, alpha, theta;
} box_0_1;

typedef struct cross_entropy_0_1 {
  size_t struct_size;
  const void *class_weight;
  double smoothing;
  int64_t ignore_index;
  double gamma;
} cross_entropy_0_1;

typedef struct soft_0_1 {
  size_t struct_size;
  const void *class_weight;
  double smoothing;
} soft_0_1;

typedef struct teacher_0_1 {
  size_t struct_size;
  int teacher;
  double temperature;
  int squared;
} teacher_0_1;

typedef struct overlap_0_1 {
  size_t struct_size;
  int activation;
  double smoothing, gamma;
  int log, squared;
  double alpha, beta;
  int grouping;
  size_t channels;
} overlap_0_1;

#endif
