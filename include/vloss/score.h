/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file score.h
 * @brief Scoring of detections: similarities of boxes, selection of candidates, suppression.
 *
 * The promises of vloss.h hold here too: the same bits on every instruction set, compiler, thread
 * count and alignment, nothing allocated, bad arguments give a status, name the argument in
 * `report->argument` and leave every other output as it was. Definitions of ties and of degenerate
 * input, and where others differ: docs/scoring.md.
 *
 * - **Arithmetic** is that of the call's dtype, one rounding per operation, in the order that the
 *   formulas show. Decisions by a threshold compare the value exactly with the double: x passes if
 *   x > threshold. A threshold that is NaN is ::VLOSS_ERROR_PARAMETER.
 * - **Boxes** are n x 4 numbers in one of the formats of ::vloss_box_format. An axis of negative
 *   extent is its centre with extent 0. A box with a NaN has NaN in all its similarities: nothing
 *   overlaps it. Both kinds are counted in `report->degenerate`.
 * - **Scores** are any numbers; -0 equals 0. What has a NaN score is left out. Order is by
 *   descending score, among equal ones by ascending index.
 * - **Capacity**: an output array that is too small for the result is ::VLOSS_ERROR_CAPACITY;
 *   `*count` receives the need and nothing else is written. With capacity 0 the array may be NULL.
 * - Of the report, `counted`, `degenerate` and `argument` have a meaning here; all else is 0.
 */
#ifndef VLOSS_SCORE_H
#define VLOSS_SCORE_H

#include <math.h>

#include <vloss/vloss.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------------------------
 * Similarities of boxes
 * ---------------------------------------------------------------------------------------------- */

/**
 * What is compared: A and B the areas of the first and of the second box, I that of their
 * intersection (iw ih if both are > 0, else 0), U = (A + B) - I, cw and ch the extents of the
 * enclosing box, C = cw ch, Dx = ((x1 - X1) + (x2 - X2)) / 2 and Dy the distances of the centres.
 */
typedef enum vloss_similarity_kind {
  VLOSS_SIMILARITY_IOU = 0,          /**< I / U, 0 where I = 0 */
  VLOSS_SIMILARITY_INTERSECTION = 1, /**< I */
  VLOSS_SIMILARITY_IOF = 2,  /**< I / A, 0 where I = 0: the part of the first that overlaps */
  VLOSS_SIMILARITY_GIOU = 3, /**< IoU - (C - U) / C, x / 0 = 0 */
  VLOSS_SIMILARITY_DIOU = 4, /**< IoU - (Dx^2 + Dy^2) / (cw^2 + ch^2), x / 0 = 0 */
  VLOSS_SIMILARITY_CIOU = 5  /**< DIoU - alpha v, both as in vloss_ciou_f32() */
} vloss_similarity_kind;

/** Options of the similarities. Initialise with ::VLOSS_SIMILARITY_OPTIONS_INIT. */
typedef struct vloss_similarity_options {
  size_t struct_size;         /**< sizeof(vloss_similarity_options) */
  vloss_similarity_kind kind; /**< default ::VLOSS_SIMILARITY_IOU */
  vloss_box_format format;    /**< of all boxes; default ::VLOSS_XYXY */
  /** 1: ::VLOSS_XYXY boxes are two opposite corners in any order, as in ONNX; default 0. */
  int any_corners;
  /** One flag per second box, or NULL: where it is not 0, the union is A (COCO's crowds).
   *  ::VLOSS_SIMILARITY_IOU only, with others ::VLOSS_ERROR_PARAMETER. */
  const uint8_t *crowd;
  /** Numbers from a row of a matrix to the next, at least m; 0 (default) means m. */
  size_t row_stride;
  const vloss_executor *executor; /**< runs the tasks; NULL: this thread does */
  vloss_report *report;           /**< NULL, or where to report: counted = pairs of boxes */
} vloss_similarity_options;

#define VLOSS_SIMILARITY_OPTIONS_INIT \
  { sizeof(vloss_similarity_options), VLOSS_SIMILARITY_IOU, VLOSS_XYXY, 0, NULL, 0, NULL, NULL }

