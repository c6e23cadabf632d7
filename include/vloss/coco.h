/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file coco.h
 * @brief COCO and LVIS evaluation of detections: matching image by image, records that merge by
 * concatenation, tables that equal pycocotools 2.0.11 to the bit.
 *
 * vloss_coco_match() turns an image into records, vloss_coco_accumulate() turns the records of any
 * number of images into precision, recall and scores. Records of several threads, processes or
 * machines are put one behind the other, in any order: the results have the same bytes. Records
 * that are equal in every field count once.
 *
 * Promises of vloss.h hold here too: nothing is allocated, the caller hands in memory; the same
 * bits everywhere; bad arguments give a status, the report names the argument, and no output but
 * the report is touched. An array whose `capacity` is too small is ::VLOSS_ERROR_CAPACITY: the
 * count receives the need and nothing else is written; with capacity 0 the array may be NULL. A
 * workspace needs no alignment; one that is too small is ::VLOSS_ERROR_WORKSPACE. Outputs and
 * workspaces must not overlap other arrays: ::VLOSS_ERROR_OVERLAP (of the tables it may come after
 * the records were reordered). Times are O(k log k) in what is sorted, plus one similarity per
 * detection and target of the same class and image.
 *
 * ### Definitions
 * Per class, image, area range and threshold t, detections take targets in descending order of
 * score (ties: lower index), the first of them up to the largest of `max_detections`: each takes
 * the free (or crowd) target with the highest similarity >= min(t, 1 - 1e-10), the last of equal
 * ones, and one that is ignored only if there is none that counts. Ignored are crowds, targets
 * that `target_ignored` names, and those with an area outside the range [low, high]. A detection
 * that took an ignored target is ignored, and so is one that took none and whose area is outside
 * the range. (Lin et al., Microsoft COCO, arXiv 1405.0312; pycocotools is the definition.)
 *
 * Over the images of a class, detections are ordered by descending score, then ascending image,
 * then rank within the image. At the i-th of them precision is tp/((fp + tp) + 2^-52) and recall
 * tp/positives; precision is made monotone from the right, and read at the first point whose
 * recall is >= r: 0 where there is none. Where nothing counts, precision, recall and score are -1.
 */
#ifndef VLOSS_COCO_H
#define VLOSS_COCO_H

#include <vloss/vloss.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Which defaults and rules hold. */
typedef enum vloss_coco_kind {
  VLOSS_COCO_DETECTION = 0, /**< boxes and masks */
  VLOSS_COCO_KEYPOINTS = 1, /**< ranges all, medium, large; 20 detections of an image and class */
  /** Boxes and masks of federated data (Gupta et al., LVIS, arXiv 1908.03195): an image's best
   *  detections over all classes; those of a class neither among its targets nor its
   *  `negative_classes` are dropped; unmatched ones of `not_exhaustive_classes` are ignored; crowd
   *  flags are not read. */
  VLOSS_COCO_LVIS = 2
} vloss_coco_kind;

/** Limits of the lists in ::vloss_coco_options. */
enum {
  VLOSS_COCO_MAX_CELLS = 64,  /**< thresholds x area ranges */
  VLOSS_COCO_MAX_LIMITS = 16, /**< of `max_detections` */
  VLOSS_COCO_SUMMARY_AR = 3   /**< recalls in a summary */
};

/** How often a class of LVIS occurs. */
typedef enum vloss_coco_frequency {
  VLOSS_COCO_RARE = 0,
  VLOSS_COCO_COMMON = 1,
  VLOSS_COCO_FREQUENT = 2
} vloss_coco_frequency;

/** What all calls of an evaluation share. Initialise with ::VLOSS_COCO_OPTIONS_INIT. A list that is
 *  NULL has its default; vloss_coco_complete() shows it. */
