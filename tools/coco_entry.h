/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of JSON objects, read with errors that name file, entry and field. */
#ifndef VLOSS_TOOLS_COCO_ENTRY_H
#define VLOSS_TOOLS_COCO_ENTRY_H

#include "json_reader.h"

enum { ENTRY_FIELDS = 10 };

/* An object of a file, with those of its fields that are known. */
typedef struct entry {
  const char *path, *what; /* "annotation"; NULL: the whole file */
  size_t index;
  const char *const *names; /* of the known fields, NULL behind the last */
  json_node fields[ENTRY_FIELDS];
  size_t places[ENTRY_FIELDS]; /* of the known ones among all */
  unsigned found;              /* bits */
} entry;

/* Each of these returns 0, or an exit code after saying what is wrong. A field that is not there is
 * an error; entry_has() tells before. */

/* Find the fields of an object; a name that occurs twice counts as the last. */
int entry_open(entry *e, json_node object);
int entry_has(const entry *e, int field);
int entry_array(const entry *e, int field);
int entry_integer(const entry *e, int field, int64_t *value);
int entry_number(const entry *e, int field, double *value);
int entry_flag(const entry *e, int field, int *value); /* 0, 1, false, true */
int entry_numbers(const entry *e, int field, size_t count, double *values);

int entry_fail(const entry *e, int field, const char *reason);

/* A number of any kind? */
int is_number(json_node node);
size_t json_count(json_node array);

#endif
