/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file vloss.h
 * @brief Batched losses and their gradients over contiguous tensors, on the CPU.
 *
 * Every function evaluates a loss and its gradient in one call, and keeps these promises:
 *
 * - **Fused.** Inputs are read once, the gradient is written once (overlap losses need their sums
 *   first and read twice).
 * - **Same bits everywhere.** Loss and gradient are bit-identical on every instruction set,
 *   compiler, thread count and alignment. Only the payload and sign of a NaN are not promised.
 * - **Never NaN from finite input**, degenerate input included. A NaN in a sample gives NaN in that
 *   sample's loss and gradient and in the reduced loss, unless a factor of it is 0, and never
 *   reaches another sample's gradient.
 * - **Nothing behind your back.** No allocation, no printing, no abort, no errno, no locale, no
 *   constructor, no thread. The floating point control word is the default during a call and is
 *   restored after it. Bad arguments give a status, and no output but `report` is touched.
 * - **Accurate.** Unless a function says otherwise: loss within 5e-7 (f32) or 1e-14 (f64), gradient
 *   within 1e-6 or 1e-14, relative to the larger of the exact value and the natural size of its
 *   terms. Reduced losses below 1e-290 (f64) have fewer digits.
 * - **Small stacks.** A call, and a task of an executor, takes at most ::VLOSS_STACK_SIZE.
 *
 * Not promised: the speed of any call, or the bits of a later release.
 *
 * A **sample** is what has one loss: an element (losses of elements), a box, a row of classes, or a
 * group (overlap losses). All functions are thread-safe and may be called concurrently on disjoint
 * outputs.
 *
 * ### Arguments that all losses share
 * - `loss`: one value, or one per sample with ::VLOSS_NONE. NULL: not computed.
 * - `grad`: the gradient with respect to the input, in the input's shape. NULL: not computed. It
 *   may be exactly the input (in place); any other overlap of an output with another array is
 *   ::VLOSS_ERROR_OVERLAP. All outputs NULL is ::VLOSS_ERROR_NULL, unless a size is 0.
 * - `options`: NULL means ::VLOSS_OPTIONS_INIT.
 * - Sizes of 0 are a success: the reduced loss is 0 if it is wanted, nothing else is written, input
 *   pointers are ignored, and every output may be NULL.
 * - A probability in [-16 u, 0) or (1, 1 + 16 u], u the unit in the last place of 1 (2^-23 in f32,
 *   2^-52 in f64), is what rounding makes of 0 or 1 and counts as that in every loss with
 *   probabilities. Further out it is outside [0, 1].
 * - Pointers need the alignment of their type and no more.
 *
 * ### Programs and libraries of different releases
 * Structs that begin with `struct_size` grow at their end, and nothing else changes under one
 * soname. To a program that was compiled with an older header, fields that it does not know have
 * their defaults; of a report they are not written. A struct of a newer header, if it has grown, is
 * ::VLOSS_ERROR_STRUCT_SIZE to an older library.
 */
#ifndef VLOSS_H
#define VLOSS_H

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Version of this header; vloss_version() gives the library's. */
#define VLOSS_VERSION_MAJOR 0
#define VLOSS_VERSION_MINOR 1
#define VLOSS_VERSION_PATCH 0

/** Bytes of stack that a call takes at most, if the library was built with optimization. */
#define VLOSS_STACK_SIZE 57344

/** One line of English for a status; never NULL. */
VLOSS_API const char *vloss_status_string(vloss_status status);

/* ------------------------------------------------------------------------------------------------
 * The library itself
 * ---------------------------------------------------------------------------------------------- */

/** "major.minor.patch" of the library. */
VLOSS_API const char *vloss_version(void);

/** Name of the instruction set in use: the best one that this CPU and OS can run, unless the
 *  environment variable `VLOSS_ISA` (read once, on first use) or vloss_set_isa() chose a lower one.
 *  A name in the environment that cannot be used here is ignored; `vloss info` says so. */
VLOSS_API const char *vloss_isa(void);

/** Choose an instruction set by name for all later calls; NULL or "" restores the best one.
 *  @return ::VLOSS_ERROR_ISA, and no change, if it is not built in or cannot run here. */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_set_isa(const char *name);

/** Number of instruction sets built into this library, best first. */
VLOSS_API size_t vloss_isa_count(void);

/** Name of one of them, or NULL if `index` is out of range. */
VLOSS_API const char *vloss_isa_name(size_t index);

/** 1 if it can run here, else 0 (0 too if `index` is out of range). */
VLOSS_API int vloss_isa_usable(size_t index);

/** All losses of the library; `*count` (if not NULL) receives their number. */
VLOSS_API const vloss_loss *vloss_losses(size_t *count);

/** The loss of that name, or NULL. */
VLOSS_API const vloss_loss *vloss_find_loss(const char *name);

/**
 * Any loss by its row of vloss_losses(): the same results and errors as its own function.
 * @return ::VLOSS_ERROR_NULL without a row or a call, ::VLOSS_ERROR_ENUM for an unknown `dtype`.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_evaluate(const vloss_loss *loss,
                                                      const vloss_call *call);

/* ------------------------------------------------------------------------------------------------
 * Losses of elements: input and target of n elements each; d = input - target; a sample is an
 * element.
 * Accuracy: gradients of l1, mse, smooth_l1 and huber within 2 ULP where nothing scales them.
 * ---------------------------------------------------------------------------------------------- */

/** Absolute error: |d|, gradient sign(d), 0 at d = 0. */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_l1_f32(const float *input, const float *target,
                                                    size_t n, const vloss_options *options,
                                                    float *loss, float *grad);
/** @copydoc vloss_l1_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_l1_f64(const double *input, const double *target,
                                                    size_t n, const vloss_options *options,
                                                    double *loss, double *grad);

/** Squared error: d^2 (no 1/2), gradient 2d. A square that exceeds the type is +inf. */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_mse_f32(const float *input, const float *target,
                                                     size_t n, const vloss_options *options,
                                                     float *loss, float *grad);
