/* SPDX-License-Identifier: Apache-2.0 */
/* The files that the program writes. Until the end each has a temporary name in its folder; then
 * all of them get their own, or none. Signals that end the program remove them. */
#ifndef VLOSS_TOOLS_OUTPUT_H
#define VLOSS_TOOLS_OUTPUT_H

#include <stdio.h>

/* Each of these returns 0, or an exit code after saying what is wrong. */

/* Begin the file that `option` names, behind links where it is one; *file is where to write. It may
 * neither be another output nor where stdout goes. */
int output_open(const char *option, const char *path, FILE **file);

/* It is whole. Says too if it could not be written. */
int output_close(FILE *file);

/* The exit code so far: after 0 put the files in place, after an error remove them. */
int outputs_end(int status);

#endif
