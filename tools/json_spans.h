/* SPDX-License-Identifier: Apache-2.0 */
/* Where the elements of an array, or the values of an object, stand in a text that has been parsed:
 *   for (json_spans w = json_spans_begin(text); json_spans_next(&w);) ... w.begin ... w.end ... */
#ifndef VLOSS_TOOLS_JSON_SPANS_H
#define VLOSS_TOOLS_JSON_SPANS_H

typedef struct json_spans {
  const char *begin, *end; /* of the value */
  int is_object;
} json_spans;

/* `text` ends with 0 and holds valid JSON: an array or an object from its first bracket on. */
json_spans json_spans_begin(const char *text);
int json_spans_next(json_spans *walk);

#endif
