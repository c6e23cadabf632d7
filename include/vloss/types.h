/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file types.h
 * @brief Enumerations and structs of vloss: what its functions share, then the options of each
 * family of losses. Included by the headers with the functions.
 */
#ifndef VLOSS_TYPES_H
#define VLOSS_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define VLOSS_API __attribute__((visibility("default")))
#define VLOSS_NODISCARD __attribute__((warn_unused_result))
#else
#define VLOSS_API
#define VLOSS_NODISCARD
#endif

/** What every function returns. Values are part of the ABI. */
typedef enum vloss_status {
  VLOSS_OK = 0,
  VLOSS_ERROR_NULL = 1,        /**< a required pointer is NULL, or all outputs are */
  VLOSS_ERROR_SIZE = 2,        /**< a product of sizes exceeds what memory can hold */
  VLOSS_ERROR_OVERLAP = 3,     /**< an output overlaps another array other than `grad == input` */
  VLOSS_ERROR_STRUCT_SIZE = 4, /**< `struct_size` is larger than this library knows, or never was:
                                  initialise with the struct's VLOSS_..._INIT */
  VLOSS_ERROR_ENUM = 5,        /**< invalid enum or flag value */
  VLOSS_ERROR_PARAMETER = 6,   /**< a number is NaN or out of its range */
  VLOSS_ERROR_LABEL = 7,       /**< a label is outside [0, classes) and is not `ignore_index` */
  VLOSS_ERROR_ISA = 8,         /**< no such instruction set here */
  VLOSS_ERROR_CAPACITY = 9,    /**< the caller's array is too small; `count` tells the need */
  VLOSS_ERROR_WORKSPACE = 10   /**< the workspace is too small; the function beside says the need */
} vloss_status;

/** How per-sample losses are reduced. */
typedef enum vloss_reduction {
  VLOSS_MEAN = 0, /**< sum / number of samples (or as the loss says, or `divisor`); 0 for none */
  VLOSS_SUM = 1,  /**< sum */
  VLOSS_NONE = 2  /**< one loss per sample */
} vloss_reduction;

/** One piece of work: call it once for every index in [0, count), in any order, on any thread. */
typedef void vloss_task(void *argument, size_t index);

/**
 * A caller's parallel-for. `run` must call `task(argument, i)` exactly once for every i in [0,
 * count) and return after all of them have returned. `count` is at most 256 and depends on the
 * sizes only, so the results do not depend on the executor.
 */
typedef struct vloss_executor {
  void (*run)(void *context, vloss_task *task, void *argument, size_t count);
  void *context; /**< handed to `run`; may be NULL */
} vloss_executor;

/**
 * What a call found, written when the call returns (on errors too: then only `bad_label` and
 * `argument` carry meaning). Initialise with ::VLOSS_REPORT_INIT.
 */
typedef struct vloss_report {
  size_t struct_size;   /**< sizeof(vloss_report) */
  double sum;           /**< sum of weight x loss, before divisor and scale; 0 if `loss` is NULL */
  double weight;        /**< the mean's denominator */
  size_t counted;       /**< samples that took part */
  size_t ignored;       /**< samples left out by `ignore_index` */
  size_t degenerate;    /**< samples with degenerate input (each family says which), counted once */
  size_t bad_label;     /**< index of the first bad label, or SIZE_MAX */
  const char *argument; /**< on an error: the name of the argument or field at fault; else NULL */
} vloss_report;

#define VLOSS_REPORT_INIT \
  { sizeof(vloss_report), 0.0, 0.0, 0, 0, 0, SIZE_MAX, NULL }