/** @copydoc vloss_mse_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_mse_f64(const double *input, const double *target,
                                                     size_t n, const vloss_options *options,
                                                     double *loss, double *grad);

/**
 * Smooth L1 (Girshick, Fast R-CNN, arXiv 1504.08083): d^2/(2 beta) where |d| < beta, else |d| -
 * beta/2; gradient d/beta, else sign(d).
 * @param beta  >= 0, PyTorch's default is 1; at 0 the loss is exactly L1, gradient 0 at d = 0.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_smooth_l1_f32(const float *input, const float *target,
                                                           size_t n, double beta,
                                                           const vloss_options *options,
                                                           float *loss, float *grad);
/** @copydoc vloss_smooth_l1_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_smooth_l1_f64(const double *input,
                                                           const double *target, size_t n,
                                                           double beta,
                                                           const vloss_options *options,
                                                           double *loss, double *grad);

/**
 * Huber (1964): d^2/2 where |d| <= delta, else delta (|d| - delta/2); gradient d, else delta
 * sign(d).
 * @param delta  > 0, PyTorch's default is 1.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_huber_f32(const float *input, const float *target,
                                                       size_t n, double delta,
                                                       const vloss_options *options, float *loss,
                                                       float *grad);
/** @copydoc vloss_huber_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_huber_f64(const double *input, const double *target,
                                                       size_t n, double delta,
                                                       const vloss_options *options, double *loss,
                                                       double *grad);

/** Log-cosh: ln cosh d = |d| + ln(1 + e^(-2|d|)) - ln 2, gradient tanh d. */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_log_cosh_f32(const float *input, const float *target,
                                                          size_t n, const vloss_options *options,
                                                          float *loss, float *grad);
/** @copydoc vloss_log_cosh_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_log_cosh_f64(const double *input, const double *target,
                                                          size_t n, const vloss_options *options,
                                                          double *loss, double *grad);

/**
 * Charbonnier loss (Charbonnier et al. 1994), L1 rounded at 0: sqrt(d^2 + epsilon^2), gradient
 * d / sqrt(d^2 + epsilon^2).
 * @param epsilon  in [2^-60, 2^60]; 1e-3 is usual.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_charbonnier_f32(const float *input,
                                                             const float *target, size_t n,
                                                             double epsilon,
                                                             const vloss_options *options,
                                                             float *loss, float *grad);
/** @copydoc vloss_charbonnier_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_charbonnier_f64(const double *input,
                                                             const double *target, size_t n,
                                                             double epsilon,
                                                             const vloss_options *options,
                                                             double *loss, double *grad);

/**
 * Quantile or pinball loss (Koenker and Bassett 1978): with e = target - input, tau e where e > 0,
 * else (tau - 1) e; gradient -tau, 1 - tau, 0 at e = 0. Its minimum is the tau-quantile of the
 * targets.
 * @param tau  0 < tau < 1; 0.5, half the absolute error, gives the median.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_quantile_f32(const float *input, const float *target,
                                                          size_t n, double tau,
                                                          const vloss_options *options, float *loss,
                                                          float *grad);
/** @copydoc vloss_quantile_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_quantile_f64(const double *input, const double *target,
                                                          size_t n, double tau,
                                                          const vloss_options *options,
                                                          double *loss, double *grad);

/**
 * Hinge loss: max(0, 1 - target input), gradient -target inside, 0 at the corner and beyond. The
 * target is +1 or -1 for the classes of a support vector machine; any number is taken as it is.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_hinge_f32(const float *input, const float *target,
                                                       size_t n, const vloss_options *options,
                                                       float *loss, float *grad);
/** @copydoc vloss_hinge_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_hinge_f64(const double *input, const double *target,
                                                       size_t n, const vloss_options *options,
                                                       double *loss, double *grad);

/** Squared hinge loss: h^2 for h = max(0, 1 - target input), gradient -2 target h. */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_squared_hinge_f32(const float *input,
                                                               const float *target, size_t n,
                                                               const vloss_options *options,
                                                               float *loss, float *grad);
/** @copydoc vloss_squared_hinge_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_squared_hinge_f64(const double *input,
                                                               const double *target, size_t n,
                                                               const vloss_options *options,
                                                               double *loss, double *grad);

/**
 * Binary cross entropy of probabilities p (input) and t (target, hard or soft):
 *
 *     L = -t max(ln p, -100) - (1 - t) max(ln(1 - p), -100)
 *     dL/dp = (p - t) / max(p (1 - p), 1e-12)
 *
 * as in PyTorch, so that a probability of 0 or 1 costs at most 100. An input or target outside [0,
 * 1] gives NaN in that sample, and is counted in `report->degenerate`.
 *
 * Accuracy: the shared bound, relative to max(|L|, 1).
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_binary_cross_entropy_f32(const float *input,
                                                                      const float *target, size_t n,
                                                                      const vloss_options *options,
                                                                      float *loss, float *grad);
/** @copydoc vloss_binary_cross_entropy_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_binary_cross_entropy_f64(const double *input,
                                                                      const double *target,
                                                                      size_t n,
                                                                      const vloss_options *options,
                                                                      double *loss, double *grad);

/**
 * Kullback-Leibler divergence, element by element: the input x is a log-probability, the target t a
 * probability, or with `log_target` the logarithm of one:
 *
 *     L = t ln t - t x, 0 at t = 0        dL/dx = -t
 *     log_target: L = e^t (t - x)         dL/dx = -e^t, both 0 where e^t is
 *
 * 0 ln 0 and 0 times infinity are 0; x = -inf at a target that is not 0 gives +inf. Nothing needs
 * to be normalised. A target outside [0, 1] gives NaN in that sample, and is counted in
 * `report->degenerate`; with `log_target`, where any number is a logarithm, nothing is.
 *
 * The mean divides by the number of elements; `divisor` = number of rows gives PyTorch's
 * `batchmean`, the mean divergence of a row.
 *
 * Accuracy: loss within 5e-7 (f32), 1e-14 (f64) of |t ln t| + |t x|, gradient within 1e-6, 1e-14.
 * With `log_target` what is below the smallest normal number may be 0.
 *
 * @param log_target  0 or 1.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_kl_div_f32(const float *input, const float *target,
                                                        size_t n, int log_target,
                                                        const vloss_options *options, float *loss,
                                                        float *grad);
/** @copydoc vloss_kl_div_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_kl_div_f64(const double *input, const double *target,
                                                        size_t n, int log_target,
                                                        const vloss_options *options, double *loss,
                                                        double *grad);

/**
 * Negative log likelihood of a count t (target) under a Poisson distribution whose mean is e^x or x
 * (input):
 *
 *     log_input:  L = e^x - t x                 dL/dx = e^x - t
 *     else:       L = x - t ln(x + eps)         dL/dx = 1 - t / (x + eps), NaN for x <= -eps
 *     full:       L + t ln t - t + ln(2 pi t) / 2 where t > 1
 *
 * 0 times infinity is 0. Without `log_input` samples with x + eps <= 0 in the call's dtype are
 * NaN and counted in `report->degenerate`; where x + eps exceeds it, the logarithm is that of its
 * largest number. e^x below the smallest normal number is 0. Any finite t is taken as it is.
 *
 * Accuracy: the shared bounds, relative to the sum of the sizes of the terms, where the size of a
 * logarithm is at least 1.
 *
 * @param poisson_nll  NULL means ::VLOSS_POISSON_NLL_OPTIONS_INIT.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_poisson_nll_f32(
    const float *input, const float *target, size_t n, const vloss_poisson_nll_options *poisson_nll,
    const vloss_options *options, float *loss, float *grad);
/** @copydoc vloss_poisson_nll_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status
vloss_poisson_nll_f64(const double *input, const double *target, size_t n,
                      const vloss_poisson_nll_options *poisson_nll, const vloss_options *options,
                      double *loss, double *grad);

/**
 * Negative log likelihood of the target under a normal distribution with mean `input` and a
 * variance per element: with v = max(variance, eps), and at least the smallest normal number,
 *
 *     L = (ln v + d^2 / v) / 2, with `full` + ln(2 pi) / 2
 *     dL/dinput = d / v        dL/dvariance = (1 / v - (d / v)^2) / 2
 *
 * The second gradient goes through the maximum: a variance below eps, negative ones too, has that
 * of eps, as in PyTorch (which refuses negative ones).
 *
 * Either gradient may be NULL. `grad` may be `input` and `grad_variance` may be `variance`, in
 * place; any other overlap is ::VLOSS_ERROR_OVERLAP. Weights and the like multiply both.
 *
 * Accuracy: the shared bounds, relative to the sum of the sizes of the terms.
 *
 * @param gaussian_nll   NULL means ::VLOSS_GAUSSIAN_NLL_OPTIONS_INIT.
 * @param grad_variance  n numbers, or NULL.
 */
