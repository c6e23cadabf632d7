/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as one line on stderr, returned as exit codes. */
#ifndef VLOSS_TOOLS_FAIL_H
#define VLOSS_TOOLS_FAIL_H

/* EXIT_SUCCESS and EXIT_FAILURE (the data or the machine is at fault) come from stdlib.h. */
enum { EXIT_USAGE = 2 };

/* "vloss: message" on stderr; returns EXIT_FAILURE. */
int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same for a mistake in the command line; returns EXIT_USAGE. */
int fail_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