/** Options of every loss. Initialise with ::VLOSS_OPTIONS_INIT, then set fields. */
typedef struct vloss_options {
  size_t struct_size;        /**< sizeof(vloss_options) */
  vloss_reduction reduction; /**< default ::VLOSS_MEAN */
  /** One weight per sample in the call's dtype, or NULL for 1. It multiplies the sample's loss and
   *  gradient and never changes the mean's denominator. A sample of weight 0 gives exactly 0, even
   *  where it holds NaN or infinities. Weights are meant to be >= 0: with negative ones, losses
   *  beyond the type in both directions may sum to NaN. */
  const void *weight;
  double divisor; /**< > 0: replaces the mean's denominator; 0: off. Finite, >= 0. */
  /** Multiplies loss and gradient; finite, default 1 (1/ln 2 gives bits for nats).
   *
   *  Factors whose product exceeds the dtype count as at most its largest number, those below its
   *  smallest as 0. A factor of 0 - a weight, the scale, an upstream gradient or a product of them
   *  - gives exactly 0 in what it multiplies, even where a sample holds NaN or infinities; the
   *  scale is not in `report->sum`. */
  double scale;
  /** Upstream gradient in the call's dtype: one value per sample with ::VLOSS_NONE, else one value.
   *  NULL means 1. It multiplies the gradient only. */
  const void *grad_output;
  const vloss_executor *executor; /**< runs the tasks; NULL: this thread does */
  vloss_report *report;           /**< NULL, or where to report */
} vloss_options;

#define VLOSS_OPTIONS_INIT \
  { sizeof(vloss_options), VLOSS_MEAN, NULL, 0.0, 1.0, NULL, NULL, NULL }

/** The shape of a loss's input. */
typedef enum vloss_family {
  VLOSS_ELEMENTS = 0, /**< n elements */
  VLOSS_BOXES = 1,    /**< n x 4 */
  VLOSS_ROWS = 2,     /**< n x classes x inner */
  VLOSS_OVERLAP = 3   /**< groups x size */
} vloss_family;

/** What a loss reads beside the input: bits of vloss_loss.arrays. */
enum {
  VLOSS_ARRAY_TARGET = 1,          /**< a target in the input's shape and dtype */
  VLOSS_ARRAY_LABELS = 2,          /**< ::vloss_labels, n x inner */
  VLOSS_ARRAY_CLASS_WEIGHT = 4,    /**< optional weights of the classes, in the input's dtype */
  VLOSS_ARRAY_POSITIVE_WEIGHT = 8, /**< the same, of a class's positives */
  VLOSS_ARRAY_PROBABILITY = 16,    /**< the target of a single logit, a probability */
  VLOSS_ARRAY_VARIANCE = 32 /**< variances like the target, which have a gradient of their own */
};

/** A parameter of a loss, for tools. Flags are 0 or 1; `choices` names the values 0, 1, ... of an
 *  enumeration, separated by '|', and is NULL for numbers. A field of an options struct stands at
 *  `offset`: an int if it has choices, an int64_t if it is whole, else a double. */
typedef struct vloss_parameter {
  const char *name;    /**< as in the prototype or the options struct */
  double value;        /**< default */
  double low;          /**< smallest allowed value */
  double high;         /**< largest allowed value */
  const char *choices; /**< NULL for a number */
  int whole;           /**< 1: whole numbers only; the outermost doubles stand for int64_t's ends */
  size_t offset;       /**< of the field in the family's options struct; 0: in the prototype */
} vloss_parameter;

/** A loss, for tools. */
typedef struct vloss_loss {
  const char *name; /**< as in the function's name: "smooth_l1" */
  vloss_family family;
  unsigned arrays; /**< what it reads beside the input: VLOSS_ARRAY_ bits */
  const vloss_parameter *parameters;
  size_t parameter_count;
} vloss_loss;

/** Element type of labels. */
typedef enum vloss_label_type {
  VLOSS_LABEL_INT64 = 0,
  VLOSS_LABEL_INT32 = 1,
  VLOSS_LABEL_UINT8 = 2
} vloss_label_type;

/** Labels of any supported type. */
typedef struct vloss_labels {
  const void *data;
  vloss_label_type type;
} vloss_labels;

/** Type of the elements of a call. */
typedef enum vloss_dtype {
  VLOSS_F32 = 0, /**< float */
  VLOSS_F64 = 1  /**< double */
} vloss_dtype;

/** A parameter of vloss_evaluate(). */
typedef union vloss_value {
  double real;
  int64_t whole; /**< of a parameter that is whole, or has choices */
} vloss_value;

/** The arguments of any loss, for callers who choose it at run time: what its own function takes,
 *  under the same names. Zero what the loss does not have. Initialise with ::VLOSS_CALL_INIT. */