/**
 * The similarity of each of n first boxes `a` with each of m second boxes `b`.
 *
 * For well-formed xyxy boxes IoU and GIoU are torchvision's, bit for bit. IoU <= 1 holds for xyxy.
 * Points and lines have IoU 0, with themselves too, and so have boxes that touch. CIoU is within
 * 5e-6 (f32) or 1e-13 of exact. Of int32 boxes differences are exact, the rest is done in double.
 *
 * @param similarity  NULL means ::VLOSS_SIMILARITY_OPTIONS_INIT.
 * @param out         n rows of m numbers; what is between the rows is not touched.
 */
VLOSS_API VLOSS_NODISCARD vloss_status
vloss_similarity_matrix_f32(const float *a, size_t n, const float *b, size_t m,
                            const vloss_similarity_options *similarity, float *out);
/** @copydoc vloss_similarity_matrix_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status
vloss_similarity_matrix_f64(const double *a, size_t n, const double *b, size_t m,
                            const vloss_similarity_options *similarity, double *out);
/** @copydoc vloss_similarity_matrix_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status
vloss_similarity_matrix_i32(const int32_t *a, size_t n, const int32_t *b, size_t m,
                            const vloss_similarity_options *similarity, double *out);

/** The diagonal of such a matrix: box i of `a` with box i of `b`, n values. */
VLOSS_API VLOSS_NODISCARD vloss_status
vloss_similarity_paired_f32(const float *a, const float *b, size_t n,
                            const vloss_similarity_options *similarity, float *out);
/** @copydoc vloss_similarity_paired_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status
vloss_similarity_paired_f64(const double *a, const double *b, size_t n,
                            const vloss_similarity_options *similarity, double *out);
/** @copydoc vloss_similarity_paired_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status
vloss_similarity_paired_i32(const int32_t *a, const int32_t *b, size_t n,
                            const vloss_similarity_options *similarity, double *out);

/**
 * The best of each row of such a matrix, without the matrix: for each of n first boxes the highest
 * similarity with a second box, and which one has it, the lowest among equals. Without one (m = 0,
 * or NaN only) -inf and -1.
 *
 * @param value  n values, or NULL.
 * @param index  n indices in [-1, m), or NULL; both NULL is ::VLOSS_ERROR_NULL.
 */
VLOSS_API VLOSS_NODISCARD vloss_status
vloss_similarity_best_f32(const float *a, size_t n, const float *b, size_t m,
                          const vloss_similarity_options *similarity, float *value, int64_t *index);
/** @copydoc vloss_similarity_best_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_similarity_best_f64(
    const double *a, size_t n, const double *b, size_t m,
    const vloss_similarity_options *similarity, double *value, int64_t *index);
/** @copydoc vloss_similarity_best_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_similarity_best_i32(
    const int32_t *a, size_t n, const int32_t *b, size_t m,
    const vloss_similarity_options *similarity, double *value, int64_t *index);

/**
 * The k best of each column of such a matrix: for each of m second boxes the k highest similarities
 * with a first box, descending, among equals by ascending row; behind the last one -inf and -1. A
 * NaN is none of them. Time grows with k m: meant for the k of an assignment, not for a sort.
 *
 * @param k      0 is allowed: nothing is written.
 * @param value  m x k.
 * @param index  m x k, in [-1, n).
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_similarity_top_k_f32(
    const float *a, size_t n, const float *b, size_t m, size_t k,
    const vloss_similarity_options *similarity, float *value, int64_t *index);
/** @copydoc vloss_similarity_top_k_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_similarity_top_k_f64(
    const double *a, size_t n, const double *b, size_t m, size_t k,
    const vloss_similarity_options *similarity, double *value, int64_t *index);
/** @copydoc vloss_similarity_top_k_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_similarity_top_k_i32(
    const int32_t *a, size_t n, const int32_t *b, size_t m, size_t k,
    const vloss_similarity_options *similarity, double *value, int64_t *index);

/** A first and a second box, and how similar they are. */
typedef struct vloss_similarity_pair {
  int64_t first, second;
  double value; /**< of f32 boxes a float */
} vloss_similarity_pair;

/**
 * The pairs of such a matrix whose similarity is > threshold, by row, then by column; in two
 * passes, so that nothing is written that does not fit.
 *
 * @param threshold  any number but NaN; -inf takes all but NaN and -inf.
 * @param capacity   of `pairs`.
 * @param count      the number of pairs, also if that is more than `capacity`.
 */
VLOSS_API VLOSS_NODISCARD vloss_status
vloss_similarity_pairs_f32(const float *a, size_t n, const float *b, size_t m, double threshold,
                           const vloss_similarity_options *similarity, size_t capacity,
                           vloss_similarity_pair *pairs, size_t *count);
