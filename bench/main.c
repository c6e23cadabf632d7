/* SPDX-License-Identifier: Apache-2.0 */
/* The bench suite: Google Benchmark's flags, and --progress. */
#include <gnu/libc-version.h>
#include <sleef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "check.h"
#include "data.h"
#include "gbench_shim.h"
#include "scores.h"

#define TEXT(a) #a
#define VERSION_TEXT(major, minor, patch) TEXT(major) "." TEXT(minor) "." TEXT(patch)

/* The value of the first line of /proc/cpuinfo whose key is `key`. */
static int read_cpuinfo(const char *key, char *value, size_t size) {
  char line[256];
  int found = 0;
  FILE *file = fopen("/proc/cpuinfo", "r");
  while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
    const char *colon = strchr(line, ':');
    if (colon == NULL || strncmp(line, key, strlen(key)) != 0) continue;
    int length = (int)strcspn(colon + 2, "\n");
    found = snprintf(value, size, "%.*s", length, colon + 2) > 0;
  }
  if (file != NULL) fclose(file);
  return found;
}

static void add_context(void) {
  char cpu[256], seed[32];
  if (!read_cpuinfo("model name", cpu, sizeof cpu) && !read_cpuinfo("CPU part", cpu, sizeof cpu))
    snprintf(cpu, sizeof cpu, "unknown");
  snprintf(seed, sizeof seed, "%d", DATA_SEED);
  shim_context("cpu", cpu);
  shim_context("isa", vloss_isa());
  shim_context("vloss", vloss_version());
  shim_context("compiler", VLOSS_BENCH_COMPILER);
  shim_context("plain_flags", VLOSS_BENCH_PLAIN_FLAGS);
  shim_context("libc", gnu_get_libc_version());
  shim_context("sleef",
               VERSION_TEXT(SLEEF_VERSION_MAJOR, SLEEF_VERSION_MINOR, SLEEF_VERSION_PATCHLEVEL));
  shim_context("seed", seed);
}

/* Take `flag` out of the arguments; 1 if it was there. */
static int take_flag(const char *flag, int *argc, char **argv) {
  int kept = 1;
  for (int i = 1; i < *argc; i++)
    if (strcmp(argv[i], flag) != 0) argv[kept++] = argv[i];
  int taken = kept < *argc;
  argv[kept] = NULL;
  *argc = kept;
  return taken;
}

int main(int argc, char **argv) {
  int progress = take_flag("--progress", &argc, argv);
  if (!shim_initialize(&argc, argv)) return EXIT_FAILURE;
  add_context();
  if (!cases_register() || !scores_register() || check_implementations() != 0) return EXIT_FAILURE;
  return shim_run(progress) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
