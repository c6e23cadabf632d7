/* SPDX-License-Identifier: Apache-2.0 */
/* The parameters of a loss as text: the registry is the only list of them. */
#ifndef VLOSS_TOOLS_PARAMETER_H
#define VLOSS_TOOLS_PARAMETER_H

#include "call.h"

enum { PARAMETER_TEXT = 64 };

/* A value: the name of a choice, or a number. */
const char *parameter_text(const vloss_parameter *p, double value, char text[PARAMETER_TEXT]);

/* One indented line per parameter: option, values, default. */
void print_parameters(const vloss_loss *loss);

/* Its choices are no and yes: the option alone means yes. */
int parameter_is_flag(const vloss_parameter *p);

/* "ignore_index" as its option: "ignore-index". */
const char *parameter_option(const vloss_parameter *p, char text[PARAMETER_TEXT]);

/* The limits of a whole number. */
int64_t whole_low(const vloss_parameter *p);
int64_t whole_high(const vloss_parameter *p);

/* Each of these returns 0, or an exit code after saying what is wrong. */

/* Text (NULL for a flag alone) becomes that parameter of the call. */
int parameter_read(call *c, size_t parameter, const char *text);

/* A number in the limits of `p`, whether or not a loss has such a parameter. */
int number_read(const vloss_parameter *p, const char *text, double *value);

/* The value of an option that counts something. */
int count_read(const char *option, const char *text, size_t low, size_t high, size_t *count);

#endif
