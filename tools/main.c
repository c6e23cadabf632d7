/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vloss/vloss.h>

#include "command.h"
#include "fail.h"
#include "output.h"
#include "print.h"

static const struct {
  const char *name, *summary;
  command_run *run;
} commands[] = {
    {"info", "version, CPU features and instruction sets", info_main},
    {"list", "the losses and their parameters", list_main},
    {"eval", "a loss and its gradient on .npy files", eval_main},
    {"nms", "suppression of boxes that overlap better ones", nms_main},
    {"coco", "evaluation of detections on COCO's and LVIS's files", coco_main},
    {"simulate", "the box-regression simulation: boxes descend along each loss", simulate_main},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_help(void) {
  puts(
      "usage: vloss COMMAND [options]\n\n"
      "Batched losses with their gradients, and the scoring of detections.\n\ncommands:");
  for (int i = 0; i < COMMANDS; i++) printf("  %-8s %s\n", commands[i].name, commands[i].summary);
  puts(
      "\noptions:\n  --help      this text; after a command: its own\n"
      "  --version   the version of the library");
}

int read_json_option(int argc, char **argv, const char *help, int *json, int *status) {
  static const struct option options[] = {
      {"json", no_argument, NULL, 'j'},
      {"help", no_argument, NULL, 'h'},
      {NULL, 0, NULL, 0},
  };
  *json = 0;
  *status = EXIT_SUCCESS;
  for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
    if (c == 'j') {
      *json = 1;
    } else {
      if (c == 'h') fputs(help, stdout);
      *status = c == 'h' ? EXIT_SUCCESS : EXIT_USAGE;
      return 1;
    }
  }
  if (optind == argc) return 0;
  *status = fail_usage("unexpected argument '%s'", argv[optind]);
  return 1;
}

static int run(int argc, char **argv) {
  if (argc < 2) return fail_usage("no command ('vloss --help' shows them)");
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
    print_help();
    return EXIT_SUCCESS;
  }
  if (strcmp(argv[1], "--version") == 0) {
    printf("vloss %s\n", vloss_version());
    return EXIT_SUCCESS;
  }
  for (int i = 0; i < COMMANDS; i++) {
    if (strcmp(argv[1], commands[i].name) != 0) continue;
    char title[32]; /* getopt_long begins its messages with it */
    snprintf(title, sizeof title, "vloss %s", commands[i].name);
    argv[1] = title;
    return commands[i].run(argc - 1, argv + 1);
  }
  return fail_usage("no command '%s' ('vloss --help' shows them)", argv[1]);
}

/* No file that is opened later may take the number of a closed standard stream: reading and writing
 * that fail as before. */
static void hold_standard_streams(void) {
  for (int descriptor = 0; descriptor <= 2; descriptor++) {
    if (fcntl(descriptor, F_GETFD) < 0) (void)open("/dev/null", descriptor ? O_RDONLY : O_WRONLY);
  }
}

int main(int argc, char **argv) {
  hold_standard_streams();
  signal(SIGXFSZ, SIG_IGN); /* a file size limit is then an error of write() */
  int status = run(argc, argv);
  int written = print_finish();
  return outputs_end(status != EXIT_SUCCESS ? status : written);
}
