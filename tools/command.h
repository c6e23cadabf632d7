/* SPDX-License-Identifier: Apache-2.0 */
/* The commands: rows of the table in main.c. */
#ifndef VLOSS_TOOLS_COMMAND_H
#define VLOSS_TOOLS_COMMAND_H

/* Runs a command; argv[0] is "vloss NAME". Returns an exit code. */
typedef int command_run(int argc, char **argv);

command_run info_main, list_main, eval_main, nms_main, coco_main, simulate_main;

/* For commands whose only options are --json and --help: 0 to go on, with *json set; else *status
 * is the exit code. `help` is printed for --help. */
int read_json_option(int argc, char **argv, const char *help, int *json, int *status);

#endif
