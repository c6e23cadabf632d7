/* SPDX-License-Identifier: Apache-2.0 */
#include "parameter.h"

#include <errno.h>
#include <float.h>
#include <inttypes.h>
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

int64_t whole_low(const vloss_parameter *p) {
  return p->low <= -0x1p63 ? INT64_MIN : (int64_t)p->low;
}

int64_t whole_high(const vloss_parameter *p) {
  return p->high >= 0x1.fffffffffffffp62 ? INT64_MAX : (int64_t)p->high;
}

enum { RANGE_TEXT = 2 * NUMBER_TEXT + 32 };

/* What a number must be: "in [0, 1]", "finite and at least 0". A limit at the end of the type is
 * none; the smallest number above 0 means "above 0", the greatest below 1 "below 1". */
static const char *range_text(const vloss_parameter *p, char text[RANGE_TEXT]) {
  char low[NUMBER_TEXT], high[NUMBER_TEXT];
  int above = p->low == DBL_TRUE_MIN, below = p->high == 0x1.fffffffffffffp-1;
  number_text(above ? 0 : p->low, 0, low);
  number_text(below ? 1 : p->high, 0, high);
  if (p->whole) {
    snprintf(text, RANGE_TEXT, "a whole number in [%" PRId64 ", %" PRId64 "]", whole_low(p),
             whole_high(p));
  } else if (p->low > -DBL_MAX && p->high < DBL_MAX) {
    snprintf(text, RANGE_TEXT, "in %c%s, %s%c", above ? '(' : '[', low, high, below ? ')' : ']');
  } else if (p->low > -DBL_MAX) {
    snprintf(text, RANGE_TEXT, "finite and %s %s", above ? "above" : "at least", low);
  } else if (p->high < DBL_MAX) {
    snprintf(text, RANGE_TEXT, "finite and %s %s", below ? "below" : "at most", high);
  } else {
    snprintf(text, RANGE_TEXT, "finite");
  }
  return text;
}

void print_parameters(const vloss_loss *loss) {
  for (size_t i = 0; i < loss->parameter_count; i++) {
    const vloss_parameter *p = &loss->parameters[i];
    char option[PARAMETER_TEXT], value[PARAMETER_TEXT], range[RANGE_TEXT];
    printf("  --%-16s default %s, ", parameter_option(p, option),
           parameter_text(p, p->value, value));
    if (p->choices != NULL) {
      printf("one of %s\n", p->choices);
    } else {
      puts(range_text(p, range));
    }
  }
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

static int fail_range(const vloss_parameter *p, const char *text) {
  char option[PARAMETER_TEXT], range[RANGE_TEXT];
  return fail_usage("--%s must be %s, not '%s'", parameter_option(p, option), range_text(p, range),
                    text);
}

int number_read(const vloss_parameter *p, const char *text, double *value) {
  char *end;
  *value = strtod(text, &end);
  if (end != text && *end == '\0' && *value >= p->low && *value <= p->high) return 0;
  return fail_range(p, text);
}

/* Not by way of a double, which holds 53 bits. */
static int whole_read(const vloss_parameter *p, const char *text, int64_t *value) {
  char *end;
  errno = 0;
  long long number = strtoll(text, &end, 10);
  *value = number;
  if (end != text && *end == '\0' && errno == 0 && number >= whole_low(p) &&
      number <= whole_high(p)) {
    return 0;
  }
  return fail_range(p, text);
}

int count_read(const char *option, const char *text, size_t low, size_t high, size_t *count) {
  char *end;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  *count = (size_t)value;
  /* strtoull takes a sign and makes -1 the greatest number. */
  if (*text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && value >= low && value <= high) {
    return 0;
  }
  return fail_usage("--%s must be a whole number in [%zu, %zu], not '%s'", option, low, high, text);
}

int parameter_read(call *c, size_t parameter, const char *text) {
  const vloss_parameter *p = &c->loss->parameters[parameter];
  double *value = &c->parameters[parameter];
  if (text == NULL) text = "yes";
  if (p->choices != NULL) {
    char option[PARAMETER_TEXT];
    int choice = find_word(p->choices, text);
    *value = choice;
    if (choice >= 0) return 0;
    return fail_usage("--%s: '%s' is none of %s", parameter_option(p, option), text, p->choices);
  }
  if (!p->whole) return number_read(p, text, value);
  int64_t whole;
  int status = whole_read(p, text, &whole);
  if (!status) call_set_whole(c, parameter, whole);
  return status;
}