VLOSS_API VLOSS_NODISCARD vloss_status
vloss_gaussian_nll_f32(const float *input, const float *target, const float *variance, size_t n,
                       const vloss_gaussian_nll_options *gaussian_nll, const vloss_options *options,
                       float *loss, float *grad, float *grad_variance);
/** @copydoc vloss_gaussian_nll_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status
vloss_gaussian_nll_f64(const double *input, const double *target, const double *variance, size_t n,
                       const vloss_gaussian_nll_options *gaussian_nll, const vloss_options *options,
                       double *loss, double *grad, double *grad_variance);

/* ------------------------------------------------------------------------------------------------
 * Binary losses from logits: n logits z, s = sigmoid(z) = 1/(1 + e^-z), softplus(z) = ln(1 + e^z);
 * a sample is an element. Targets t are probabilities of the positive class, hard (0 or 1) or soft.
 *
 * A target outside [0, 1] gives NaN in its loss and gradient, and is counted in
 * `report->degenerate`. Gradients are finite at any logit, unless a weight makes them exceed the
 * type; infinite logits give the limits: loss 0 or +inf.
 *
 * Accuracy: loss within 5e-7 (f32), 1e-14 (f64), gradient within 1e-6, 1e-14, of the larger of the
 * exact value and the weight of its class, times max(1, exponent).
 * ---------------------------------------------------------------------------------------------- */

