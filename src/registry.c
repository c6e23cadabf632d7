/* SPDX-License-Identifier: Apache-2.0 */
#include "registry.h"

#include <float.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Fields of the options structs, with the defaults of their _INIT. */
static const vloss_parameter box[] = {
    {"format", VLOSS_XYXY, VLOSS_XYXY, VLOSS_CXCYWH, "xyxy|xywh|cxcywh", 0},
    {"eps", 0.0, 0.0, DBL_MAX, NULL, 0},
};

static const vloss_parameter cross_entropy[] = {
    {"smoothing", 0.0, 0.0, 1.0, NULL, 0},
    {"ignore_index", -100.0, -0x1p63, 0x1.fffffffffffffp62, NULL, 1},
};

#define OVERLAP_FIELDS                                                                     \
  {"activation", VLOSS_IDENTITY, VLOSS_IDENTITY, VLOSS_SIGMOID, "identity|sigmoid", 0},    \
      {"smoothing", 1e-5, 0.0, DBL_MAX, NULL, 0}, {"gamma", 1.0, 0.0, DBL_MAX, NULL, 0}, { \
    "log", 0.0, 0.0, 1.0, "no|yes", 0                                                      \
  }
static const vloss_parameter dice[] = {OVERLAP_FIELDS, {"squared", 0.0, 0.0, 1.0, "no|yes", 0}};
static const vloss_parameter tversky[] = {
    OVERLAP_FIELDS, {"alpha", 0.5, 0.0, DBL_MAX, NULL, 0}, {"beta", 0.5, 0.0, DBL_MAX, NULL, 0}};

/* Ranges of the parameters in prototypes. */
#define RANGE_beta 0.0, DBL_MAX, NULL, 0
#define RANGE_delta 0x1p-1074, DBL_MAX, NULL, 0

#define PARAMETERS_NONE NULL, 0
#define PARAMETERS_ONE(parameter, value) \
  (const vloss_parameter[]){{#parameter, value, RANGE_##parameter}}, 1
#define PARAMETERS_FIELDS(list) list, COUNT(list)

#define FAMILY_pairwise VLOSS_PAIRWISE
#define FAMILY_boxes VLOSS_BOXES
#define FAMILY_rows VLOSS_ROWS
#define FAMILY_overlap VLOSS_OVERLAP

const vloss_loss vloss_registry[LOSSES] = {
#define LOSS(name, family, parameters) {#name, FAMILY_##family, PARAMETERS_##parameters},
#include "losses.def"
#undef LOSS
};

const vloss_loss *vloss_losses(size_t *count) {
  if (count) *count = LOSSES;
  return vloss_registry;
}
