/* SPDX-License-Identifier: Apache-2.0 */
#include "parameter.h"

#include <float.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "print.h"

const char *parameter_text(const vloss_parameter *p, double value, char text[PARAMETER_TEXT]) {
  const char *word = p->choices;
  if (word == NULL) return number_text(value, 0, text);
  for (double i = 0; i < value && *word != '\0'; i++) {
    word += strcspn(word, "|");
    word += *word == '|';
  }
  snprintf(text, PARAMETER_TEXT, "%.*s", (int)strcspn(word, "|"), word);
  return text;
}

const char *parameter_option(const vloss_parameter *p, char text[PARAMETER_TEXT]) {
  snprintf(text, PARAMETER_TEXT, "%s", p->name);
  for (char *c = text; *c != '\0'; c++) {
    if (*c == '_') *c = '-';
  }
  return text;
}

int parameter_is_flag(const vloss_parameter *p) {
  return p->choices != NULL && strcmp(p->choices, "no|yes") == 0;
}

/* "from 0 to 1"; a limit at the end of the type is none, the smallest number means "above 0". */
static const char *range_text(const vloss_parameter *p, char text[2 * PARAMETER_TEXT]) {
  char low[NUMBER_TEXT], high[NUMBER_TEXT];
  number_text(p->low, 0, low);
  if (p->high < DBL_MAX) {
    snprintf(text, 2 * PARAMETER_TEXT, "from %s to %s", low, number_text(p->high, 0, high));
  } else if (p->low == DBL_TRUE_MIN) {
    snprintf(text, 2 * PARAMETER_TEXT, "above 0");
  } else if (p->low > -DBL_MAX) {
    snprintf(text, 2 * PARAMETER_TEXT, "at least %s", low);
  } else {
    snprintf(text, 2 * PARAMETER_TEXT, "any finite number");
  }
  return text;
}

void print_parameters(const vloss_loss *loss) {
  for (size_t i = 0; i < loss->parameter_count; i++) {
    const vloss_parameter *p = &loss->parameters[i];
    char option[PARAMETER_TEXT], value[PARAMETER_TEXT], range[2 * PARAMETER_TEXT];
    printf("  --%-16s default %s, ", parameter_option(p, option),
           parameter_text(p, p->value, value));
    if (p->choices != NULL) {
      printf("one of %s\n", p->choices);
    } else {
      puts(range_text(p, range));
    }
  }
}

int read_double(const char *text, double *value) {
  char *end;
  *value = strtod(text, &end);
  return end != text && *end == '\0';
}

/* The index of a word in a list separated by '|', or -1. */
static int find_word(const char *words, const char *word) {
  size_t length = strlen(word);
  for (int i = 0; *words != '\0'; i++) {
    size_t span = strcspn(words, "|");
    if (span == length && memcmp(words, word, length) == 0) return i;
    words += span;
    words += *words == '|';
  }
  return -1;
}

int parameter_read(const vloss_parameter *p, const char *text, double *value) {
  char option[PARAMETER_TEXT], range[2 * PARAMETER_TEXT];
  parameter_option(p, option);
  if (text == NULL) text = "yes";
  if (p->choices != NULL) {
    int choice = find_word(p->choices, text);
    *value = choice;
    if (choice >= 0) return 0;
    return fail_usage("--%s: '%s' is none of %s", option, text, p->choices);
  }
  if (!read_double(text, value)) return fail_usage("--%s: '%s' is not a number", option, text);
  /* The library checks too, but not before a value has become an integer on its way there. */
  if (!(*value >= p->low && *value <= p->high))
    return fail_usage("--%s: %s is not %s", option, text, range_text(p, range));
  if (p->whole && *value != (double)(int64_t)*value)
    return fail_usage("--%s: %s is not a whole number", option, text);
  return 0;
}