/** @copydoc vloss_similarity_pairs_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status
vloss_similarity_pairs_f64(const double *a, size_t n, const double *b, size_t m, double threshold,
                           const vloss_similarity_options *similarity, size_t capacity,
                           vloss_similarity_pair *pairs, size_t *count);
/** @copydoc vloss_similarity_pairs_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status
vloss_similarity_pairs_i32(const int32_t *a, size_t n, const int32_t *b, size_t m, double threshold,
                           const vloss_similarity_options *similarity, size_t capacity,
                           vloss_similarity_pair *pairs, size_t *count);

/* ------------------------------------------------------------------------------------------------
 * Selection
 * ---------------------------------------------------------------------------------------------- */

/** How the scores of n boxes in a number of classes lie in memory. */
typedef enum vloss_score_layout {
  VLOSS_BOXES_BY_CLASSES = 0, /**< n rows of classes */
  VLOSS_CLASSES_BY_BOXES = 1  /**< classes rows of n, as heads of convolutions leave them */
} vloss_score_layout;

/** Options of vloss_select_f32(). Initialise with ::VLOSS_SELECT_OPTIONS_INIT. */
typedef struct vloss_select_options {
  size_t struct_size;        /**< sizeof(vloss_select_options) */
  vloss_score_layout layout; /**< default ::VLOSS_BOXES_BY_CLASSES */
  int multi_label;           /**< 1: every class of a box; 0 (default): its best one, of equal ones
                                  the lowest */
  size_t top_k;         /**< no more than so many, those of the highest scores, among equal ones
                                  the lowest boxes, then classes; 0 (default): all */
  vloss_report *report; /**< NULL, or where to report: counted = candidates before top_k */
} vloss_select_options;

#define VLOSS_SELECT_OPTIONS_INIT \
  { sizeof(vloss_select_options), VLOSS_BOXES_BY_CLASSES, 0, 0, NULL }

/**
 * The candidates of a score matrix: pairs of a box and a class with score > threshold, by box, then
 * by class, whatever their scores. In a few passes and without memory of its own. `label` and
 * `score` are what vloss_nms_f32() takes, as classes of ::VLOSS_LABEL_INT64 and scores.
 *
 * n x classes < 2^32, else ::VLOSS_ERROR_SIZE.
 *
 * @param threshold  any number but NaN.
 * @param capacity   of `box`, `label` and `score`.
 * @param box        indices in [0, n).
 * @param label      classes, or NULL.
 * @param score      their scores, or NULL.
 * @param count      the number of candidates, also if that is more than `capacity`.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_select_f32(const float *scores, size_t n,
                                                        size_t classes, double threshold,
                                                        const vloss_select_options *select,
                                                        size_t capacity, int64_t *box,
                                                        int64_t *label, float *score,
                                                        size_t *count);
/** @copydoc vloss_select_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_select_f64(const double *scores, size_t n,
                                                        size_t classes, double threshold,
                                                        const vloss_select_options *select,
                                                        size_t capacity, int64_t *box,
                                                        int64_t *label, double *score,
                                                        size_t *count);

/* ------------------------------------------------------------------------------------------------
 * Suppression
 * ---------------------------------------------------------------------------------------------- */

/**
 * How boxes of one class suppress each other. Boxes of different classes never do. In order means
 * by descending score, among equal scores by ascending index.
 */
typedef enum vloss_nms_method {
  /** In order, keep a box unless a kept one has IoU > threshold, in [0, 1]. */
  VLOSS_NMS_HARD = 0,
  /** The same with DIoU > threshold, in [-1, 1] (Zheng et al. 2019, arXiv 1911.08287). */
  VLOSS_NMS_DIOU = 1,
  /** Soft-NMS (Bodla et al. 2017, arXiv 1704.04503): take the box with the highest current score,
   *  among equals that of the lowest index; multiply the scores of the rest by 1 - IoU where IoU >
   *  threshold, in [0, 1]. Taken boxes come out in that order with their scores of that moment. */
  VLOSS_NMS_SOFT_LINEAR = 2,
  /** The same with the factor e^(-IoU^2 / sigma) everywhere; sigma 0 (default) means 0.5. */
  VLOSS_NMS_SOFT_GAUSSIAN = 3,
  /** Matrix NMS (Wang et al. 2020, arXiv 2003.10152): all boxes in order, with score x decay,
   *  decay_i = min(1, min over k < i of f(IoU(k, i)) / f(m_k)), m_k the highest IoU of k with a
   *  box before it, or 0; f(x) = 1 - x. A numerator of 0 gives 0, a denominator of 0 alone does not
   *  count. */
  VLOSS_NMS_MATRIX_LINEAR = 4,
  /** The same with f(x) = e^(-sigma x^2); sigma 0 (default) means 2. */
  VLOSS_NMS_MATRIX_GAUSSIAN = 5
} vloss_nms_method;

