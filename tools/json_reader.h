/* SPDX-License-Identifier: Apache-2.0 */
/* simdjson for C: a parsed text as nodes that know their kind. */
#ifndef VLOSS_TOOLS_JSON_READER_H
#define VLOSS_TOOLS_JSON_READER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes behind a text that may be read. */
enum { JSON_PADDING = 64 };

typedef enum json_kind {
  JSON_NULL,
  JSON_BOOLEAN,
  JSON_INTEGER,  /* fits int64_t */
  JSON_UNSIGNED, /* an integer beyond that */
  JSON_FLOAT,
  JSON_STRING,
  JSON_ARRAY,
  JSON_OBJECT
} json_kind;

typedef struct json_node {
  const void *words[2];
} json_node;

typedef struct json_document json_document;

/* NULL after an error, which is then told in *error. */
json_document *json_parse(const char *text, size_t length, json_node *root, const char **error);
void json_free(json_document *document);

json_kind json_node_kind(json_node node);
int64_t json_node_integer(json_node integer);
double json_node_number(json_node number); /* of all three kinds */
int json_node_boolean(json_node boolean);
const char *json_node_string(json_node string, size_t *length);

/* Elements of an array, fields of an object:
 *   for (json_walk w = json_walk_begin(node); json_walk_next(&w);) ... w.node ... */
typedef struct json_walk {
  json_node node;
  const char *key; /* of an object */
  size_t key_length;
  const void *next[2], *end[2];
  int is_object;
} json_walk;

json_walk json_walk_begin(json_node container);
int json_walk_next(json_walk *walk);

#ifdef __cplusplus
}
#endif

#endif
