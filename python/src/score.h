/* SPDX-License-Identifier: Apache-2.0 */
/* The scoring functions: what they read, hold and return. */
#ifndef VLOSS_PYTHON_SCORE_H
#define VLOSS_PYTHON_SCORE_H

#include "core.h"

enum { SCORING_ARRAYS = 24, SCORING_BLOCKS = 6 };

/* All that a call holds until it returns. */
typedef struct scoring {
  core_state *state;
  int tensors;          /* 1: results are tensors, of use_torch()'s type */
  place at;             /* the function as Python calls it, and the argument in hand */
  const char *likeness; /* the name of `first` */
  const array *first;   /* whose type the other arrays of real numbers must have; or NULL */
  array arrays[SCORING_ARRAYS];
  size_t array_count;
  void *blocks[SCORING_BLOCKS];
  size_t block_count;
  size_t nothing; /* where arrays without elements point to */
  vloss_report report;
  size_t threads;
  vloss_executor pool;
  const vloss_executor *executor; /* NULL: this thread */
} scoring;

/* _core.score(operation, function, tensors, *arguments). */
PyObject *score(PyObject *module, PyObject *arguments);

/* What an operation does with its arguments; NULL with an exception. */
typedef PyObject *operation(scoring *s, PyObject *arguments);
operation score_similarity_matrix, score_similarity_paired, score_similarity_best,
    score_similarity_top_k, score_similarity_pairs, score_nms, score_select, score_coco_match,
    score_coco_accumulate, score_coco_confusion, score_coco_curve, score_coco_calibration,
    score_assign, score_fusion, score_zeros, score_mask_encode, score_mask_decode, score_mask_area,
    score_mask_box, score_mask_iou, score_mask_merge, score_mask_to_text, score_mask_from_text,
    score_mask_from_polygons, score_oks, state_exact_sum, state_exact_value, state_denominator,
    state_softmax_init, state_softmax_maximum, state_softmax_update, state_softmax_finish,
    state_group_sums, state_group_finish;

/* They name the argument in `s->at`; NULL or -1 with an exception. */
array *read_reals(scoring *s, const char *name, PyObject *object);
array *read_boxes(scoring *s, const char *name, PyObject *object);
array *read_vector(scoring *s, const char *name, PyObject *object, size_t count);
/* None: nothing. */
int read_labels(scoring *s, const char *name, PyObject *object, size_t count, vloss_labels *labels);
int read_flags(scoring *s, const char *name, PyObject *object, size_t count, const uint8_t **flags);
/* The same of numbers that become double or int64: of one shape, or of any. */
int read_doubles(scoring *s, const char *name, PyObject *object, int dimensions,
                 const size_t *sizes, const double **values);
int read_list(scoring *s, const char *name, PyObject *object, const double **values, size_t *count);
int read_whole_list(scoring *s, const char *name, PyObject *object, const int64_t **values,
                    size_t *count);
int read_number(scoring *s, const char *name, PyObject *object, double *value);
int read_size(scoring *s, const char *name, PyObject *object, size_t *value);

/* An array of any kind, in C order. */
array *read_array(scoring *s, const char *name, PyObject *object);
int require_shape(scoring *s, const array *a, int dimensions, const size_t *sizes);
int require_boxes(scoring *s, const array *a); /* (n, 4) */

/* Memory until the call returns. */
void *take_memory(scoring *s, size_t bytes);

/* A new array or tensor of numbers in the struct module's format: d, f, q, B or I. */
PyObject *new_result(scoring *s, char format, int dimensions, const size_t *sizes, void **data);
/* The same of numbers that are there. */
PyObject *copy_result(scoring *s, char format, size_t count, const void *data);

/* An exception unless the status is VLOSS_OK. An argument that the library calls otherwise than
 * Python is named by pairs: the library's name, Python's, and NULL at the end. */
int raise_score(scoring *s, vloss_status status, const char *const *renamed);

#endif