/**
 * Binary cross entropy from logits, c the positive weight:
 *
 *     L = (1 - t) softplus(z) + c t softplus(-z)    dL/dz = (1 - t) s(z) - c t s(-z)
 *
 * No term cancels another: losses and gradients far below 1 keep their digits for targets 0 and 1.
 *
 * @param binary  NULL means ::VLOSS_BINARY_OPTIONS_INIT.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_binary_cross_entropy_with_logits_f32(
    const float *input, const float *target, size_t n, const vloss_binary_options *binary,
    const vloss_options *options, float *loss, float *grad);
/** @copydoc vloss_binary_cross_entropy_with_logits_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_binary_cross_entropy_with_logits_f64(
    const double *input, const double *target, size_t n, const vloss_binary_options *binary,
    const vloss_options *options, double *loss, double *grad);

/**
 * Entropy of the probability that a logit stands for, in nats (`scale` 1/ln 2 makes them bits):
 *
 *     H = softplus(z) - z s(z)    dH/dz = -z s(z) s(-z)
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_binary_entropy_with_logits_f32(
    const float *input, size_t n, const vloss_options *options, float *loss, float *grad);
/** @copydoc vloss_binary_entropy_with_logits_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_binary_entropy_with_logits_f64(
    const double *input, size_t n, const vloss_options *options, double *loss, double *grad);

/**
 * Sigmoid focal loss (Lin et al. 2017, arXiv 1708.02002). For a hard target, x = z or -z the logit
 * of the true class and w = alpha or 1 - alpha its weight,
 *
 *     L = w s(-x)^gamma softplus(-x)
 *     dL/dx = -w s(-x)^gamma (gamma s(x) softplus(-x) + s(-x))
 *
 * For a soft one, linear in t as torchvision's, with u = (1 - t) s + t (1 - s), w = alpha t + (1 -
 * alpha)(1 - t) and bce the cross entropy,
 *
 *     L = w u^gamma bce
 *     dL/dz = w (u^gamma (s - t) + gamma u^(gamma - 1) (1 - 2t) s (1 - s) bce)
 *
 * gamma 0, 1 and 2 take no second exponential; soft targets are slower. torchvision's function
 * with reduction "mean" is this mean; RetinaNet's divides by the number of positives:
 * options.divisor.
 *
 * @param focal  NULL means ::VLOSS_FOCAL_OPTIONS_INIT.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_focal_f32(const float *input, const float *target,
                                                       size_t n, const vloss_focal_options *focal,
                                                       const vloss_options *options, float *loss,
                                                       float *grad);
/** @copydoc vloss_focal_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_focal_f64(const double *input, const double *target,
                                                       size_t n, const vloss_focal_options *focal,
                                                       const vloss_options *options, double *loss,
                                                       double *grad);

/**
 * Quality focal loss (Li et al. 2020, arXiv 2006.04388), t the quality of a detection: with
 * m = |s - t| and bce the cross entropy,
 *
 *     L = m^beta bce    dL/dz = beta m^(beta - 1) sign(s - t) s (1 - s) bce + m^beta (s - t)
 *
 * The gradient is 0 where m is 0, and so is L for beta > 0. As m goes to 0 the gradient is
 * unbounded for beta < 1, its own derivative for beta < 2: there the bounds hold for m at least
 * 0.01.
 *
 * @param focal  NULL means ::VLOSS_FOCAL_OPTIONS_INIT.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_quality_focal_f32(const float *input,
                                                               const float *target, size_t n,
                                                               const vloss_focal_options *focal,
                                                               const vloss_options *options,
                                                               float *loss, float *grad);
/** @copydoc vloss_quality_focal_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_quality_focal_f64(const double *input,
                                                               const double *target, size_t n,
                                                               const vloss_focal_options *focal,
                                                               const vloss_options *options,
                                                               double *loss, double *grad);

/**
 * Varifocal loss (Zhang et al. 2020, arXiv 2008.13367), t the quality of a detection, 0 for
 * background: with bce the cross entropy,
 *
 *     t > 0    L = t bce                    dL/dz = t (s - t)
 *     t = 0    L = alpha s^gamma softplus(z)
 *              dL/dz = alpha s^gamma (gamma (1 - s) softplus(z) + s)
 *
 * @param focal  NULL means ::VLOSS_VARIFOCAL_OPTIONS_INIT.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_varifocal_f32(const float *input, const float *target,
                                                           size_t n,
                                                           const vloss_focal_options *focal,
                                                           const vloss_options *options,
                                                           float *loss, float *grad);
/** @copydoc vloss_varifocal_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_varifocal_f64(const double *input,
                                                           const double *target, size_t n,
                                                           const vloss_focal_options *focal,
                                                           const vloss_options *options,
                                                           double *loss, double *grad);

/* ------------------------------------------------------------------------------------------------
 * Box losses: input and target of n x 4 coordinates; a sample is a box.
 *
 * Shapes: input, target and grad n x 4; weight and loss (::VLOSS_NONE) n. Any unit of length. `box`
 * may be NULL: ::VLOSS_BOX_OPTIONS_INIT.
 *
 * Gradients are exact but where a loss calls a factor constant. A tie of min or max is split half
 * and half: identical boxes have gradient 0.
 *
 * Degenerate boxes: an inverted axis (x2 < x1, or a negative extent) is replaced by its centre,
 * with derivative 1/2 by each corner, and counted in `report->degenerate`. A fraction whose
 * denominator is below the smallest normal number is 0 with gradient 0. Never NaN for finite boxes;
 * finite for coordinates up to 1e18 (f32) or 1e150 (f64) and extents that are 0 or at least 2^-60
 * (2^-500): the exact gradients of smaller extents may exceed the type. A box with a coordinate
 * that is not finite gives NaN.
 *
 * Accuracy: loss within 5e-7 (f32), 1e-14 (f64); gradient x extent within 1e-6, 1e-14.
 * ---------------------------------------------------------------------------------------------- */

