/* SPDX-License-Identifier: Apache-2.0 */
#include "registry.h"

#include <float.h>
#include <stddef.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Fields of the options structs, with the defaults of their _INIT. */
#define NUMBER(struct_name, field, value, low, high) \
  { #field, value, low, high, NULL, 0, offsetof(vloss_##struct_name##_options, field) }
#define CHOICE(struct_name, field, value, last, choices) \
  { #field, value, 0.0, last, choices, 0, offsetof(vloss_##struct_name##_options, field) }
#define FLAG(struct_name, field) CHOICE(struct_name, field, 0.0, 1.0, "no|yes")

static const vloss_parameter poisson_nll[] = {CHOICE(poisson_nll, log_input, 1.0, 1.0, "no|yes"),
                                              FLAG(poisson_nll, full),
                                              NUMBER(poisson_nll, eps, 1e-8, 0.0, DBL_MAX)};
static const vloss_parameter gaussian_nll[] = {FLAG(gaussian_nll, full),
                                               NUMBER(gaussian_nll, eps, 1e-6, 0.0, DBL_MAX)};

#define BOX_FIELDS                                                   \
  CHOICE(box, format, VLOSS_XYXY, VLOSS_CXCYWH, "xyxy|xywh|cxcywh"), \
      NUMBER(box, eps, 0.0, 0.0, DBL_MAX)
#define BASES(last, choices) CHOICE(box, base, VLOSS_BASE_IOU, last, choices)
static const vloss_parameter box[] = {BOX_FIELDS};
static const vloss_parameter iou[] = {
    BOX_FIELDS, CHOICE(box, form, VLOSS_IOU_LINEAR, VLOSS_IOU_SQUARE, "linear|log|square"),
    NUMBER(box, floor, 1e-6, 0x1p-60, 1.0)};
static const vloss_parameter ciou[] = {BOX_FIELDS, FLAG(box, alpha_gate)};
static const vloss_parameter focal_eiou[] = {BOX_FIELDS, NUMBER(box, gamma, 0.5, 0.0, DBL_MAX),
                                             FLAG(box, normalize)};
static const vloss_parameter cdiou[] = {BOX_FIELDS, BASES(VLOSS_BASE_GIOU, "iou|giou"),
                                        NUMBER(box, lambda, 1.0, 0.0, DBL_MAX)};
static const vloss_parameter siou[] = {BOX_FIELDS, NUMBER(box, theta, 4.0, 1.0, DBL_MAX)};
static const vloss_parameter alpha_iou[] = {BOX_FIELDS,
                                            BASES(VLOSS_BASE_CIOU, "iou|giou|diou|ciou"),
                                            NUMBER(box, alpha, 3.0, 0x1p-126, DBL_MAX)};

#define IGNORE_INDEX                                                \
  {                                                                 \
    "ignore_index", -100.0, -0x1p63, 0x1.fffffffffffffp62, NULL, 1, \
        offsetof(vloss_cross_entropy_options, ignore_index)         \
  }
static const vloss_parameter cross_entropy[] = {NUMBER(cross_entropy, smoothing, 0.0, 0.0, 1.0),
                                                IGNORE_INDEX};
static const vloss_parameter focal_softmax[] = {NUMBER(cross_entropy, gamma, 2.0, 0.0, DBL_MAX),
                                                IGNORE_INDEX};
static const vloss_parameter nll[] = {IGNORE_INDEX};
static const vloss_parameter cross_entropy_soft[] = {NUMBER(soft, smoothing, 0.0, 0.0, 1.0)};
static const vloss_parameter teacher[] = {CHOICE(teacher, teacher, VLOSS_TEACHER_PROBABILITIES,
                                                 VLOSS_TEACHER_LOGITS, "probabilities|logits"),
                                          NUMBER(teacher, temperature, 1.0, 0x1p-60, 0x1p60),
                                          FLAG(teacher, squared)};

#define OVERLAP_FIELDS(gamma_value)                                                       \
  CHOICE(overlap, activation, VLOSS_IDENTITY, VLOSS_SOFTMAX, "identity|sigmoid|softmax"), \
      CHOICE(overlap, grouping, VLOSS_GROUP_IMAGE, VLOSS_GROUP_BATCH,                     \
             "image|image_channel|channel|batch"),                                        \
      NUMBER(overlap, smoothing, 1e-5, 0.0, DBL_MAX),                                     \
      NUMBER(overlap, gamma, gamma_value, 0.0, DBL_MAX)
#define MISTAKE_WEIGHTS(alpha_value, beta_value) \
  NUMBER(overlap, alpha, alpha_value, 0.0, DBL_MAX), NUMBER(overlap, beta, beta_value, 0.0, DBL_MAX)
static const vloss_parameter dice[] = {OVERLAP_FIELDS(1.0), FLAG(overlap, log),
                                       FLAG(overlap, squared)};
static const vloss_parameter tversky[] = {OVERLAP_FIELDS(1.0), FLAG(overlap, log),
                                          MISTAKE_WEIGHTS(0.5, 0.5)};
static const vloss_parameter jaccard[] = {OVERLAP_FIELDS(1.0), FLAG(overlap, log)};
static const vloss_parameter focal_tversky[] = {OVERLAP_FIELDS(4.0 / 3), MISTAKE_WEIGHTS(0.7, 0.3)};

/* alpha < 0: no weights of the classes */
static const vloss_parameter focal[] = {NUMBER(focal, alpha, 0.25, -DBL_MAX, 1.0),
                                        NUMBER(focal, gamma, 2.0, 0.0, DBL_MAX)};
static const vloss_parameter quality_focal[] = {NUMBER(focal, beta, 2.0, 0.0, DBL_MAX)};
static const vloss_parameter varifocal[] = {NUMBER(focal, alpha, 0.75, 0.0, DBL_MAX),
                                            NUMBER(focal, gamma, 2.0, 0.0, DBL_MAX)};

#define PARAMETERS_NONE NULL, 0
#define PARAMETERS_ONE(parameter, value, low, high) \
  (const vloss_parameter[]){{#parameter, value, low, high, NULL, 0, 0}}, 1
#define PARAMETERS_SWITCH(parameter) \
  (const vloss_parameter[]){{#parameter, 0.0, 0.0, 1.0, "no|yes", 0, 0}}, 1
#define PARAMETERS_FIELDS(list) list, COUNT(list)

#define FAMILY_elements VLOSS_ELEMENTS
#define FAMILY_boxes VLOSS_BOXES
#define FAMILY_rows VLOSS_ROWS
#define FAMILY_overlap VLOSS_OVERLAP

#define ARRAYS_INPUT 0
#define ARRAYS_TARGET VLOSS_ARRAY_TARGET
#define ARRAYS_WEIGHTED VLOSS_ARRAY_TARGET | VLOSS_ARRAY_CLASS_WEIGHT
#define ARRAYS_PROBABILITY VLOSS_ARRAY_TARGET | VLOSS_ARRAY_PROBABILITY
#define ARRAYS_POSITIVES ARRAYS_PROBABILITY | VLOSS_ARRAY_POSITIVE_WEIGHT
#define ARRAYS_VARIANCE VLOSS_ARRAY_TARGET | VLOSS_ARRAY_VARIANCE
#define ARRAYS_LABELS VLOSS_ARRAY_LABELS | VLOSS_ARRAY_CLASS_WEIGHT

const vloss_loss vloss_registry[LOSSES] = {
#define LOSS(name, family, arrays, parameters) \
  {#name, FAMILY_##family, ARRAYS_##arrays, PARAMETERS_##parameters},
#include "losses.def"
#undef LOSS
};

const vloss_loss *vloss_losses(size_t *count) {
  if (count) *count = LOSSES;
  return vloss_registry;
}
