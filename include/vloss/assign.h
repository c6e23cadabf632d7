/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file assign.h
 * @brief Assignment of predicted boxes to targets, and fusion of the boxes of several models.
 *
 * As everywhere in vloss: the same bits on every machine and with every executor, no allocation,
 * bad arguments leave every output but the report untouched. An output may not overlap another
 * array.
 *
 * - **Boxes** are n x 4 in a ::vloss_box_format. An inverted axis is its centre with extent 0; with
 *   `any_corners` two opposite corners come in any order instead. IoU is 0 for boxes that only
 *   touch or have no area. A box with a NaN overlaps nothing. Both kinds are counted in
 *   `report->degenerate`. Beyond the range of finite areas, values follow IEEE.
 * - **Arithmetic**: one rounding per operation, in the order written.
 * - **Workspace**: memory of the caller, of any alignment; a function beside says how many bytes,
 *   the same on every machine. Fewer are ::VLOSS_ERROR_WORKSPACE.
 */
#ifndef VLOSS_ASSIGN_H
#define VLOSS_ASSIGN_H

#include <math.h>
#include <vloss/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What an assignment says of a prediction that has no target. */
enum {
  VLOSS_BACKGROUND = -1, /**< it belongs to none */
  VLOSS_UNDECIDED = -2   /**< between the thresholds: to be left out of a loss */
};

/** How a target gets a prediction where no overlap reaches the threshold. */
typedef enum vloss_low_quality {
  VLOSS_LOW_QUALITY_NONE = 0, /**< it gets none */
  /** The predictions that overlap it most take the target that they overlap most, which may be
   *  another (torchvision's Matcher). */
  VLOSS_LOW_QUALITY_OWN = 1,
  /** They take this target, of several the last (mmdetection's MaxIoUAssigner). */
  VLOSS_LOW_QUALITY_CLAIM = 2
} vloss_low_quality;

/** Options of vloss_assign_f32(). Initialise with ::VLOSS_ASSIGN_OPTIONS_INIT. */
typedef struct vloss_assign_options {
  size_t struct_size;             /**< sizeof(vloss_assign_options) */
  double positive;                /**< IoU >= this is a match; default 0.5 */
  double negative;                /**< IoU < this is background; default 0.5 */
  vloss_low_quality low_quality;  /**< default ::VLOSS_LOW_QUALITY_NONE */
  double min_iou;                 /**< low quality only from this IoU on; default 0 */
  vloss_box_format format;        /**< of all boxes; default ::VLOSS_XYXY */
  int any_corners;                /**< ::VLOSS_XYXY, 1: corners in any order; default 0 */
  const vloss_executor *executor; /**< runs the tasks; NULL: this thread does */
  vloss_report *report;           /**< NULL, or where to report */
} vloss_assign_options;

#define VLOSS_ASSIGN_OPTIONS_INIT \
  { sizeof(vloss_assign_options), 0.5, 0.5, VLOSS_LOW_QUALITY_NONE, 0.0, VLOSS_XYXY, 0, NULL, NULL }

/** Bytes of workspace of vloss_assign_f32() and vloss_assign_f64(), linear in m. */
VLOSS_API size_t vloss_assign_workspace(size_t m);