/**
 * IoU loss (Yu et al. 2016, UnitBox, arXiv 1608.01471, whose form is the logarithm): IoU = I/(U +
 * eps), 0 where U + eps is.
 *
 *     linear  L = 1 - IoU                dL = -dIoU
 *     log     L = -ln max(IoU, floor)    dL = -dIoU / IoU, 0 below the floor
 *     square  L = 1 - IoU^2              dL = -2 IoU dIoU
 *     dIoU = [(1 + IoU) dI - IoU dA] / (U + eps), A the area of the prediction
 *
 * The gradient vanishes for disjoint and touching boxes, whose IoU is 0.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_iou_f32(const float *input, const float *target,
                                                     size_t n, const vloss_box_options *box,
                                                     const vloss_options *options, float *loss,
                                                     float *grad);
/** @copydoc vloss_iou_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_iou_f64(const double *input, const double *target,
                                                     size_t n, const vloss_box_options *box,
                                                     const vloss_options *options, double *loss,
                                                     double *grad);

/**
 * Generalized IoU loss (Rezatofighi et al. 2019, arXiv 1902.09630): C the area of the enclosing
 * box,
 *
 *     q = (C - U) / (C + eps)    L = 1 - IoU + q, in [0, 2]
 *     dL = -dIoU + [(1 - q) dC - dU] / (C + eps)
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_giou_f32(const float *input, const float *target,
                                                      size_t n, const vloss_box_options *box,
                                                      const vloss_options *options, float *loss,
                                                      float *grad);
/** @copydoc vloss_giou_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_giou_f64(const double *input, const double *target,
                                                      size_t n, const vloss_box_options *box,
                                                      const vloss_options *options, double *loss,
                                                      double *grad);

/**
 * Distance IoU loss (Zheng et al. 2020, arXiv 1911.08287): Dx, Dy the distance of the centres, cw,
 * ch the extents of the enclosing box,
 *
 *     D = cw^2 + ch^2 + eps    R = (Dx^2 + Dy^2) / D    L = 1 - IoU + R, in [0, 2]
 *     dL = -dIoU + (dRho^2 - R dD) / D, Rho^2 = Dx^2 + Dy^2
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_diou_f32(const float *input, const float *target,
                                                      size_t n, const vloss_box_options *box,
                                                      const vloss_options *options, float *loss,
                                                      float *grad);
/** @copydoc vloss_diou_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_diou_f64(const double *input, const double *target,
                                                      size_t n, const vloss_box_options *box,
                                                      const vloss_options *options, double *loss,
                                                      double *grad);

/**
 * Complete IoU loss (Zheng et al. 2020, arXiv 1911.08287): with the aspects of the boxes,
 *
 *     v = (4 / pi^2) (atan(W/H) - atan(w/h))^2    alpha = v / (1 - IoU + v), 0 for 0/0
 *     L = 1 - IoU + R + alpha v, in [0, 2.5]
 *     dv/dw = -(8 / pi^2) (atan(W/H) - atan(w/h)) h / (w^2 + h^2), dv/dh the same with -w for h
 *
 * alpha is a constant in the gradient, as in the authors' code, torchvision and Ultralytics: it is
 * not the derivative of L. x/0 stands for infinity, 0/0 for 0: boxes without area have a finite
 * loss and gradient. The sign and the denominator of dv are those of the derivative; the paper
 * prints others. `alpha_gate` is the rule of the authors' code and mmdetection 3: alpha = 0 up to
 * IoU 1/2.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_ciou_f32(const float *input, const float *target,
                                                      size_t n, const vloss_box_options *box,
                                                      const vloss_options *options, float *loss,
                                                      float *grad);
/** @copydoc vloss_ciou_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_ciou_f64(const double *input, const double *target,
                                                      size_t n, const vloss_box_options *box,
                                                      const vloss_options *options, double *loss,
                                                      double *grad);

/**
 * Efficient IoU loss (Zhang et al. 2021, arXiv 2101.08158): w, h and W, H the extents of prediction
 * and target,
 *
 *     Ew = (w - W)^2 / (cw^2 + eps)    Eh = (h - H)^2 / (ch^2 + eps)
 *     L = 1 - IoU + R + Ew + Eh, in [0, 4), R of vloss_diou_f32()
 *
 * mmdetection's `EIoULoss` is Extended IoU, another loss.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_eiou_f32(const float *input, const float *target,
                                                      size_t n, const vloss_box_options *box,
                                                      const vloss_options *options, float *loss,
                                                      float *grad);
/** @copydoc vloss_eiou_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_eiou_f64(const double *input, const double *target,
                                                      size_t n, const vloss_box_options *box,
                                                      const vloss_options *options, double *loss,
                                                      double *grad);

/**
 * Focal EIoU loss (Zhang et al. 2021, arXiv 2101.08158): IoU^gamma L_E, L_E of vloss_eiou_f32().
 * The weight IoU^gamma is a constant in the gradient: IoU^gamma dL_E. Disjoint boxes weigh nothing
 * and do not move. gamma = 0 is EIoU.
 *
 * `normalize`: the mean's denominator is the sum of the weights of all boxes (sample weights not in
 * it; a box that holds a NaN counts 0) unless `divisor` replaces it; the mean is 0, with gradient
 * 0, where that is 0. It takes a second pass over the input. ::VLOSS_SUM and ::VLOSS_NONE are as
 * without it.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_focal_eiou_f32(const float *input, const float *target,
                                                            size_t n, const vloss_box_options *box,
                                                            const vloss_options *options,
                                                            float *loss, float *grad);
/** @copydoc vloss_focal_eiou_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_focal_eiou_f64(const double *input,
                                                            const double *target, size_t n,
                                                            const vloss_box_options *box,
                                                            const vloss_options *options,
                                                            double *loss, double *grad);

/**
 * Control distance IoU loss (Chen and Miao 2021, arXiv 2103.11696): S the sum of the distances of
 * the four corners from those of the target, WY the diagonal of the enclosing box (without eps),
 *
 *     L = base + lambda S / (4 WY), base = 1 - IoU or 1 - GIoU
 *
 * A corner that coincides with the target's adds 0 to the gradient. As in the paper; the authors'
 * published code divides by another number and has no gradient.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_cdiou_f32(const float *input, const float *target,
                                                       size_t n, const vloss_box_options *box,
                                                       const vloss_options *options, float *loss,
                                                       float *grad);
/** @copydoc vloss_cdiou_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_cdiou_f64(const double *input, const double *target,
                                                       size_t n, const vloss_box_options *box,
                                                       const vloss_options *options, double *loss,
                                                       double *grad);

/**
 * SCYLLA IoU loss (Gevorgyan 2022, arXiv 2205.12740): dx, dy the distance of the centres,
 *
 *     Lambda = 2 |dx| |dy| / (dx^2 + dy^2)    g = 2 - Lambda
 *     Delta = (1 - e^(-g (dx/cw)^2)) + (1 - e^(-g (dy/ch)^2))
 *     Omega = (1 - e^(-|w - W| / max(w, W)))^theta + (1 - e^(-|h - H| / max(h, H)))^theta
 *     L = 1 - IoU + (Delta + Omega) / 2
 *
 * The gradient goes through every part, the angle Lambda too; |x| has derivative 0 at 0. 0/0 is 0.
 * eps is added to the union only. Accuracy: where boxes are far longer along one axis than along
 * the other and their centres close, the angle, and with it the gradient, is as uncertain as the
 * line.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_siou_f32(const float *input, const float *target,
                                                      size_t n, const vloss_box_options *box,
                                                      const vloss_options *options, float *loss,
                                                      float *grad);
/** @copydoc vloss_siou_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_siou_f64(const double *input, const double *target,
                                                      size_t n, const vloss_box_options *box,
                                                      const vloss_options *options, double *loss,
                                                      double *grad);

/**
 * Alpha IoU losses (He et al. 2021, arXiv 2110.13675), powers of the terms of a base:
 *
 *     IoU   L = 1 - IoU^alpha
 *     GIoU  + q^alpha, q of vloss_giou_f32()
 *     DIoU  + R^alpha, R of vloss_diou_f32()
 *     CIoU  + R^alpha + (beta v)^alpha, beta the alpha of vloss_ciou_f32(), constant in the
 * gradient
 *
 * A power has derivative 0 at 0, for alpha < 1 too. Accuracy: times max(1, alpha). IoU is
 * known within 5e-7 (f32), 1e-14 (f64) of itself, each other term within as much of 1: for alpha <
 * 2 the derivative of one that is all but 0, for alpha < 1 its power too, may be that of a number
 * so close to it.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_alpha_iou_f32(const float *input, const float *target,
                                                           size_t n, const vloss_box_options *box,
                                                           const vloss_options *options,
                                                           float *loss, float *grad);
/** @copydoc vloss_alpha_iou_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_alpha_iou_f64(const double *input,
                                                           const double *target, size_t n,
                                                           const vloss_box_options *box,
                                                           const vloss_options *options,
                                                           double *loss, double *grad);

/* ------------------------------------------------------------------------------------------------
 * Categorical (softmax) losses: logits, or probabilities or their logarithms, of n x classes x
 * inner (inner = 1 for a class axis that is last, height x width for N,C,H,W), labels of n x inner
 * or a target in the input's shape, or neither; a sample is a row of classes. The mean divides by
 * the number of rows unless a loss says otherwise.
 *
 * p = softmax(z) over a row's logits. A logit of -inf is a mask: p = 0, gradient exactly 0 where no
 * target asks for the class. Logits of +inf share p = 1, a row of -inf only has p = 0. Gradients
 * from logits are finite for rows without NaN.
 *
 * A probability outside [0, 1] in input or target gives NaN in its row, which is counted in
 * `report->degenerate`. Rows of weight 0 give 0, whatever they hold. 0 ln 0 = 0.
 *
 * All of them work in place, on rows of any length.
 * ---------------------------------------------------------------------------------------------- */