typedef struct vloss_call {
  size_t struct_size; /**< sizeof(vloss_call) */
  vloss_dtype dtype;
  const void *input;        /**< or logits */
  const void *target;       /**< of ::VLOSS_ARRAY_TARGET */
  const void *variance;     /**< of ::VLOSS_ARRAY_VARIANCE */
  vloss_labels labels;      /**< of ::VLOSS_ARRAY_LABELS */
  const void *class_weight; /**< or positive_weight; may be NULL */
  /** n (and of ::VLOSS_ARRAY_POSITIVE_WEIGHT classes, inner); n of boxes; n, classes, inner of
   *  rows; groups, size, channels of overlap losses. */
  size_t shape[3];
  const vloss_value *values; /**< one for each of `parameters` of the loss; NULL: their defaults */
  const vloss_options *options;
  void *loss, *grad;
  void *grad_variance; /**< of ::VLOSS_ARRAY_VARIANCE */
} vloss_call;

#define VLOSS_CALL_INIT                                                                          \
  {                                                                                              \
    sizeof(vloss_call), VLOSS_F32, NULL, NULL, NULL, {NULL, VLOSS_LABEL_INT64}, NULL, {0, 1, 1}, \
        NULL, NULL, NULL, NULL, NULL                                                             \
  }

/** Options of vloss_poisson_nll_f32(). */
typedef struct vloss_poisson_nll_options {
  size_t struct_size; /**< sizeof(vloss_poisson_nll_options) */
  int log_input;      /**< 1 (default): the input is the logarithm of the mean */
  int full;           /**< 1: with Stirling's approximation of ln t!; default 0 */
  double eps;         /**< without log_input: added in the logarithm; >= 0, default 1e-8 */
} vloss_poisson_nll_options;

#define VLOSS_POISSON_NLL_OPTIONS_INIT \
  { sizeof(vloss_poisson_nll_options), 1, 0, 1e-8 }

/** Options of vloss_gaussian_nll_f32(). */
typedef struct vloss_gaussian_nll_options {
  size_t struct_size; /**< sizeof(vloss_gaussian_nll_options) */
  int full;           /**< 1: with the constant ln(2 pi) / 2; default 0 */
  double eps;         /**< the least variance; >= 0, default 1e-6 */
} vloss_gaussian_nll_options;

#define VLOSS_GAUSSIAN_NLL_OPTIONS_INIT \
  { sizeof(vloss_gaussian_nll_options), 0, 1e-6 }

/** Options of vloss_binary_cross_entropy_with_logits_f32(). */
typedef struct vloss_binary_options {
  size_t struct_size; /**< sizeof(vloss_binary_options) */
  /** Weights of the positives of each class, in the call's dtype, finite and >= 0; NULL: 1. */
  const void *positive_weight;
  /** Their number, default 1; element i has class i / inner % classes, and n must be a multiple of
   *  classes x inner. Ignored without `positive_weight`. */
  size_t classes;
  size_t inner; /**< elements from a class to the next: 1 for n x classes, the default */
} vloss_binary_options;

#define VLOSS_BINARY_OPTIONS_INIT \
  { sizeof(vloss_binary_options), NULL, 1, 1 }

/** Options of the focal losses. A field that a loss does not name is ignored. */
typedef struct vloss_focal_options {
  size_t struct_size; /**< sizeof(vloss_focal_options) */
  double alpha;       /**< focal: weight of positives, 1 - alpha that of negatives, in [0, 1],
                           default 0.25, < 0: no weights; varifocal: weight of negatives, >= 0,
                           default 0.75 */
  double gamma;       /**< focal, varifocal: exponent, >= 0, default 2 */
  double beta;        /**< quality_focal: exponent, >= 0, default 2 */
} vloss_focal_options;

#define VLOSS_FOCAL_OPTIONS_INIT \
  { sizeof(vloss_focal_options), 0.25, 2.0, 2.0 }

/** The defaults of vloss_varifocal_f32(): those of the others but for alpha 0.75. */
#define VLOSS_VARIFOCAL_OPTIONS_INIT \
  { sizeof(vloss_focal_options), 0.75, 2.0, 2.0 }

/** How four numbers make a box. The gradient has the same format. */
typedef enum vloss_box_format {
  VLOSS_XYXY = 0,  /**< x1, y1, x2, y2 */
  VLOSS_XYWH = 1,  /**< corner x1, y1 and extents w, h */
  VLOSS_CXCYWH = 2 /**< centre x, y and extents w, h */
} vloss_box_format;