/** Options of vloss_nms_f32(). Initialise with ::VLOSS_NMS_OPTIONS_INIT. */
typedef struct vloss_nms_options {
  size_t struct_size;      /**< sizeof(vloss_nms_options) */
  vloss_nms_method method; /**< default ::VLOSS_NMS_HARD */
  vloss_box_format format; /**< default ::VLOSS_XYXY */
  /** 1: ::VLOSS_XYXY boxes are two opposite corners in any order, as in ONNX; default 0. */
  int any_corners;
  double sigma; /**< of the Gaussian methods; finite, >= 0; 0 (default): the method's own */
  /** Only boxes with score > it take part; -inf (default): all but NaN. Soft-NMS also ends where no
   *  current score is > it (the authors' code has 0.001). */
  double score_threshold;
  size_t top_k; /**< the first so many in order take part, of all classes; 0 (default): all */
  size_t max_per_class; /**< the result ends for a class that has so many; 0 (default): never */
  size_t max_output;    /**< the result ends when it has so many; 0 (default): never */
  /** Where the scores of the result go, in the call's dtype, as many as `kept` has; or NULL. */
  void *kept_scores;
  const vloss_executor *executor; /**< runs tasks of the matrix methods; NULL: this thread does */
  vloss_report *report;           /**< NULL, or where to report: counted = boxes that take part */
} vloss_nms_options;

#define VLOSS_NMS_OPTIONS_INIT                                                                     \
  {                                                                                                \
    sizeof(vloss_nms_options), VLOSS_NMS_HARD, VLOSS_XYXY, 0, 0.0, -HUGE_VAL, 0, 0, 0, NULL, NULL, \
        NULL                                                                                       \
  }

/** Bytes of workspace for n boxes; the same for every dtype and instruction set, linear in n, and 0
 *  where n is more than vloss_nms_f32() takes.
 *  @param nms  as in the call: methods differ. NULL: the default. Not otherwise checked. */
VLOSS_API size_t vloss_nms_workspace(size_t n, const vloss_nms_options *nms);

/**
 * Non-maximum suppression.
 *
 * Exact: the result is that of the loop which compares each box with all those before it. In time
 * hard and DIoU suppression with a threshold >= 0 look at kept boxes close by only, at a threshold
 * < 0 at all of them; soft and matrix suppression at all pairs of a class. Nothing ends early but
 * by the limits in `nms`.
 *
 * @param boxes      n x 4; n < 2^32, else ::VLOSS_ERROR_SIZE.
 * @param scores     n, or NULL: all are equal.
 * @param classes    n labels, any values; `data` NULL: all boxes are of one class.
 * @param threshold  of the overlap, in the range of the method, else ::VLOSS_ERROR_PARAMETER. The
 *                   methods without one (soft Gaussian, matrix) ask for a number and ignore it.
 * @param nms        NULL means ::VLOSS_NMS_OPTIONS_INIT.
 * @param workspace  at least vloss_nms_workspace() bytes, of any alignment; it may not overlap
 *                   another array. Less is ::VLOSS_ERROR_WORKSPACE.
 * @param capacity   of `kept`; n is always enough.
 * @param kept       the indices of the result, in order.
 * @param count      how many those are, also if that is more than `capacity`.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_nms_f32(const float *boxes, const float *scores,
                                                     vloss_labels classes, size_t n,
                                                     double threshold, const vloss_nms_options *nms,
                                                     void *workspace, size_t workspace_size,
                                                     size_t capacity, int64_t *kept, size_t *count);
/** @copydoc vloss_nms_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_nms_f64(const double *boxes, const double *scores,
                                                     vloss_labels classes, size_t n,
                                                     double threshold, const vloss_nms_options *nms,
                                                     void *workspace, size_t workspace_size,
                                                     size_t capacity, int64_t *kept, size_t *count);

#ifdef __cplusplus
}
#endif

#endif
