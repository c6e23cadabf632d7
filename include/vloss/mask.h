/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file mask.h
 * @brief Masks of images as runs, and the similarity of keypoints (OKS): COCO's, for the CPU.
 *
 * A mask is the foreground of an image of `height` x `width` pixels, written as the lengths of its
 * runs down the columns, column after column, background and foreground in turn, background first
 * (a run of 0 where the first pixel is foreground). What the functions write is **canonical**: no
 * other run is 0. What they read need not be.
 *
 * As everywhere in vloss: the same bits on every machine, no allocation, bad arguments leave every
 * output but the report untouched. An output may not overlap another array.
 *
 * ### What the functions share
 * - **Masks that are errors**: ::VLOSS_ERROR_SIZE if height x width exceeds 2^32 - 1,
 *   ::VLOSS_ERROR_PARAMETER if the runs do not add up to height x width or masks of one call differ
 *   in height or width. `report->bad_label` is then the index of the mask within its array.
 * - **Capacity**: `counts` has room for `capacity` runs, `*count` receives how many there are. If
 *   they do not fit, the call is ::VLOSS_ERROR_CAPACITY, `*count` is the need and nothing else is
 *   written; `counts` may be NULL if `capacity` is 0.
 * - **Workspace**: memory of the caller, of any alignment; a function beside says how many bytes,
 *   the same on every machine. Fewer are ::VLOSS_ERROR_WORKSPACE.
 * - `options`: NULL means ::VLOSS_MASK_OPTIONS_INIT. A field that a function does not name is not
 *   looked at. `report->counted` is the number of masks read; on an error `argument` names the
 *   argument at fault.
 */
#ifndef VLOSS_MASK_H
#define VLOSS_MASK_H

#include <vloss/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A mask as runs. */
typedef struct vloss_mask {
  const uint32_t *counts; /**< lengths of the runs; NULL only if `count` is 0 */
  size_t count;           /**< number of runs; 0 only in an image without pixels */
  size_t height, width;
} vloss_mask;

/** The order of pixels in memory. */
typedef enum vloss_mask_layout {
  VLOSS_COLUMN_MAJOR = 0, /**< pixel (row, column) at column * height + row, as runs are */
  VLOSS_ROW_MAJOR = 1     /**< at row * width + column */
} vloss_mask_layout;

/** Options of the functions of masks. Initialise with ::VLOSS_MASK_OPTIONS_INIT. */
typedef struct vloss_mask_options {
  size_t struct_size;             /**< sizeof(vloss_mask_options) */
  vloss_mask_layout layout;       /**< encode, decode; default ::VLOSS_COLUMN_MAJOR */
  const uint8_t *crowd;           /**< IoU: one flag per second mask, or NULL for none set */
  size_t row_stride;              /**< IoU: numbers from a row to the next; 0: m. Else >= m. */
  const vloss_executor *executor; /**< IoU: runs the tasks; NULL: this thread does */
  vloss_report *report;           /**< NULL, or where to report */
} vloss_mask_options;

#define VLOSS_MASK_OPTIONS_INIT \
  { sizeof(vloss_mask_options), VLOSS_COLUMN_MAJOR, NULL, 0, NULL, NULL }

/**
 * The runs of an image.
 * @param pixels  height x width in the order `layout`, foreground where not 0.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_mask_encode(const uint8_t *pixels, size_t height,
                                                         size_t width,
                                                         const vloss_mask_options *options,
                                                         size_t capacity, uint32_t *counts,
                                                         size_t *count);

/**
 * The image of a mask.
 * @param pixels  out: height x width in the order `layout`, 1 in the foreground and 0 elsewhere.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_mask_decode(const vloss_mask *mask,
                                                         const vloss_mask_options *options,
                                                         uint8_t *pixels);

/**
 * COCO's text of a mask: value n_i of run i, from i = 3 on n_i - n_(i-2), as groups of 5 bits of a
 * signed number, low ones first, bit 5 set while more follow, plus 48. No terminating zero. The
 * runs are written as they are, canonical or not.
 * @param length  out: number of characters, as `count` elsewhere.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_mask_to_text(const vloss_mask *mask,
                                                          const vloss_mask_options *options,
                                                          size_t capacity, char *text,
                                                          size_t *length);

/**
 * The runs of a text. They are as the text gives them, canonical or not.
 * ::VLOSS_ERROR_PARAMETER, `report->argument` "text", if it holds a character outside 48..111, ends
 * within a number, holds a number outside 0..2^32 - 1, or runs that do not add up to
 * height x width; `report->bad_label` is the index of the character, or `length`.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_mask_from_text(const char *text, size_t length,
                                                            size_t height, size_t width,
                                                            const vloss_mask_options *options,
                                                            size_t capacity, uint32_t *counts,
                                                            size_t *count);

/** The corners of a polygon, which is closed from the last one to the first. */
typedef struct vloss_polygon {
  const double *vertices; /**< count x 2: x, y in pixels */
  size_t count;           /**< COCO's files have 3 and more; fewer are an empty mask */
} vloss_polygon;

/** Bytes of workspace of vloss_mask_from_polygons(); 0 if an argument is bad. The need grows with
 *  the columns that the edges cross: at most 16 bytes for each edge and each of those. */