/**
 * Softmax cross entropy with labels: with p = softmax(z), smoothing e, class weights w and label y,
 *
 *     L = (1 - e) w_y (-ln p_y) + (e / classes) sum_c w_c (-ln p_c)
 *     dL/dz_k = (1 - e) w_y (p_k - [k = y]) + (e / classes) (p_k sum_c w_c - w_k)
 *
 * The mean divides by the sum of w_y over the rows that are not ignored (sample weights not in it)
 * and is 0, with gradient 0, where that sum is 0. Label smoothing: Szegedy et al. 2016, arXiv
 * 1512.00567.
 *
 * Shapes: logits n x classes x inner, labels, weight and loss (::VLOSS_NONE) n x inner,
 * class_weight classes, grad as logits.
 *
 * A logit of -inf on a class that is not the target is a mask: gradient exactly 0, and the sums
 * over classes leave it out. On the target the loss is +inf and the gradient finite. A row of -inf
 * only has p = 0. Logits of +inf share p = 1. Gradients of rows without NaN are always finite;
 * ignored rows have gradient 0 whatever they hold.
 *
 * Labels are checked before anything is written: ::VLOSS_ERROR_LABEL, and `report->bad_label` is
 * the index of the first label outside [0, classes) that is not `ignore_index`.
 *
 * Accuracy: loss within 5e-7 (f32), 1e-14 (f64) of max(exact, w_y); gradient within 1e-6, 1e-14 of
 * w_y.
 *
 * @param cross_entropy  NULL means ::VLOSS_CROSS_ENTROPY_OPTIONS_INIT.
 */
VLOSS_API VLOSS_NODISCARD vloss_status
vloss_cross_entropy_f32(const float *logits, vloss_labels labels, size_t n, size_t classes,
                        size_t inner, const vloss_cross_entropy_options *cross_entropy,
                        const vloss_options *options, float *loss, float *grad);
/** @copydoc vloss_cross_entropy_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status
vloss_cross_entropy_f64(const double *logits, vloss_labels labels, size_t n, size_t classes,
                        size_t inner, const vloss_cross_entropy_options *cross_entropy,
                        const vloss_options *options, double *loss, double *grad);

/**
 * Softmax focal loss with labels (after Lin et al. 2017, arXiv 1708.02002): with p = softmax(z) and
 * the class weights as alphas,
 *
 *     L = -a_y (1 - p_y)^gamma ln p_y
 *     dL/dz_k = a_y (1 - p_y)^gamma [1 - gamma p_y ln p_y / (1 - p_y)] (p_k - [k = y])
 *
 * The mean divides by the number of rows that are not ignored, whatever the alphas. gamma = 0 is
 * cross entropy with that mean. ln p_y / (1 - p_y) is -1 at p_y = 1: saturated rows have finite
 * gradients for every gamma. A target of -inf has loss +inf and the gradient a_y (p_k - [k = y]).
 *
 * Shapes, masks and labels as in vloss_cross_entropy_f32(); the field smoothing is ignored.
 *
 * Accuracy: loss within 5e-7 (f32), 1e-14 (f64) of max(exact, a_y), gradient within 1e-6, 1e-14 of
 * a_y, times max(1, gamma).
 *
 * @param cross_entropy  NULL means ::VLOSS_CROSS_ENTROPY_OPTIONS_INIT: gamma 2.
 */
VLOSS_API VLOSS_NODISCARD vloss_status
vloss_focal_softmax_f32(const float *logits, vloss_labels labels, size_t n, size_t classes,
                        size_t inner, const vloss_cross_entropy_options *cross_entropy,
                        const vloss_options *options, float *loss, float *grad);
/** @copydoc vloss_focal_softmax_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status
vloss_focal_softmax_f64(const double *logits, vloss_labels labels, size_t n, size_t classes,
                        size_t inner, const vloss_cross_entropy_options *cross_entropy,
                        const vloss_options *options, double *loss, double *grad);

/**
 * Negative log-likelihood of log-probabilities x with labels: L = -w_y x_y, dL/dx_y = -w_y, 0 for
 * the other classes, of which nothing is read: a NaN there does not count.
 *
 * The mean divides by the sum of w_y over the rows that are not ignored, as that of
 * vloss_cross_entropy_f32(); shapes and labels are those too. Finite for x <= 0; larger values
 * are no logarithms of probabilities and taken as they come: losses beyond the type in both
 * directions sum to NaN.
 *
 * Accuracy: loss within 5e-7 (f32), 1e-14 (f64) of itself, gradient within 1 ULP where nothing
 * scales it.
 *
 * @param cross_entropy  NULL means ::VLOSS_CROSS_ENTROPY_OPTIONS_INIT; smoothing and gamma are
 *                       ignored.
 */
VLOSS_API VLOSS_NODISCARD vloss_status
vloss_nll_f32(const float *input, vloss_labels labels, size_t n, size_t classes, size_t inner,
              const vloss_cross_entropy_options *cross_entropy, const vloss_options *options,
              float *loss, float *grad);
