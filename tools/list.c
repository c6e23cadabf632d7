/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <vloss/vloss.h>

#include "call.h"
#include "command.h"
#include "parameter.h"
#include "print.h"

static const char help[] =
    "usage: vloss list [--json]\n\n"
    "Lists the losses, each with its family, its parameters and, in JSON, the arrays that it "
    "reads.\n\n"
    "options:\n"
    "  --json      one JSON object\n"
    "  --help      this text\n";

static void json_parameter(const vloss_parameter *p) {
  char text[PARAMETER_TEXT];
  fputs("{\"name\":", stdout);
  json_text(p->name);
  fputs(",\"default\":", stdout);
  if (p->choices != NULL) {
    json_text(parameter_text(p, p->value, text));
    fputs(",\"choices\":", stdout);
    json_words(p->choices);
  } else {
    json_number(p->value);
    if (p->whole) {
      printf(",\"low\":%" PRId64 ",\"high\":%" PRId64, whole_low(p), whole_high(p));
    } else {
      fputs(",\"low\":", stdout);
      json_number(p->low);
      fputs(",\"high\":", stdout);
      json_number(p->high);
    }
    printf(",\"whole\":%s", p->whole ? "true" : "false");
  }
  putchar('}');
}

/* Arrays that a call may leave out. */
static const unsigned optional = VLOSS_ARRAY_CLASS_WEIGHT | VLOSS_ARRAY_POSITIVE_WEIGHT;

/* What is read beside the input. */
static void json_arrays(unsigned arrays) {
  static const struct {
    unsigned array;
    const char *name;
  } names[] = {{VLOSS_ARRAY_TARGET, "target"},
               {VLOSS_ARRAY_LABELS, "labels"},
               {VLOSS_ARRAY_VARIANCE, "variance"},
               {VLOSS_ARRAY_CLASS_WEIGHT, "class_weight"},
               {VLOSS_ARRAY_POSITIVE_WEIGHT, "positive_weight"}};
  const char *comma = "";
  putchar('[');
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (!(arrays & names[i].array)) continue;
    fputs(comma, stdout);
    json_text(names[i].name);
    comma = ",";
  }
  putchar(']');
}

static void json_loss(const vloss_loss *loss) {
  fputs("{\"name\":", stdout);
  json_text(loss->name);
  fputs(",\"family\":", stdout);
  json_text(family_name(loss->family));
  fputs(",\"reads\":", stdout);
  json_arrays(loss->arrays);
  fputs(",\"optional\":", stdout);
  json_arrays(loss->arrays & optional);
  fputs(",\"parameters\":[", stdout);
  for (size_t i = 0; i < loss->parameter_count; i++) {
    if (i > 0) putchar(',');
    json_parameter(&loss->parameters[i]);
  }
  fputs("]}", stdout);
}

int list_main(int argc, char **argv) {
  int json, status;
  if (read_json_option(argc, argv, help, &json, &status)) return status;
  size_t count;
  const vloss_loss *losses = vloss_losses(&count);
  if (json) fputs("{\"losses\":[", stdout);
  for (size_t i = 0; i < count; i++) {
    if (json) {
      if (i > 0) putchar(',');
      json_loss(&losses[i]);
    } else {
      printf("%-20s %s\n", losses[i].name, family_name(losses[i].family));
      print_parameters(&losses[i]);
    }
  }
  if (json) puts("]}");
  return EXIT_SUCCESS;
}
