/* SPDX-License-Identifier: Apache-2.0 */
/* What the api hands to a kernel. Kernels of all families have one signature, so that splitting and
 * dispatch know no family: a kernel does the part [begin, end) of a job, in the job's units. */
#ifndef VLOSS_JOB_H
#define VLOSS_JOB_H

#include <stddef.h>
#include <stdint.h>

#include <vloss/types.h>

#include "compensated.h"
#include "strict.h"

/* Larger outputs do not come back from a cache in time to be worth keeping there. */
#define STREAM_BYTES ((size_t)16 << 20)

/* What a part of a job found: the losses, or the three sums of an overlap loss. */
typedef struct partial {
  compensated sums[3];
  size_t degenerate;
} partial;

typedef void kernel(const void *job, size_t begin, size_t end, partial *result);

/* The name of a kernel in a table "avx2_f32". */
#define KERNEL(loss, table) KERNEL_PASTE(loss, table)
#define KERNEL_PASTE(loss, table) vloss_kernel_##loss##_##table

/* What every family's job starts with. */
typedef struct job {
  const void *input;
  const void *weight;      /* per sample, or NULL */
  const void *grad_output; /* per sample, or NULL */
  void *loss;              /* per sample, or NULL: reduced or not wanted */
  void *grad;              /* or NULL */
  double loss_factor;      /* multiplies a loss that is written per sample */
  double grad_factor;      /* multiplies every gradient */
  int want_loss;
  int stream; /* grad is larger than the caches: write around them */
} job;

/* Units: elements. */
typedef struct elements_job {
  job base;
  const void *target;
  const void *further; /* or NULL: a third input, */
  void *further_grad;  /* and where its gradient goes, or NULL */
  /* the numbers among the parameters; behind one that stands alone, 1 minus it */
  double parameters[4];
  int flags;                   /* the flags among them: the first in bit 0 */
  const void *class_parameter; /* or NULL: the first parameter of each class; element i has */
  size_t classes, inner;       /* class i / inner % classes */
} elements_job;

/* Units: boxes. */
typedef struct boxes_job {
  job base;
  const void *target;
  const vloss_box_options *options;
  int only_weights; /* sum the weights that a loss gives its boxes instead of the losses */
} boxes_job;

/* Units: rows, counted n-major: row = n * inner + position. A loss sets what it has. */
typedef struct rows_job {
  job base;
  vloss_labels labels;
  const void *target; /* in the input's shape */
  size_t classes, inner;
  const void *class_weight; /* or NULL */
  double smoothing, gamma, temperature;
  int64_t ignore_index;
  int teacher_logits; /* the target is logits */
  int squared;        /* times the temperature twice */
} rows_job;

typedef enum overlap_phase {
  OVERLAP_SUMS,
  OVERLAP_TERMS,
  OVERLAP_GRADIENT,
  PLANE_SUMS,
  PLANE_GRADIENT
} overlap_phase;

/* The sums over a group, and what a loss makes of them: its value and the slope
 * constant + target t + input p with respect to p. */
typedef struct overlap_group {
  compensated sums[3]; /* product, false positives, false negatives */
  double lift;         /* 1, or what the product was multiplied by */
  double loss;
  double slope, slope_target, slope_input;
} overlap_group;

/* The slopes of a group, times everything that multiplies its gradient. */
typedef struct overlap_slopes {
  double constant, target, input;
  int weightless; /* the group has weight 0 and no slope, even where it holds a NaN */
} overlap_slopes;

/* Which products are too small for the dtype, and are added times OVERLAP_LIFT: of predictions and
 * targets, or the mistakes too. */
enum { FAINT_PRODUCT = 1, FAINT_MISTAKES = 2 };
#define OVERLAP_LIFT_F32 0x1p180
#define OVERLAP_LIFT_F64 0x1p600

/* Channels that a softmax takes, and that one call of a plane kernel may be given. */
enum { MOST_CHANNELS = 256 };

/* Units: elements of one group (sums, gradient), groups (terms, always the f64 kernel), or pixels,
 * counted image after image (planes). */
typedef struct overlap_job {
  job base; /* input and grad of the group; of planes: of channel 0 of image 0 */
  const void *target;
  overlap_phase phase;
  int faint; /* sums: 0, or of FAINT_PRODUCT and FAINT_MISTAKES */
  const vloss_overlap_options *options;
  overlap_group *group;         /* terms */
  const overlap_slopes *slopes; /* gradient; of planes: of channel 0 */
  /* planes only */
  size_t channels, inner; /* inner numbers from a channel to the next */
  size_t image;           /* numbers from an image to the next */
  int shared;             /* all channels have the slopes of channel 0 */
  size_t part;            /* pixels that a call is given */
  compensated (*sums)[3]; /* out: of each channel, of part after part */
} overlap_job;

#endif