/** @copydoc vloss_nll_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status
vloss_nll_f64(const double *input, vloss_labels labels, size_t n, size_t classes, size_t inner,
              const vloss_cross_entropy_options *cross_entropy, const vloss_options *options,
              double *loss, double *grad);

/**
 * Softmax cross entropy with a distribution per row as target: with p = softmax(z), smoothing e and
 * class weights w,
 *
 *     t_c = ((1 - e) q_c + e / classes) w_c     L = sum_c t_c (-ln p_c)
 *     dL/dz_k = p_k sum_c t_c - t_k
 *
 * q_c is in [0, 1] and need not sum to 1. The mean divides by the number of rows, class weights or
 * not, as PyTorch's with such targets.
 *
 * Shapes: logits, target and grad n x classes x inner, weight and loss (::VLOSS_NONE) n x inner,
 * class_weight classes.
 *
 * A logit of -inf where q_c = 0 is a mask: t_c = 0 with smoothing too, gradient exactly 0. Where
 * t_c > 0 the loss is +inf and the gradient finite.
 *
 * Accuracy: loss within 1.25e-6 (f32; all terms of a row may be rounded alike), 1e-14 (f64) of
 * max(exact, sum t_c), gradient within 1e-6, 1e-14 of sum t_c.
 *
 * @param soft  NULL means ::VLOSS_SOFT_OPTIONS_INIT.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_cross_entropy_soft_f32(
    const float *logits, const float *target, size_t n, size_t classes, size_t inner,
    const vloss_soft_options *soft, const vloss_options *options, float *loss, float *grad);
/** @copydoc vloss_cross_entropy_soft_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_cross_entropy_soft_f64(
    const double *logits, const double *target, size_t n, size_t classes, size_t inner,
    const vloss_soft_options *soft, const vloss_options *options, double *loss, double *grad);

/**
 * Kullback-Leibler divergence of a student's softmax from a teacher (distillation: Hinton et al.
 * 2015, arXiv 1503.02531): with q = softmax(z / T) and p the target or softmax(t / T),
 *
 *     L = sum_k p_k (ln p_k - ln q_k)     dL/dz_k = (q_k sum_c p_c - p_k) / T
 *
 * both times T^2 if `squared`. The gradient is the student's only. The mean divides by the number
 * of rows (PyTorch's `batchmean`).
 *
 * Shapes: logits, target and grad n x classes x inner, weight and loss (::VLOSS_NONE) n x inner.
 *
 * p_k = 0 adds 0, where the student's logit is -inf too; where that is -inf and p_k > 0 the loss is
 * +inf and the gradient finite. A teacher of -inf only has p = 0 and loss 0.
 *
 * Accuracy: loss within 5e-7 (f32), 1e-14 (f64) of the terms subtracted, sum p_k |ln p_k| and sum
 * p_k |ln q_k|, or of 1; gradient within 1e-6, 1e-14 of max(1, sum p_c) / T. A share p_k of a
 * teacher's logits below the smallest normal number counts as 0, which logits beyond 1e30 show.
 *
 * @param teacher  NULL means ::VLOSS_TEACHER_OPTIONS_INIT.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_kl_div_with_logits_f32(
    const float *logits, const float *target, size_t n, size_t classes, size_t inner,
    const vloss_teacher_options *teacher, const vloss_options *options, float *loss, float *grad);
/** @copydoc vloss_kl_div_with_logits_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_kl_div_with_logits_f64(
    const double *logits, const double *target, size_t n, size_t classes, size_t inner,
    const vloss_teacher_options *teacher, const vloss_options *options, double *loss, double *grad);

/**
 * Jensen-Shannon divergence (Lin 1991) between a student's softmax and a teacher: with q =
 * softmax(z / T), p the target or softmax(t / T) and m = (p + q) / 2,
 *
 *     L = sum_k [p_k ln(p_k / m_k) + q_k ln(q_k / m_k)] / 2, in [0, ln 2] for p that sum to 1
 *     dL/dz_k = q_k (r_k - sum_c q_c r_c) / T, r = ln(q / m) / 2
 *
 * both times T^2 if `squared`. Always finite; all else as in vloss_kl_div_with_logits_f32().
 *
 * Accuracy: loss within 5e-7 (f32), 1e-14 (f64) of max(1, sum p_c), gradient within 1e-6, 1e-14 of
 * 1 / T.
 *
 * @param teacher  NULL means ::VLOSS_TEACHER_OPTIONS_INIT.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_js_div_with_logits_f32(
    const float *logits, const float *target, size_t n, size_t classes, size_t inner,
    const vloss_teacher_options *teacher, const vloss_options *options, float *loss, float *grad);
/** @copydoc vloss_js_div_with_logits_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_js_div_with_logits_f64(
    const double *logits, const double *target, size_t n, size_t classes, size_t inner,
    const vloss_teacher_options *teacher, const vloss_options *options, double *loss, double *grad);

/**
 * Entropy of rows of probabilities: H = -sum_k p_k ln p_k, dH/dp_k = -(ln p_k + 1) with ln p taken
 * at the smallest normal number below that, so that it stays finite. The p_k are in [0, 1] and need
 * not sum to 1. `scale` = 1 / ln 2 gives bits.
 *
 * Shapes: input and grad n x classes x inner, weight and loss (::VLOSS_NONE) n x inner.
 *
 * Accuracy: loss within 5e-7 (f32), 1e-14 (f64) of max(exact, 1), gradient within 1e-6, 1e-14 of
 * max(exact, 1).
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_entropy_f32(const float *input, size_t n,
                                                         size_t classes, size_t inner,
                                                         const vloss_options *options, float *loss,
                                                         float *grad);
/** @copydoc vloss_entropy_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_entropy_f64(const double *input, size_t n,
                                                         size_t classes, size_t inner,
                                                         const vloss_options *options, double *loss,
                                                         double *grad);

/**
 * Entropy of the softmax of rows of logits: with p = softmax(z), H = -sum_k p_k ln p_k and
 * dH/dz_k = -p_k (ln p_k + H). A row of -inf only has entropy 0.
 *
 * Shapes: logits and grad n x classes x inner, weight and loss (::VLOSS_NONE) n x inner.
 *
 * Accuracy: loss within 5e-7 (f32), 1e-14 (f64) of max(exact, 1), gradient within 1e-6, 1e-14 of
 * max(exact, 1).
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_entropy_with_logits_f32(const float *logits, size_t n,
                                                                     size_t classes, size_t inner,
                                                                     const vloss_options *options,
                                                                     float *loss, float *grad);
/** @copydoc vloss_entropy_with_logits_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_entropy_with_logits_f64(const double *logits, size_t n,
                                                                     size_t classes, size_t inner,
                                                                     const vloss_options *options,
                                                                     double *loss, double *grad);

/* ------------------------------------------------------------------------------------------------
 * Overlap losses: input p and target t of groups x size, both meant to be in [0, 1] (of huge
 * numbers, whose sums or products leave the type, results may be NaN); a sample is a group: an
 * image, a channel of an image, a channel of the whole batch, or the whole batch.
 *
 * The sizes name what lies in memory: `groups` images after each other, `size` numbers each. With
 * `channels` = C an image is C planes of inner = size / C numbers: N,C,H,W is groups = N, size =
 * C x H x W. `grouping` says what a group, hence a sample, is; weight, loss (::VLOSS_NONE) and
 * grad_output have one value for each, the mean divides by their number:
 *
 *     ::VLOSS_GROUP_IMAGE          groups       an image, over all of its channels (default)
 *     ::VLOSS_GROUP_IMAGE_CHANNEL  groups x C   a channel of an image, image after image
 *     ::VLOSS_GROUP_CHANNEL        C            a channel of all images ("batch Dice")
 *     ::VLOSS_GROUP_BATCH          1            everything
 *
 * Channels that stand last, N,H,W,C, are groups = N x H x W images of C channels and inner = 1, for
 * the last two groupings and for the softmax; there is no group per image for them. Short runs,
 * below some thousand numbers for a group of several images and below 32 for the softmax, are
 * gathered one by one, at several times the cost of long runs.
 * ---------------------------------------------------------------------------------------------- */

