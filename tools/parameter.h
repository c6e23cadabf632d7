/* SPDX-License-Identifier: Apache-2.0 */
/* The parameters of a loss as text: the registry is the only list of them. */
#ifndef VLOSS_TOOLS_PARAMETER_H
#define VLOSS_TOOLS_PARAMETER_H

#include <vloss/vloss.h>

enum { PARAMETER_TEXT = 64 };

/* A value: the name of a choice, or a number. */
const char *parameter_text(const vloss_parameter *p, double value, char text[PARAMETER_TEXT]);

/* One indented line per parameter: option, values, default. */
void print_parameters(const vloss_loss *loss);

/* Its choices are no and yes: the option alone means yes. */
int parameter_is_flag(const vloss_parameter *p);

/* "ignore_index" as its option: "ignore-index". */
const char *parameter_option(const vloss_parameter *p, char text[PARAMETER_TEXT]);

/* Text (NULL for a flag alone) to value; 0, or an exit code after saying what is wrong. */
int parameter_read(const vloss_parameter *p, const char *text, double *value);

/* A whole text as a number; 1 if it is one. */
int read_double(const char *text, double *value);

#endif