typedef struct vloss_coco_options {
  size_t struct_size;       /**< sizeof(vloss_coco_options) */
  vloss_coco_kind kind;     /**< default ::VLOSS_COCO_DETECTION */
  const double *thresholds; /**< in [0, 1]; .5, .55, ... .95 as numpy.linspace rounds them */
  size_t threshold_count;
  const double *recalls; /**< in [0, 1], ascending; 0, .01, ... 1 as numpy.linspace rounds them */
  size_t recall_count;
  /** Pairs low, high, the first being all. Default: [0, 1e10], small [0, 1024], medium [1024,
   *  9216], large [9216, 1e10]; keypoints: without small. */
  const double *areas;
  size_t area_count;            /**< of pairs; thresholds x ranges <= ::VLOSS_COCO_MAX_CELLS */
  const size_t *max_detections; /**< ascending, >= 1; 1, 10, 100; keypoints 20; LVIS 300 */
  size_t max_detection_count;   /**< at most ::VLOSS_COCO_MAX_LIMITS */
  /** Strictly ascending: the classes of the results, in their order. Records of others do not
   *  count. NULL: the classes of the records, vloss_coco_classes() lists them. */
  const int64_t *classes;
  size_t class_count;
  const uint8_t *frequencies;     /**< a ::vloss_coco_frequency per entry of `classes`, or NULL */
  const vloss_executor *executor; /**< runs the tasks; NULL: this thread does */
  vloss_report *report;           /**< NULL, or where to report */
} vloss_coco_options;

#define VLOSS_COCO_OPTIONS_INIT                                                                    \
  {                                                                                                \
    sizeof(vloss_coco_options), VLOSS_COCO_DETECTION, NULL, 0, NULL, 0, NULL, 0, NULL, 0, NULL, 0, \
        NULL, NULL, NULL                                                                           \
  }

/** `whole` receives the options with every list but `classes` and `frequencies` filled in; the
 *  defaults live as long as the library.
 *  @return ::VLOSS_ERROR_PARAMETER, ::VLOSS_ERROR_ENUM, ::VLOSS_ERROR_NULL,
 *  ::VLOSS_ERROR_STRUCT_SIZE: as every function below. */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_coco_complete(const vloss_coco_options *coco,
                                                           vloss_coco_options *whole);

/**
 * An image with its detections and targets. Initialise with ::VLOSS_COCO_IMAGE_INIT.
 *
 * Boxes are x, y, w, h; their similarity is I/U with U = (area of the detection + area of the
 * target) - I, or the detection's area where the target is a crowd, 0 where I = 0. Extents <= 0
 * overlap nothing. A NaN coordinate makes similarities NaN, and NaN matches nothing. Detections
 * whose score is NaN are dropped; -0 equals +0.
 */
typedef struct vloss_coco_image {
  size_t struct_size; /**< sizeof(vloss_coco_image) */
  int64_t image_id;
  size_t detections;          /**< at most 2^32 - 1 */
  const double *boxes;        /**< detections x 4; may be NULL with `similarity` and `areas` */
  const double *scores;       /**< detections */
  const int64_t *classes;     /**< detections; NULL: all are of class 0 */
  const double *areas;        /**< detections; NULL: w h */
  size_t targets;             /**< at most 2^32 - 1 */
  const double *target_boxes; /**< targets x 4; the same with `similarity` and `target_areas` */
  const int64_t *target_classes;
  const double *target_areas;
  const uint8_t *target_crowd;   /**< not 0: a crowd; NULL: none is */
  const uint8_t *target_ignored; /**< not 0: does not count, as keypoints of which none is
                                      visible; NULL: all count */
  /** detections x targets, row-major: replaces the overlap of boxes (IoU of masks, OKS). Entries of
   *  different classes are not read. NULL: boxes. */
  const double *similarity;
  size_t similarity_stride;        /**< of its rows; 0: targets */
  const int64_t *negative_classes; /**< LVIS: classes that the image does not show */
  size_t negative_count;
  const int64_t *not_exhaustive_classes; /**< LVIS: classes that are annotated in part */
  size_t not_exhaustive_count;
} vloss_coco_image;