/**
 * Assigns n predictions to m targets by their IoU, in the call's dtype: the best target (of equal
 * ones the first) if that IoU >= `positive`, else background if it is < `negative`, else undecided.
 * Where there is no target that the prediction can be compared with, it is background.
 *
 * Then, with `low_quality`, for each target in order, whose best IoU with any prediction is > 0 and
 * >= `min_iou`: all predictions with exactly that IoU are assigned as ::vloss_low_quality says.
 *
 * Thresholds are compared as doubles; NaN is ::VLOSS_ERROR_PARAMETER. `report->counted` is the
 * number of predictions that have a target, `ignored` that of undecided ones. No n x m values are
 * kept: time is n x m, twice with `low_quality`.
 * @param index  out: n, a target or ::VLOSS_BACKGROUND or ::VLOSS_UNDECIDED.
 * @param iou    out: n, the best IoU of each prediction, before low quality; 0 where it cannot be
 *               compared. NULL: not wanted.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_assign_f32(const float *predictions, size_t n,
                                                        const float *targets, size_t m,
                                                        const vloss_assign_options *assign,
                                                        void *workspace, size_t workspace_size,
                                                        int64_t *index, float *iou);
/** @copydoc vloss_assign_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_assign_f64(const double *predictions, size_t n,
                                                        const double *targets, size_t m,
                                                        const vloss_assign_options *assign,
                                                        void *workspace, size_t workspace_size,
                                                        int64_t *index, double *iou);

/** Options of vloss_fusion_f32(). Initialise with ::VLOSS_FUSION_OPTIONS_INIT. */
typedef struct vloss_fusion_options {
  size_t struct_size; /**< sizeof(vloss_fusion_options) */
  /** The model of each box, in [0, model_count); `data` NULL: all are of model 0. */
  vloss_labels models;
  size_t model_count;      /**< M >= 1; default 1 */
  const double *weights;   /**< one per model, finite, >= 0, not all 0; NULL: 1 each */
  double score_threshold;  /**< boxes with score > this take part; default -inf */
  int overflow;            /**< 1: clusters may count for more than M members; default 0 */
  vloss_box_format format; /**< of boxes in and out; default ::VLOSS_XYXY */
  int any_corners;         /**< ::VLOSS_XYXY, 1: corners in any order; default 0 */
  vloss_report *report;    /**< NULL, or where to report */
} vloss_fusion_options;

#define VLOSS_FUSION_OPTIONS_INIT                                                                  \
  {                                                                                                \
    sizeof(vloss_fusion_options), {NULL, VLOSS_LABEL_INT64}, 1, NULL, -HUGE_VAL, 0, VLOSS_XYXY, 0, \
        NULL                                                                                       \
  }

/** Bytes of workspace of vloss_fusion_f32() and vloss_fusion_f64(), linear in n. */
VLOSS_API size_t vloss_fusion_workspace(size_t n);

/**
 * Weighted boxes fusion (Solovyev, Wang and Gabruseva, arXiv 1910.13302), in double.
 *
 * A box's weight s is its score times that of its model. In descending order of s (equal ones by
 * index), a box joins the cluster of its class whose fused box it overlaps most (of equal ones the
 * one opened first) if that IoU is > `threshold`, else it opens a cluster. The fused box is
 * sum(s box) / sum(s) in the coordinates of the format - that of a single member unchanged, the
 * first member's where sum(s) is 0 - and the fused score
 *
 *     mean(s) min(members, M) / sum(weights)
 *
 * or, with `overflow`, without the min. Clusters come out in descending order of it, equal ones in
 * the order in which they were opened; so do NaN ones (of infinite scores), last.
 *
 * A NaN score takes no part, a box with a NaN is a cluster of its own. An inverted axis comes out
 * as its centre with extent 0. `report->counted` is the number of boxes that take part.
 *
 * Time is n times the clusters of a class.
 * @param boxes       n x 4.
 * @param scores      n.
 * @param classes     n, any integers; `data` NULL: one class.
 * @param threshold   in [0, 1]; the paper's is 0.55.
 * @param capacity    clusters for which there is room.
 * @param fused       out: capacity x 4.
 * @param fused_score out: capacity.
 * @param fused_class out: capacity, or NULL. 0 if there are no classes.
 * @param cluster     out: n, or NULL: the cluster of each box, -1 if it takes no part.
 * @param count       out: number of clusters. If there are more than `capacity`, the call is
 *                    ::VLOSS_ERROR_CAPACITY and nothing else is written; with capacity 0, outputs
 *                    may be NULL.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_fusion_f32(
    const float *boxes, const float *scores, vloss_labels classes, size_t n, double threshold,
    const vloss_fusion_options *fusion, void *workspace, size_t workspace_size, size_t capacity,
    float *fused, float *fused_score, int64_t *fused_class, int64_t *cluster, size_t *count);
/** @copydoc vloss_fusion_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_fusion_f64(
    const double *boxes, const double *scores, vloss_labels classes, size_t n, double threshold,
    const vloss_fusion_options *fusion, void *workspace, size_t workspace_size, size_t capacity,
    double *fused, double *fused_score, int64_t *fused_class, int64_t *cluster, size_t *count);

#ifdef __cplusplus
}
#endif

#endif
