/* SPDX-License-Identifier: Apache-2.0 */
#include "json_spans.h"

#include <stddef.h>
#include <string.h>

#define SPACE " \t\r\n"

static const char *end_of_string(const char *at) {
  for (at++; *at != '"'; at++) at += *at == '\\';
  return at + 1;
}

static const char *end_of_value(const char *at) {
  size_t depth = 0;
  if (*at != '[' && *at != '{')
    return *at == '"' ? end_of_string(at) : at + strcspn(at, ",]}" SPACE);
  do {
    depth += *at == '[' || *at == '{';
    depth -= *at == ']' || *at == '}';
    at = *at == '"' ? end_of_string(at) : at + 1;
  } while (depth > 0);
  return at;
}

json_spans json_spans_begin(const char *text) {
  const char *bracket = text + strcspn(text, "[{");
  return (json_spans){bracket, bracket + 1, *bracket == '{'};
}

int json_spans_next(json_spans *walk) {
  const char *at = walk->end + strspn(walk->end, "," SPACE);
  if (*at == ']' || *at == '}') return 0;
  if (walk->is_object) {
    at = end_of_string(at);
    at += strspn(at, ":" SPACE);
  }
  walk->begin = at;
  walk->end = end_of_value(at);
  return 1;
}