#define VLOSS_COCO_IMAGE_INIT                                                                      \
  {                                                                                                \
    sizeof(vloss_coco_image), 0, 0, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, \
        0, NULL, 0, NULL, 0                                                                        \
  }

/** What a record is of. */
typedef enum vloss_coco_record_kind {
  VLOSS_COCO_RECORD_DETECTION = 0,
  VLOSS_COCO_RECORD_TARGET = 1
} vloss_coco_record_kind;

/**
 * What is left of a detection or a target when its image is matched: plain data of 48 bytes without
 * padding, to be moved, stored and concatenated. Bit (range x thresholds + threshold) of `matched`
 * and `ignored` is what happened at that area range and threshold. That of a target does not depend
 * on detections: where several states hold the targets of one image, they count once.
 */
typedef struct vloss_coco_record {
  int64_t image_id;
  int64_t class_id;
  double score;     /**< 0 of a target */
  uint64_t matched; /**< it took a target; 0 of a target */
  uint64_t ignored; /**< it does not count */
  uint32_t rank;    /**< among the image's detections, or targets, of the class, from 0 */
  uint32_t kind;    /**< ::vloss_coco_record_kind */
} vloss_coco_record;

/** Bytes of workspace for vloss_coco_match(): linear, the same everywhere; SIZE_MAX if there can be
 *  no such image. */
VLOSS_API size_t vloss_coco_match_workspace(size_t detections, size_t targets);

/**
 * Match one image: all classes, area ranges and thresholds. Calls share nothing, so images can be
 * matched side by side, each with a workspace of its own; the executor splits the classes of an
 * image so large that it is worth a task.
 *
 * `*count` receives the number of records, which is never more than detections + targets. The
 * report: `counted` detections have a record, `ignored` have none, `degenerate` boxes have a NaN
 * or negative extent or a NaN coordinate.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_coco_match(const vloss_coco_image *image,
                                                        const vloss_coco_options *coco,
                                                        void *workspace, size_t workspace_size,
                                                        size_t capacity, vloss_coco_record *records,
                                                        size_t *count);

/** Means over the entries > -1, or -1 where there are none. Recalls and precisions are those at the
 *  largest of `max_detections` where the name says nothing else; small, medium, large exist where
 *  the ranges are as many as the default's. Initialise with ::VLOSS_COCO_SUMMARY_INIT. */
typedef struct vloss_coco_summary {
  size_t struct_size; /**< sizeof(vloss_coco_summary) */
  double ap;          /**< mean precision over thresholds, recalls and classes */
  double ap50, ap75;  /**< at threshold .5, .75; -1 if that is none of the thresholds */
  double ap_small, ap_medium, ap_large;
  double ap_rare, ap_common, ap_frequent; /**< -1 without `frequencies` */
  double ar[VLOSS_COCO_SUMMARY_AR];       /**< mean recall at the first of `max_detections` */
  double ar_all;                          /**< at the largest of them */
  double ar50, ar75;
  double ar_small, ar_medium, ar_large;
  size_t class_count;         /**< classes of the results */
  size_t detections, targets; /**< records that count, of those classes, without duplicates */
} vloss_coco_summary;

#define VLOSS_COCO_SUMMARY_INIT                                                                    \
  {                                                                                                \
    sizeof(vloss_coco_summary), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, {0.0, 0.0, 0.0}, 0.0, \
        0.0, 0.0, 0.0, 0.0, 0.0, 0, 0, 0                                                           \
  }

/** Bytes of workspace for the functions below that take records: linear in their number. */
VLOSS_API size_t vloss_coco_accumulate_workspace(size_t count);

/** The classes of the records, ascending. `*class_count` and `capacity` as in vloss_coco_match();
 *  the records are reordered. */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_coco_classes(vloss_coco_record *records, size_t count,
                                                          void *workspace, size_t workspace_size,
                                                          size_t capacity, int64_t *classes,
                                                          size_t *class_count);

