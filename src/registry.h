/* SPDX-License-Identifier: Apache-2.0 */
/* The listing of losses and of their parameters. */
#ifndef VLOSS_REGISTRY_H
#define VLOSS_REGISTRY_H

#include <vloss/vloss.h>

#include "table.h"

/* One per row of losses.def, in its order. */
extern const vloss_loss vloss_registry[LOSSES];

#endif