/**
 * Dice loss (Milletari et al. 2016, arXiv 1606.04797): with I = sum p t, P = sum p, Y = sum t over
 * a group, or P = sum p^2, Y = sum t^2 if `squared`,
 *
 *     D = (2I + s) / (P + Y + s)        L = (1 - D)^gamma, or -ln D if `log`
 *     dL/dp = -(2t - D) / (P + Y + s)   (squared: -(2t - 2 D p) / ...), times the outer derivative
 *
 * Shapes: input, target and grad groups x size; weight and loss (::VLOSS_NONE) one per group, which
 * is one of `groups` unless `grouping` says otherwise.
 *
 * With `channels` a call may take its groups in another order than without: the bits are the same
 * on every machine for the same options, not for different options that mean the same.
 *
 * 1 - D is clamped at 0, where the outer derivative of gamma != 1 is 0. An empty group (no
 * prediction, no target) has loss 0; where the denominator is below the smallest normal number the
 * gradient is 0. With the default s the gradient of an empty group is 1e5, as in MONAI.
 *
 * Accuracy: 5e-7 (f32), 1e-14 (f64) of max(exact, 1), gradients 1e-6, 1e-14 of their terms, times
 * max(1, gamma). Products p t below the smallest normal number count too.
 *
 * @param overlap  NULL means ::VLOSS_OVERLAP_OPTIONS_INIT.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_dice_f32(const float *input, const float *target,
                                                      size_t groups, size_t size,
                                                      const vloss_overlap_options *overlap,
                                                      const vloss_options *options, float *loss,
                                                      float *grad);
/** @copydoc vloss_dice_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_dice_f64(const double *input, const double *target,
                                                      size_t groups, size_t size,
                                                      const vloss_overlap_options *overlap,
                                                      const vloss_options *options, double *loss,
                                                      double *grad);

/**
 * Tversky loss (Salehi et al. 2017, arXiv 1706.05721): with I, P, Y as in vloss_dice_f32(),
 *
 *     T = (I + s) / (I + alpha (P - I) + beta (Y - I) + s)     L = (1 - T)^gamma, or -ln T if `log`
 *     dL/dp = -(t Den - Num (alpha + (1 - alpha - beta) t)) / Den^2, times the outer derivative
 *
 * alpha = beta = 1/2 is Dice with smoothing 2s, alpha = beta = 1 is vloss_jaccard_f32(). All else
 * as in vloss_dice_f32().
 *
 * @param overlap  NULL means ::VLOSS_OVERLAP_OPTIONS_INIT.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_tversky_f32(const float *input, const float *target,
                                                         size_t groups, size_t size,
                                                         const vloss_overlap_options *overlap,
                                                         const vloss_options *options, float *loss,
                                                         float *grad);
/** @copydoc vloss_tversky_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_tversky_f64(const double *input, const double *target,
                                                         size_t groups, size_t size,
                                                         const vloss_overlap_options *overlap,
                                                         const vloss_options *options, double *loss,
                                                         double *grad);

/**
 * Jaccard loss, also soft IoU loss: with I, P, Y as in vloss_dice_f32(),
 *
 *     J = (I + s) / (P + Y - I + s)     L = (1 - J)^gamma, or -ln J if `log`
 *     dL/dp = -(t (P + Y - I + s) - (I + s) (1 - t)) / (P + Y - I + s)^2,
 *             times the outer derivative
 *
 * That is vloss_tversky_f32() with alpha = beta = 1; the fields alpha and beta are ignored.
 * All else as in vloss_dice_f32().
 *
 * @param overlap  NULL means ::VLOSS_OVERLAP_OPTIONS_INIT.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_jaccard_f32(const float *input, const float *target,
                                                         size_t groups, size_t size,
                                                         const vloss_overlap_options *overlap,
                                                         const vloss_options *options, float *loss,
                                                         float *grad);
/** @copydoc vloss_jaccard_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_jaccard_f64(const double *input, const double *target,
                                                         size_t groups, size_t size,
                                                         const vloss_overlap_options *overlap,
                                                         const vloss_options *options, double *loss,
                                                         double *grad);

/**
 * Focal Tversky loss (after Abraham and Khan 2018, arXiv 1810.07842): (1 - T)^gamma, T the index of
 * vloss_tversky_f32(), which computes the same for the same options; only the defaults differ:
 * gamma 4/3, alpha 0.7, beta 0.3. There is no logarithm: the field `log` is ignored.
 *
 * Beware of two conventions. The exponent here is gamma itself, as in all losses of this library
 * and as in the focal loss: gamma > 1 favours groups that are segmented badly. The paper writes
 * (1 - T)^(1 / gamma) with gamma = 4/3, and its alpha = 0.7 weighs false negatives, where
 * Salehi's and this library's alpha weighs false positives. The paper's own setting is gamma =
 * 0.75, alpha = 0.3, beta = 0.7 here.
 *
 * Below gamma = 1 the gradient is unbounded towards a perfect match; at 1 - T = 0 it is 0.
 *
 * @param overlap  NULL means ::VLOSS_FOCAL_TVERSKY_OPTIONS_INIT.
 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_focal_tversky_f32(
    const float *input, const float *target, size_t groups, size_t size,
    const vloss_overlap_options *overlap, const vloss_options *options, float *loss, float *grad);
/** @copydoc vloss_focal_tversky_f32 */
VLOSS_API VLOSS_NODISCARD vloss_status vloss_focal_tversky_f64(
    const double *input, const double *target, size_t groups, size_t size,
    const vloss_overlap_options *overlap, const vloss_options *options, double *loss, double *grad);

#ifdef __cplusplus
}
#endif

#endif