/**
 * Tables from the records of any number of images. `precision` and `scores` have the shape
 * thresholds x recalls x classes x ranges x limits, `recall` thresholds x classes x ranges x
 * limits, as in pycocotools; each may be NULL, and so may `summary`. The records are reordered: by
 * class, detections before targets, descending score, image, rank; those that are there once more
 * come last. Repeated calls on ordered records do not sort again. The executor splits the classes,
 * in sorting (of all functions that take records) and in filling the tables.
 * @return ::VLOSS_ERROR_PARAMETER for a record whose score is NaN or whose kind is unknown.
 */
VLOSS_API VLOSS_NODISCARD vloss_status
vloss_coco_accumulate(vloss_coco_record *records, size_t count, const vloss_coco_options *coco,
                      void *workspace, size_t workspace_size, double *precision, double *recall,
                      double *scores, vloss_coco_summary *summary);

/** A point of a score curve: detections with a score >= `score`. */
typedef struct vloss_coco_point {
  double score;
  double precision; /**< tp/(tp + fp) */
  double recall;    /**< tp/positives */
  double f1;        /**< 2 tp/(tp + fp + positives) */
} vloss_coco_point;

/**
 * Score curve of a class at one threshold (an index into `thresholds`), over the first area range
 * and the largest of `max_detections`: a point at each distinct score of a detection that counts,
 * descending. `best` (may be NULL) receives the point of the largest F1, the highest score among
 * equals; all its fields are 0 without points. A class without counted targets has no points.
 * `*point_count` and `capacity` as in vloss_coco_match().
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_coco_curve(
    vloss_coco_record *records, size_t count, const vloss_coco_options *coco, int64_t class_id,
    size_t threshold_index, void *workspace, size_t workspace_size, size_t capacity,
    vloss_coco_point *points, size_t *point_count, vloss_coco_point *best);

/** How average precision is taken from a curve. */
typedef enum vloss_coco_integral {
  VLOSS_COCO_ALL_POINTS = 0,   /**< integral of the monotone precision over recall (VOC 2010) */
  VLOSS_COCO_ELEVEN_POINTS = 1 /**< its mean at recall 0, .1, ... 1 (VOC 2007) */
} vloss_coco_integral;

/** Average precision of a curve's points, which must be in their order; 0 without points. */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_coco_average_precision(const vloss_coco_point *points,
                                                                    size_t point_count,
                                                                    vloss_coco_integral integral,
                                                                    double *average_precision);

/**
 * Expected calibration error at one threshold, over the first area range, the largest of
 * `max_detections` and all classes of the options (NULL: of the records): the mean over detections
 * that count of |tp_b/n_b - mean score_b|, b being the bin of the score among `bins` (1 to 1000)
 * equal ones of [0, 1], the last closed; scores outside belong to the bin at that end. 0 without
 * detections. (Guo et al., arXiv 1706.04599.)
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_coco_calibration(
    vloss_coco_record *records, size_t count, const vloss_coco_options *coco,
    size_t threshold_index, size_t bins, void *workspace, size_t workspace_size, double *error);

/** Bytes of workspace for vloss_coco_confusion(). */
VLOSS_API size_t vloss_coco_confusion_workspace(size_t detections, size_t targets);

/**
 * Add an image to a confusion matrix of (classes + 1)^2 counts, row predicted, column true, the
 * last of each being background; classes are those of the options, which must be given. Detections
 * with score > `score_threshold` (usually .25) and targets are paired one to one wherever their
 * similarity is > `threshold` (usually .5), whatever their classes: by descending similarity, equal
 * ones with the same class first, then the lower detection, then the lower target. Those without a
 * partner meet the background. Crowds, ignored targets and other classes are left out; area ranges,
 * `max_detections` and the rules of LVIS do not matter. A `similarity` needs the entries of all
 * classes.
 * The workspace is linear; the time is one similarity per pair, more where detections compete.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_coco_confusion(const vloss_coco_image *image,
                                                            const vloss_coco_options *coco,
                                                            double score_threshold,
                                                            double threshold, void *workspace,
                                                            size_t workspace_size, int64_t *matrix);

#ifdef __cplusplus
}
#endif

#endif
