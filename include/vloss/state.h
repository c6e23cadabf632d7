/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file state.h
 * @brief Losses of what one call, one process or one machine cannot hold: states that are made of
 * parts, merged, and turned into loss and gradient.
 *
 * The library does not communicate. A state is plain data of a stated size in the byte order of the
 * machine, without pointers: send it as it is. Its counts and sums are 64-bit integers, so that
 * any engine merges states, too: by the elementwise sum (in two's complement) of their words, and
 * where a field says so by the elementwise maximum of doubles.
 *
 * Integers have no order of summation. **The same bits** come out for every number of parts, every
 * tree of merging and every instruction set, if parts begin where each function says; otherwise,
 * and against the functions of vloss.h, the stated error bounds hold.
 *
 * Common to all functions: no allocation, all arguments are checked before anything is written, and
 * a fault leaves all outputs but the report untouched and names its argument there. Arrays that a
 * call writes must not overlap others (::VLOSS_ERROR_OVERLAP); `grad` may be exactly the input.
 * Sizes of 0 are a success.
 */
#ifndef VLOSS_STATE_H
#define VLOSS_STATE_H

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Version of the layout and meaning of all states in this header. States of different versions
 *  must not be merged: compare it before states are exchanged. */
#define VLOSS_STATE_VERSION 1

/** ::VLOSS_STATE_VERSION of the library. */
VLOSS_API int vloss_state_version(void);

/* ------------------------------------------------------------------------------------------------
 * Exact sums
 * ---------------------------------------------------------------------------------------------- */

/** 32-bit digits of the numbers of a double, from 2^-1088 on, and three for carries. */
#define VLOSS_EXACT_LIMBS 69

/**
 * A sum of doubles without any rounding: 584 bytes, all of them 64-bit integers. Merge by
 * vloss_exact_sum_merge(), or by the elementwise sum of all words over up to 2^30 sums in all.
 *
 * Initialise with ::VLOSS_EXACT_SUM_INIT, which is zero everywhere.
 */
typedef struct vloss_exact_sum {
  /** limb[k] counts units of 2^(32 k - 1088); of either sign. */
  int64_t limb[VLOSS_EXACT_LIMBS];
  int64_t load; /**< no limb is larger than 2^32 times this */
  int64_t nans, positive_infinities, negative_infinities; /**< addends that are no numbers */
} vloss_exact_sum;

#define VLOSS_EXACT_SUM_INIT \
  { {0}, 0, 0, 0, 0 }

/**
 * Adds `count` values, of whatever size and sign, to a sum.
 *
 * @param report  NULL, or where to name a bad argument.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_exact_sum_add_f32(const float *values, size_t count,
                                                               vloss_report *report,
                                                               vloss_exact_sum *sum);
/** @copydoc vloss_exact_sum_add_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_exact_sum_add_f64(const double *values, size_t count,
                                                               vloss_report *report,
                                                               vloss_exact_sum *sum);

/** Adds `count` sums to as many others, one by one: `into[i] += from[i]`. */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_exact_sum_merge(const vloss_exact_sum *from,
                                                             size_t count, vloss_report *report,
                                                             vloss_exact_sum *into);

/**
 * The sum, rounded once: to the nearest double, ties to even; infinite where it exceeds the type.
 * A NaN among the addends, or infinities of both signs, make it NaN; infinities of one sign that
 * infinity. A sum of 0 is +0, that of negative zeros too.
 *
 * @param value  out: one value for each of `count` sums.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_exact_sum_round(const vloss_exact_sum *sum,
                                                             size_t count, vloss_report *report,
                                                             double *value);

/* ------------------------------------------------------------------------------------------------
 * Denominators
 * ---------------------------------------------------------------------------------------------- */

/**
 * What the mean of a loss with labels divides by, from labels and class weights alone: for
 * cross_entropy and nll the sum of w_y over the rows that are not ignored, for focal_softmax their
 * number (and class weights are not read). Sum it over all processes and hand it to each call as
 * `divisor`, so that their losses and gradients add up to those of one call. (A total of 0 is a
 * mean of nothing: loss and gradient are 0, and there is nothing to call.)
 *
 * `report` receives the numbers of rows counted and ignored, and the first bad label.
 *
 * @param loss           a loss with ::VLOSS_ARRAY_LABELS, of vloss_find_loss(); another is
 *                       ::VLOSS_ERROR_PARAMETER.
 * @param dtype          of the class weights.
 * @param rows           number of labels, n x inner.
 * @param cross_entropy  as in the loss itself; NULL means ::VLOSS_CROSS_ENTROPY_OPTIONS_INIT.
 * @param report         NULL or where to report.
 * @param sum            NULL, or an exact sum to which this call's weights are added: rounded after
 *                       merging, it has the same bits however rows are shared out.
 * @param denominator    NULL, or out: the denominator that the loss would have of these rows alone.
 */
VLOSS_API VLOSS_NODISCARD vloss_status
vloss_denominator(const vloss_loss *loss, vloss_dtype dtype, vloss_labels labels, size_t rows,
                  size_t classes, const vloss_cross_entropy_options *cross_entropy,
                  vloss_report *report, vloss_exact_sum *sum, double *denominator);

/* ------------------------------------------------------------------------------------------------
 * Overlap losses of groups in several parts
 * ---------------------------------------------------------------------------------------------- */

/**
 * The sums of a group of an overlap loss, 1752 bytes, all of them 64-bit integers: merge as exact
 * sums, of which a group has three. In units of 2^40.
 */
typedef struct vloss_group_sums {
  vloss_exact_sum product;         /**< sum of p t */
  vloss_exact_sum false_positives; /**< sum of p (1 - t), or of (p - t)^2 if squared */
  vloss_exact_sum false_negatives; /**< sum of t (1 - p), or 0 */
} vloss_group_sums;

#define VLOSS_GROUP_SUMS_INIT \
  { VLOSS_EXACT_SUM_INIT, VLOSS_EXACT_SUM_INIT, VLOSS_EXACT_SUM_INIT }

/**
 * Adds a part of the groups of an overlap loss to their sums. Input, target, `groups`, `size` and
 * `overlap` mean what they do in vloss_dice_f32(), for the part alone: some of the images, or a
 * part of each channel (so that `size` is smaller). Of the options, activation, squared, grouping
 * and channels count. A softmax is ::VLOSS_ERROR_ENUM.
 *
 * There is one element of `sums` for each group that the part has a share in: as many as there are
 * losses with ::VLOSS_NONE. Merge them by vloss_group_sums_merge(); a part may be empty.
 *
 * **Bits.** Sums are made of blocks of 2,048 numbers of a run: of a channel of an image, or of an
 * image where a group has all of its channels. Parts that are whole images, or begin at a multiple
 * of 2,048 numbers in each run, give the same bits however many they are. Runs of a group that goes
 * through several images are put together if they are shorter than 64: parts must then begin at a
 * multiple of 2,048 of their numbers, or pixels where each channel is a group.
 *
 * Products below the smallest normal number are not added with all of their digits (unlike in
 * vloss_dice_f32(), which then adds once more): without smoothing, a group of next to nothing has
 * fewer digits.
 *
 * @param about    dice, tversky, jaccard or focal_tversky, of vloss_find_loss(); another is
 *                 ::VLOSS_ERROR_PARAMETER.
 * @param overlap  NULL means the loss's own defaults.
 * @param report   NULL or where to name a bad argument.
 * @param sums     one per group; initialise with ::VLOSS_GROUP_SUMS_INIT (zero everywhere).
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_group_sums_add_f32(
    const vloss_loss *about, const float *input, const float *target, size_t groups, size_t size,
    const vloss_overlap_options *overlap, vloss_report *report, vloss_group_sums *sums);
/** @copydoc vloss_group_sums_add_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_group_sums_add_f64(
    const vloss_loss *about, const double *input, const double *target, size_t groups, size_t size,
    const vloss_overlap_options *overlap, vloss_report *report, vloss_group_sums *sums);

/** Adds the sums of `count` groups to those of as many others, one by one. */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_group_sums_merge(const vloss_group_sums *from,
                                                              size_t count, vloss_report *report,
                                                              vloss_group_sums *into);

/**
 * Loss and gradient of an overlap loss from the merged sums of its groups: the loss of the whole
 * groups, and the gradient of the part that input and target hold. All arguments are those of
 * vloss_dice_f32() and of the part's own vloss_group_sums_add_f32(); every option counts as there.
 * The reductions run over the groups of the part: where parts share all of their groups, each
 * returns the same loss; where they are different images, those are different groups.
 *
 * Loss and gradient are within the bounds of the loss itself; the gradient has the same bits for
 * equal sums, however the group was cut.
 *
 * @param about  the loss, as for its sums.
 * @param sums   one per group, merged.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_overlap_from_sums_f32(
    const vloss_loss *about, const vloss_group_sums *sums, const float *input, const float *target,
    size_t groups, size_t size, const vloss_overlap_options *overlap, const vloss_options *options,
    float *loss, float *grad);
/** @copydoc vloss_overlap_from_sums_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_overlap_from_sums_f64(
    const vloss_loss *about, const vloss_group_sums *sums, const double *input,
    const double *target, size_t groups, size_t size, const vloss_overlap_options *overlap,
    const vloss_options *options, double *loss, double *grad);

/* ------------------------------------------------------------------------------------------------
 * Rows of classes in several shards
 * ---------------------------------------------------------------------------------------------- */

/** Which classes of which rows a call has. Initialise with ::VLOSS_SHARD_INIT. */
typedef struct vloss_shard {
  size_t struct_size; /**< sizeof(vloss_shard) */
  size_t n;           /**< the shard's logits are n x classes x inner, its states n x inner */
  size_t classes;     /**< of the shard; may be 0 */
  size_t inner;       /**< default 1 */
  size_t first_class; /**< the class that its first one is */
  size_t all_classes; /**< of the whole row, at most 2^22; not fewer than first_class + classes */
} vloss_shard;

#define VLOSS_SHARD_INIT \
  { sizeof(vloss_shard), 0, 0, 1, 0, 0 }

/**
 * What is known of a row of logits: 96 bytes, two doubles and ten 64-bit integers. Initialise by
 * vloss_softmax_init().
 *
 * To merge without vloss_softmax_merge(): first the elementwise maximum of the two doubles, before
 * anything else is known; then the elementwise sum of the integers, all of which are relative to
 * equal doubles. A row needs the words up to `sum[0]` in f32 (24 bytes), up to `sum[1]` in f64
 * (32), up to `entropy[1]` for the entropy (48), all (80) for smoothing; those behind are 0.
 *
 * A sum of two words has units of 2^-40 and of 2^-80 times what its comment says.
 */
typedef struct vloss_softmax_state {
  double maximum;     /**< the largest logit; -inf at first */
  double depth;       /**< minus the smallest one that is no mask and has weight; -inf at first */
  int64_t classes;    /**< how many the sums have seen, and 2^32 for each NaN among them */
  int64_t label;      /**< the bits of the label's logit as a double, else 0 */
  int64_t sum[2];     /**< e^(z - maximum); [1] is 0 in f32 where nothing was rescaled */
  int64_t entropy[2]; /**< e^(z - maximum) (maximum - z), if asked for */
  int64_t weight[2];  /**< with smoothing: w of the classes that are not masked, by 2^v */
  int64_t drop[2];    /**< with smoothing: w (maximum - z) / 2, by 2^(v + d), of the same classes;
                           2^v is just above the largest class weight, 2^d just above (maximum +
                           depth) / 2 and at least 1 */
} vloss_softmax_state;

/** States of rows of which nothing is known. */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_softmax_init(size_t rows, vloss_softmax_state *states);

/**
 * The first of two steps: raises the doubles of the states to those of the shard. Merged over all
 * shards before the second step, they are what makes its sums integers of one scale.
 *
 * @param shard          which part of the rows `logits` is.
 * @param cross_entropy  NULL, or the options of the loss: classes of weight 0 are not in `depth`.
 * @param options        NULL, or options of which only executor and report count.
 * @param states         n x inner; the integers must be 0 still (::VLOSS_ERROR_PARAMETER).
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_softmax_maximum_f32(
    const float *logits, const vloss_shard *shard, const vloss_cross_entropy_options *cross_entropy,
    const vloss_options *options, vloss_softmax_state *states);
/** @copydoc vloss_softmax_maximum_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status
vloss_softmax_maximum_f64(const double *logits, const vloss_shard *shard,
                          const vloss_cross_entropy_options *cross_entropy,
                          const vloss_options *options, vloss_softmax_state *states);

/**
 * Adds the classes of a shard to the states of its rows.
 *
 * **Two steps, the same bits.** Where the states hold the doubles of the whole rows, merged from
 * vloss_softmax_maximum_f32(), only integers are added: the result has the same bits for every
 * number of shards and every order, if shards begin at multiples of 64 classes. (The exponentials
 * of 64 classes are added up in one fixed order and rounded to an integer, once.) Other
 * boundaries cost an error of 1e-7 (f32), 4e-16 (f64) of a sum, which is in the bounds of the
 * losses.
 *
 * **One step, an error bound.** Where they do not, the call raises the doubles and rescales what is
 * there, as vloss_softmax_merge() does. Each time adds an error of 2^-51 of the sum: up to 16
 * shards in one step stay within the bounds of the losses in f64, any number of them in f32. The
 * bits are those of the sequence of shards and merges.
 *
 * @param labels         one per row, of all classes; `data` may be NULL where no loss has labels.
 * @param shard          which part of the rows `logits` is.
 * @param cross_entropy  as in the loss; smoothing > 0 asks for the sums that it needs. Class
 *                       weights are those of all classes. NULL means
 *                       ::VLOSS_CROSS_ENTROPY_OPTIONS_INIT.
 * @param entropy        1: also the sum that the entropy needs, else 0.
 * @param options        NULL, or options of which only executor and report count.
 * @param states         n x inner.
 */
VLOSS_API VLOSS_NODISCARD vloss_status
vloss_softmax_update_f32(const float *logits, vloss_labels labels, const vloss_shard *shard,
                         const vloss_cross_entropy_options *cross_entropy, int entropy,
                         const vloss_options *options, vloss_softmax_state *states);
/** @copydoc vloss_softmax_update_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status
vloss_softmax_update_f64(const double *logits, vloss_labels labels, const vloss_shard *shard,
                         const vloss_cross_entropy_options *cross_entropy, int entropy,
                         const vloss_options *options, vloss_softmax_state *states);

/**
 * Adds the states of rows to others of the same rows, in which other shards are. Equal doubles:
 * exactly. Else sums are rescaled to the larger ones, with the error of the one step above.
 *
 * @param report  NULL or where to name a bad argument.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_softmax_merge(const vloss_softmax_state *from,
                                                           size_t rows, vloss_report *report,
                                                           vloss_softmax_state *into);

/**
 * vloss_cross_entropy_f32() of rows whose states are complete: the loss of the whole rows, and the
 * gradient of the shard's own classes. Everything that the loss promises holds, all classes
 * smoothed included. Each shard's call returns the same loss; the mean divides as the loss's own.
 *
 * Equal states give equal bits of loss and gradient, wherever the shard begins.
 *
 * @param states         in which every class was added once: else ::VLOSS_ERROR_PARAMETER, with the
 *                       row in `report->bad_label`.
 * @param labels         and `cross_entropy` as in vloss_softmax_update_f32().
 * @param logits         of the shard; only read for the gradient, and may be NULL without it.
 * @param loss           one value, or n x inner with ::VLOSS_NONE.
 * @param grad           as logits; may be exactly those.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_cross_entropy_from_states_f32(
    const vloss_softmax_state *states, const float *logits, vloss_labels labels,
    const vloss_shard *shard, const vloss_cross_entropy_options *cross_entropy,
    const vloss_options *options, float *loss, float *grad);
/** @copydoc vloss_cross_entropy_from_states_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_cross_entropy_from_states_f64(
    const vloss_softmax_state *states, const double *logits, vloss_labels labels,
    const vloss_shard *shard, const vloss_cross_entropy_options *cross_entropy,
    const vloss_options *options, double *loss, double *grad);

/** vloss_focal_softmax_f32() in the same way; smoothing is ignored. */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_focal_softmax_from_states_f32(
    const vloss_softmax_state *states, const float *logits, vloss_labels labels,
    const vloss_shard *shard, const vloss_cross_entropy_options *cross_entropy,
    const vloss_options *options, float *loss, float *grad);
/** @copydoc vloss_focal_softmax_from_states_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_focal_softmax_from_states_f64(
    const vloss_softmax_state *states, const double *logits, vloss_labels labels,
    const vloss_shard *shard, const vloss_cross_entropy_options *cross_entropy,
    const vloss_options *options, double *loss, double *grad);

/** vloss_entropy_with_logits_f32() in the same way, of states that were updated with `entropy`. */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_entropy_with_logits_from_states_f32(
    const vloss_softmax_state *states, const float *logits, const vloss_shard *shard,
    const vloss_options *options, float *loss, float *grad);
/** @copydoc vloss_entropy_with_logits_from_states_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_entropy_with_logits_from_states_f64(
    const vloss_softmax_state *states, const double *logits, const vloss_shard *shard,
    const vloss_options *options, double *loss, double *grad);

#ifdef __cplusplus
}
#endif

#endif
