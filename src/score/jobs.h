/* SPDX-License-Identifier: Apache-2.0 */
/* What the api hands to a scoring kernel. */
#ifndef VLOSS_SCORE_JOBS_H
#define VLOSS_SCORE_JOBS_H

#include <vloss/score.h>

#include "job.h"

/* An array of boxes. */
typedef struct box_source {
  const void *data;
  vloss_box_format format;
  int any_corners;
  int integers; /* int32_t instead of numbers of the dtype */
} box_source;

/* Units: first boxes; of top k second boxes. A kernel has what it needs. */
typedef struct similarity_job {
  box_source first, second;
  size_t n, m;
  vloss_similarity_kind kind;
  const uint8_t *crowd; /* per second box, or NULL */
  void *out;            /* matrix, paired */
  size_t stride;
  int stream;  /* out is larger than the caches: write around them */
  void *value; /* best: or NULL; top k */
  int64_t *index;
  size_t k;
  double threshold;
  size_t step;   /* first boxes of a part */
  size_t *found; /* pairs of each part; when they are written, those of all parts before it */
  vloss_similarity_pair *pairs;
} similarity_job;

/* Bits of a score's key that a histogram is about: fewer than of a number, so in several rounds. */
enum { KEY_DIGIT = 11, KEY_BUCKETS = 1 << KEY_DIGIT };

/* Units: boxes. The key of a score ascends with it. */
typedef struct select_job {
  const void *scores;
  size_t n, classes;
  size_t box_step, class_step; /* between the scores of boxes, of classes */
  int multi_label;
  double threshold;
  size_t *count; /* candidates; of those with the digits `prefix` above `shift` how many have each
                    next digit is added to the buckets, if there are any */
  uint32_t *buckets;
  int shift;
  uint64_t prefix;
  uint64_t lowest; /* write: keys above are written, and the first `ties` that have this one */
  size_t ties;
  int64_t *box, *label;
  void *score;
} select_job;

/* The boxes of a cell: in blocks, all but the last one full. Block 0 is empty, and so are cells
 * that begin with it. */
typedef struct cell_chain {
  uint32_t first, last, count;
} cell_chain;

enum {
  BLOCK_BYTES = 192, /* three lines of the cache */
  BLOCK_ARRAYS = 6,  /* of numbers */
  LIST_LEAST = 16    /* boxes of a class that has a list of its own */
};

/* What a suppression works with. Arrays by rank are in order; lists of what is kept grow at the
 * front of them, behind the rank in work. Room for numbers: of doubles, and of whole vectors. */
typedef struct nms_job {
  box_source boxes;
  vloss_nms_method method;
  double threshold, sigma, score_threshold;
  size_t n;          /* boxes that take part */
  uint32_t *order;   /* their indices by rank; in the end those of the result */
  uint32_t *classes; /* by rank, numbered from 0, or NULL: all one */
  size_t class_count;
  uint32_t *per_class; /* kept of each class, all 0 at first; NULL: without limit */
  size_t max_per_class, max_output;
  void *numbers; /* BOX_NUMBERS arrays of `room` by rank */
  void *results; /* matrix: scores of the result; soft: ranks by index */
  size_t room;
  /* hard suppression, whose numbers are corners and areas alone */
  uint32_t *cells;       /* by rank */
  cell_chain *chains;    /* 2^cell_bits cells of the grid, two more, and lists of classes */
  uint32_t *class_cells; /* the list of each class */
  void *blocks;          /* what cells have */
  uint32_t *next;        /* block of the same cell */
  int cell_bits;
  size_t *kept; /* how many the result has */
  /* soft and matrix suppression: classes one after the other, each in order of its indices (soft)
   * or by rank (matrix); `numbers` has their scores behind the areas, and then results */
  uint32_t *grouped;     /* indices by place */
  uint32_t *segments;    /* where the class of a place begins; of soft: where each class does */
  void *heads;           /* soft: the highest score of each class, */
  uint32_t *head_places; /* where it is, */
  uint32_t *heap;        /* and the classes, that with the highest one first */
} nms_job;

#endif
