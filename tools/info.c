/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vloss/vloss.h>

#include "command.h"
#include "print.h"

static const char help[] =
    "usage: vloss info [--json]\n\n"
    "Shows the version, the CPU and its features, which instruction sets are built in,\n"
    "usable here and active, and a warning if the one that VLOSS_ISA names is not usable.\n\n"
    "options:\n"
    "  --json      one JSON object\n"
    "  --help      this text\n";

enum { WORDS = 256 };

/* Words separated by '|', as FIELD_WORDS wants them. */
static void append_word(char words[WORDS], const char *word) {
  size_t used = strlen(words);
  snprintf(words + used, WORDS - used, "%s%s", used > 0 ? "|" : "", word);
}

/* The value of a "key : value" line of /proc/cpuinfo, or NULL. */
static char *line_value(char *line, const char *key) {
  size_t length = strlen(key);
  if (strncmp(line, key, length) != 0) return NULL;
  char *value = line + length;
  value += strspn(value, " \t");
  if (*value != ':') return NULL;
  value += 1 + strspn(value + 1, " \t");
  value[strcspn(value, "\n")] = '\0';
  return value;
}

/* The features that some instruction set of the library needs. */
static void keep_features(char *flags, char features[WORDS]) {
  static const char *const known[] = {"fma",      "avx2",     "avx512f", "avx512dq",
                                      "avx512bw", "avx512vl", "asimd"};
  for (char *flag = strtok(flags, " "); flag != NULL; flag = strtok(NULL, " ")) {
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
      if (strcmp(flag, known[i]) == 0) append_word(features, flag);
    }
  }
}

/* Of the first CPU. x86 says "model name" and "flags", Arm "Features" and no name. */
static void read_cpu(char model[WORDS], char features[WORDS]) {
  FILE *file = fopen("/proc/cpuinfo", "r");
  if (file == NULL) return;
  char line[8192];
  while (fgets(line, sizeof line, file) != NULL && line[0] != '\n') {
    char *name = line_value(line, "model name");
    if (name != NULL) snprintf(model, WORDS, "%s", name);
    char *flags = line_value(line, "flags");
    if (flags == NULL) flags = line_value(line, "Features");
    if (flags != NULL) keep_features(flags, features);
  }
  fclose(file);
}

/* What the library, which never prints, could not say. */
static field warning_field(char text[WORDS]) {
  const char *wanted = getenv("VLOSS_ISA"), *active = vloss_isa();
  if (wanted == NULL || *wanted == '\0' || strcmp(wanted, active) == 0)
    return (field){.key = "warning", .kind = FIELD_NONE};
  snprintf(text, WORDS, "VLOSS_ISA=%s is not available, using %s", wanted, active);
  return (field){.key = "warning", .kind = FIELD_TEXT, .text = text};
}

int info_main(int argc, char **argv) {
  int json, status;
  if (read_json_option(argc, argv, help, &json, &status)) return status;
  char model[WORDS] = "unknown", features[WORDS] = "", built[WORDS] = "", usable[WORDS] = "";
  char warning[WORDS];
  read_cpu(model, features);
  for (size_t i = 0; i < vloss_isa_count(); i++) {
    append_word(built, vloss_isa_name(i));
    if (vloss_isa_usable(i)) append_word(usable, vloss_isa_name(i));
  }
  const field fields[] = {
      {.key = "version", .kind = FIELD_TEXT, .text = vloss_version()},
      {.key = "cpu", .kind = FIELD_TEXT, .text = model},
      {.key = "cpu_features", .kind = FIELD_WORDS, .text = features},
      {.key = "isas_built", .kind = FIELD_WORDS, .text = built},
      {.key = "isas_usable", .kind = FIELD_WORDS, .text = usable},
      {.key = "isa_active", .kind = FIELD_TEXT, .text = vloss_isa()},
      warning_field(warning),
      {.key = "compiler", .kind = FIELD_TEXT, .text = VLOSS_COMPILER},
      {.key = "sleef", .kind = FIELD_TEXT, .text = VLOSS_SLEEF_VERSION},
  };
  print_fields(fields, sizeof fields / sizeof *fields, json);
  return EXIT_SUCCESS;
}
