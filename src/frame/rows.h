/* SPDX-License-Identifier: Apache-2.0 */
#include "frame/rows/rows.h"