/** How vloss_iou_f32() grows as the overlap IoU shrinks. */
typedef enum vloss_iou_form {
  VLOSS_IOU_LINEAR = 0, /**< 1 - IoU */
  VLOSS_IOU_LOG = 1,    /**< -ln max(IoU, floor) */
  VLOSS_IOU_SQUARE = 2  /**< 1 - IoU^2 */
} vloss_iou_form;

/** The loss that vloss_cdiou_f32() or vloss_alpha_iou_f32() builds on. */
typedef enum vloss_box_base {
  VLOSS_BASE_IOU = 0,
  VLOSS_BASE_GIOU = 1,
  VLOSS_BASE_DIOU = 2,
  VLOSS_BASE_CIOU = 3
} vloss_box_base;

/** Options of the box losses. A field that a loss does not name is ignored. */
typedef struct vloss_box_options {
  size_t struct_size;      /**< sizeof(vloss_box_options) */
  vloss_box_format format; /**< default ::VLOSS_XYXY */
  /** Added to the denominators of the fractions of areas and squared lengths, in their units: the
   *  union in IoU (every loss), the enclosing area in q (giou and what builds on it), the squared
   *  diagonal of the enclosing box in R (diou, ciou, eiou, focal_eiou and alpha_iou over diou or
   *  ciou), its squared extents in Ew and Eh (eiou, focal_eiou). Numerators, the extents of the
   *  boxes, ciou's alpha and v, cdiou's WY and siou's other parts are without it. >= 0, default 0.
   *  Others put theirs elsewhere too, so that the same eps gives the same numbers for some of their
   *  losses only: docs/losses.md says which. */
  double eps;
  vloss_iou_form form; /**< iou; default ::VLOSS_IOU_LINEAR */
  double floor;        /**< iou, form log: in [2^-60, 1], default 1e-6 */
  int alpha_gate;      /**< ciou, 1: the aspect term counts only where IoU > 1/2; default 0 */
  double gamma;        /**< focal_eiou: exponent of the weight, >= 0, default 0.5 */
  int normalize;       /**< focal_eiou, 1: the mean divides by the sum of the weights; default 0 */
  vloss_box_base base; /**< cdiou: IoU or GIoU; alpha_iou: any; default ::VLOSS_BASE_IOU */
  double lambda;       /**< cdiou: factor of the corner distance, >= 0, default 1; more than 2^90
                            (f32) or 2^750 counts as that */
  double alpha;        /**< alpha_iou: power, >= 2^-126, default 3 */
  double theta;        /**< siou: power of the shape cost, >= 1, default 4 */
} vloss_box_options;

#define VLOSS_BOX_OPTIONS_INIT                                                                     \
  {                                                                                                \
    sizeof(vloss_box_options), VLOSS_XYXY, 0.0, VLOSS_IOU_LINEAR, 1e-6, 0, 0.5, 0, VLOSS_BASE_IOU, \
        1.0, 3.0, 4.0                                                                              \
  }

/** Options of the losses with labels. A field that a loss does not name is ignored. */
typedef struct vloss_cross_entropy_options {
  size_t struct_size; /**< sizeof(vloss_cross_entropy_options) */
  const void
      *class_weight;    /**< one finite weight >= 0 per class in the call's dtype; NULL means 1 */
  double smoothing;     /**< cross_entropy: label smoothing in [0, 1], default 0 */
  int64_t ignore_index; /**< rows with this label are left out; default -100 */
  double gamma;         /**< focal_softmax: exponent of 1 - p, >= 0, default 2 */
} vloss_cross_entropy_options;

#define VLOSS_CROSS_ENTROPY_OPTIONS_INIT \
  { sizeof(vloss_cross_entropy_options), NULL, 0.0, -100, 2.0 }

/** Options of vloss_cross_entropy_soft_f32(). */
typedef struct vloss_soft_options {
  size_t struct_size;       /**< sizeof(vloss_soft_options) */
  const void *class_weight; /**< one finite weight >= 0 per class in the call's dtype, or NULL */
  double smoothing;         /**< label smoothing in [0, 1], default 0 */
} vloss_soft_options;

#define VLOSS_SOFT_OPTIONS_INIT \
  { sizeof(vloss_soft_options), NULL, 0.0 }