VLOSS_API size_t vloss_mask_polygons_workspace(const vloss_polygon *polygons, size_t polygon_count,
                                               size_t height, size_t width);

/**
 * The union of polygons, pixel for pixel as COCO's rasteriser draws it: corners to the nearest
 * fifth of a pixel, boundaries walked in steps of that, even-odd inside of one polygon. What lies
 * outside of the image is cut off.
 *
 * A coordinate that is not finite or beyond +-2^26 is ::VLOSS_ERROR_PARAMETER "polygons", and
 * `report->bad_label` the index of the polygon.
 */
VLOSS_API VLOSS_NODISCARD vloss_status
vloss_mask_from_polygons(const vloss_polygon *polygons, size_t polygon_count, size_t height,
                         size_t width, const vloss_mask_options *options, void *workspace,
                         size_t workspace_size, size_t capacity, uint32_t *counts, size_t *count);

/** What vloss_mask_merge() makes of several masks. */
typedef enum vloss_mask_operation {
  VLOSS_MASK_UNION = 0,       /**< foreground in any */
  VLOSS_MASK_INTERSECTION = 1 /**< foreground in all */
} vloss_mask_operation;

/** Bytes of workspace of vloss_mask_merge(): 16 for each run. */
VLOSS_API size_t vloss_mask_merge_workspace(const vloss_mask *masks, size_t n);

/** The union or intersection of n masks of one size. Of one mask: its canonical form. Of none: no
 *  runs, `*count` 0. */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_mask_merge(const vloss_mask *masks, size_t n,
                                                        vloss_mask_operation operation,
                                                        const vloss_mask_options *options,
                                                        void *workspace, size_t workspace_size,
                                                        size_t capacity, uint32_t *counts,
                                                        size_t *count);

/** Pixels in the foreground of each mask. Their sizes may differ. */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_mask_area(const vloss_mask *masks, size_t n,
                                                       const vloss_mask_options *options,
                                                       int64_t *area);

/**
 * The smallest box around the foreground of each mask, n x 4: x, y, w, h (::VLOSS_XYWH), zeros if
 * it is empty. The sizes of the masks may differ.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_mask_box(const vloss_mask *masks, size_t n,
                                                      const vloss_mask_options *options,
                                                      double *boxes);

/** Bytes of workspace of vloss_mask_iou(); of the masks only the numbers of runs are read. */
VLOSS_API size_t vloss_mask_iou_workspace(const vloss_mask *a, size_t n, const vloss_mask *b,
                                          size_t m);

/**
 * The IoU of all masks of `a` and `b`: pixels in both / pixels in either, or, where `crowd` is set,
 * / pixels of a; 0 where none is in both. One rounding.
 * @param out  n x m: of a[i] and b[j] at i * row_stride + j.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_mask_iou(const vloss_mask *a, size_t n,
                                                      const vloss_mask *b, size_t m,
                                                      const vloss_mask_options *options,
                                                      void *workspace, size_t workspace_size,
                                                      double *out);

/* ------------------------------------------------------------------------------------------------
 * Keypoints
 * ---------------------------------------------------------------------------------------------- */

/** Options of vloss_oks(). Initialise with ::VLOSS_OKS_OPTIONS_INIT. */
typedef struct vloss_oks_options {
  size_t struct_size;             /**< sizeof(vloss_oks_options) */
  const double *sigmas;           /**< one per point, > 0, finite; NULL: COCO's, of 17 points */
  size_t row_stride;              /**< numbers from a row of `out` to the next; 0: m. Else >= m. */
  const vloss_executor *executor; /**< runs the tasks; NULL: this thread does */
  vloss_report *report;           /**< NULL, or where to report */
} vloss_oks_options;

#define VLOSS_OKS_OPTIONS_INIT \
  { sizeof(vloss_oks_options), NULL, 0, NULL, NULL }

/** COCO's sigmas of its 17 points, from the nose to the right ankle. */
VLOSS_API const double *vloss_oks_sigmas(void);

/**
 * Object keypoint similarity (COCO) of all detections and targets: over the points with v > 0 of
 * the target, the mean of exp(-e) where
 *
 *     e = (dx^2 + dy^2) / (2 sigma)^2 / (area + 2^-52) / 2
 *
 * A target without a visible point is compared by its box: dx is how far the detection's x is
 * outside of [x - w, x + 2 w], dy likewise, and the mean is over all points.
 *
 * Terms are added in the order of the points; exp is within 1 ULP, and 0 below 2^-1022. What is NaN
 * or leaves the type follows IEEE. exp(-e) of a negative area is above 1.
 * @param detections  n x points x 3: x, y and a number that is not read.
 * @param targets     m x points x 3: x, y, v, as in COCO's files.
 * @param areas       m areas of the targets.
 * @param boxes       m x 4, ::VLOSS_XYWH; NULL if all targets have a visible point.
 * @param points      >= 1; 17 unless `sigmas` are given.
 * @param out         n x m: of detection i and target j at i * row_stride + j.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_oks(const double *detections, size_t n,
                                                 const double *targets, const double *areas,
                                                 const double *boxes, size_t m, size_t points,
                                                 const vloss_oks_options *oks, double *out);

#ifdef __cplusplus
}
#endif

#endif
