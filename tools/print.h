/* SPDX-License-Identifier: Apache-2.0 */
/* Results for people ("key value" lines) and for programs (JSON). */
#ifndef VLOSS_TOOLS_PRINT_H
#define VLOSS_TOOLS_PRINT_H

#include <stddef.h>

typedef enum field_kind {
  FIELD_TEXT,
  FIELD_WORDS, /* text, separated by '|'; NULL: none */
  FIELD_COUNT,
  FIELD_F32, /* a double that holds a float: printed with a float's digits */
  FIELD_F64,
  FIELD_MEASURED, /* four digits */
  FIELD_NONE      /* null in JSON, no line for people */
} field_kind;

typedef struct field {
  const char *key;
  field_kind kind;
  const char *text;
  size_t count;
  double number;
} field;

/* One JSON object, or one line per field, on stdout. */
void print_fields(const field *fields, size_t count, int json);

/* Parts of JSON on stdout. Numbers have the fewest digits that give the same double; what JSON
 * cannot say becomes the strings "NaN", "Infinity", "-Infinity". */
void json_text(const char *text);
void json_words(const char *words);
void json_number(double number);

/* The fewest digits that give the same double, or the same float. */
enum { NUMBER_TEXT = 32 };
const char *number_text(double number, int is_float, char text[NUMBER_TEXT]);

/* Close stdout; 0, or an exit code after saying that it could not be written. */
int print_finish(void);

#endif