/** What the target of a divergence holds. */
typedef enum vloss_teacher {
  VLOSS_TEACHER_PROBABILITIES = 0, /**< p itself, in [0, 1]; need not sum to 1 */
  VLOSS_TEACHER_LOGITS = 1         /**< t, of which p = softmax(t / T) */
} vloss_teacher;

/** Options of the divergences between a teacher and the softmax of a student's logits. */
typedef struct vloss_teacher_options {
  size_t struct_size;    /**< sizeof(vloss_teacher_options) */
  vloss_teacher teacher; /**< default ::VLOSS_TEACHER_PROBABILITIES */
  double temperature; /**< T in [2^-60, 2^60], default 1: divides the logits, not probabilities */
  int squared;        /**< 1: loss and gradient times T^2 (Hinton et al.); default 0 */
} vloss_teacher_options;

#define VLOSS_TEACHER_OPTIONS_INIT \
  { sizeof(vloss_teacher_options), VLOSS_TEACHER_PROBABILITIES, 1.0, 0 }

/** What turns the input into probabilities. */
typedef enum vloss_activation {
  VLOSS_IDENTITY = 0, /**< the input is probabilities */
  VLOSS_SIGMOID = 1,  /**< the input is logits; the gradient goes through the sigmoid */
  /** The input is logits, a softmax over the `channels` of each pixel makes p, and the gradient
   * goes
   *  through it: dL/dz_k = p_k (dL/dp_k - sum_c p_c dL/dp_c). Needs `channels` from 1 to 256. A
   *  logit of -inf has p = 0 and gradient 0, logits of +inf share p = 1, a pixel of -inf only has
   *  p = 0. A pixel's channels depend on each other: a NaN in one reaches the losses of all groups
   *  with a channel of that pixel, and the gradients of all channels wherever such a group has a
   *  channel. A group of weight 0 adds nothing to loss and gradient; only where all groups of an
   *  image (of the batch, if they run through it) have weight 0, NaN there is without effect. */
  VLOSS_SOFTMAX = 2
} vloss_activation;

/** What a group of an overlap loss is. */
typedef enum vloss_grouping {
  VLOSS_GROUP_IMAGE = 0,         /**< an image, all channels */
  VLOSS_GROUP_IMAGE_CHANNEL = 1, /**< a channel of an image; needs `channels` */
  VLOSS_GROUP_CHANNEL = 2,       /**< a channel of all images; needs `channels` */
  VLOSS_GROUP_BATCH = 3          /**< everything */
} vloss_grouping;

/** Options of the overlap losses. */
typedef struct vloss_overlap_options {
  size_t struct_size;          /**< sizeof(vloss_overlap_options) */
  vloss_activation activation; /**< default ::VLOSS_IDENTITY */
  double smoothing;            /**< s, added to numerator and denominator; >= 0, default 1e-5 */
  double gamma;                /**< focal exponent of (1 - index)^gamma; >= 0, default 1 */
  int log;                     /**< 1: -ln of the index; needs smoothing > 0 and gamma = 1 */
  int squared;                 /**< dice only, 1: squares in the denominator (V-Net) */
  double alpha;                /**< Tversky only: weight of false positives; >= 0, default 0.5 */
  double beta;                 /**< Tversky only: weight of false negatives; >= 0, default 0.5 */
  vloss_grouping grouping;     /**< default ::VLOSS_GROUP_IMAGE */
  /** C, which must divide `size`, else ::VLOSS_ERROR_PARAMETER; 0 (default): no channels, which is
   *  the same error where the grouping or a softmax needs them. */
  size_t channels;
} vloss_overlap_options;

#define VLOSS_OVERLAP_OPTIONS_INIT \
  { sizeof(vloss_overlap_options), VLOSS_IDENTITY, 1e-5, 1.0, 0, 0, 0.5, 0.5, VLOSS_GROUP_IMAGE, 0 }

/** The defaults of vloss_focal_tversky_f32(): gamma 4/3, alpha 0.7, beta 0.3. */
#define VLOSS_FOCAL_TVERSKY_OPTIONS_INIT                                            \
  {                                                                                 \
    sizeof(vloss_overlap_options), VLOSS_IDENTITY, 1e-5, 4.0 / 3.0, 0, 0, 0.7, 0.3, \
        VLOSS_GROUP_IMAGE, 0                                                        \
  }

#ifdef __cplusplus
}
#endif

#endif
