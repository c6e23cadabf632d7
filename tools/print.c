/* SPDX-License-Identifier: Apache-2.0 */
#include "print.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"

const char *number_text(double number, int is_float, char text[NUMBER_TEXT]) {
  if (number == floor(number) && fabs(number) < 1e15) {
    snprintf(text, NUMBER_TEXT, "%.0f", number); /* %g would write 100 as 1e+02 */
    return text;
  }
  for (int digits = 1; digits <= (is_float ? 9 : 17); digits++) {
    snprintf(text, NUMBER_TEXT, "%.*g", digits, number);
    double back = is_float ? (double)strtof(text, NULL) : strtod(text, NULL);
    if (back == number) break;
  }
  return isnan(number) ? "nan" : text; /* printf would show its sign, which means nothing */
}

static void json_float(double number, int is_float) {
  char text[NUMBER_TEXT];
  if (isnan(number)) {
    fputs("\"NaN\"", stdout);
  } else if (isinf(number)) {
    fputs(number < 0 ? "\"-Infinity\"" : "\"Infinity\"", stdout);
  } else {
    fputs(number_text(number, is_float, text), stdout);
  }
}

void json_number(double number) { json_float(number, 0); }

static void json_span(const char *text, size_t length) {
  putchar('"');
  for (size_t i = 0; i < length; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c == '"' || c == '\\') {
      printf("\\%c", c);
    } else if (c < ' ') {
      printf("\\u%04x", c);
    } else {
      putchar(c);
    }
  }
  putchar('"');
}

void json_text(const char *text) { json_span(text, strlen(text)); }

void json_words(const char *words) {
  putchar('[');
  while (words != NULL && *words != '\0') {
    size_t length = strcspn(words, "|");
    json_span(words, length);
    words += length;
    if (*words == '|') {
      putchar(',');
      words++;
    }
  }
  putchar(']');
}

static void json_field(const field *f) {
  json_text(f->key);
  putchar(':');
  switch (f->kind) {
    case FIELD_TEXT: json_text(f->text); break;
    case FIELD_WORDS: json_words(f->text); break;
    case FIELD_COUNT: printf("%zu", f->count); break;
    case FIELD_F32: json_float(f->number, 1); break;
    case FIELD_F64: json_float(f->number, 0); break;
    case FIELD_MEASURED: printf("%.4g", f->number); break;
    case FIELD_NONE: fputs("null", stdout); break;
  }
}

static void line_field(const field *f) {
  char text[NUMBER_TEXT];
  if (f->kind == FIELD_NONE) return;
  printf("%-20s ", f->key);
  switch (f->kind) {
    case FIELD_WORDS:
      for (const char *c = f->text; c != NULL && *c != '\0'; c++) putchar(*c == '|' ? ' ' : *c);
      putchar('\n');
      break;
    case FIELD_COUNT: printf("%zu\n", f->count); break;
    case FIELD_F32: puts(number_text(f->number, 1, text)); break;
    case FIELD_F64: puts(number_text(f->number, 0, text)); break;
    case FIELD_MEASURED: printf("%.4g\n", f->number); break;
    default: puts(f->text); break;
  }
}

void print_fields(const field *fields, size_t count, int json) {
  if (json) putchar('{');
  for (size_t i = 0; i < count; i++) {
    if (json && i > 0) putchar(',');
    (json ? json_field : line_field)(&fields[i]);
  }
  if (json) puts("}");
}

int print_finish(void) {
  errno = 0;
  int bad = ferror(stdout);
  if (fclose(stdout) == 0 && !bad) return EXIT_SUCCESS;
  return fail("cannot write the output%s%s", errno != 0 ? ": " : "",
              errno != 0 ? strerror(errno) : "");
}
