/* SPDX-License-Identifier: Apache-2.0 */
#include "coco_entry.h"

#include <stdio.h>
#include <string.h>

#include "fail.h"

int entry_fail(const entry *e, int field, const char *reason) {
  const char *name = field < 0 ? NULL : e->names[field];
  if (e->what == NULL) return fail("%s: '%s' %s", e->path, name, reason);
  if (name == NULL) return fail("%s: %s %zu %s", e->path, e->what, e->index, reason);
  return fail("%s: %s %zu: '%s' %s", e->path, e->what, e->index, name, reason);
}

int entry_open(entry *e, json_node object) {
  e->found = 0;
  if (json_node_kind(object) != JSON_OBJECT) {
    if (e->what == NULL) return fail("%s: not a JSON object", e->path);
    return entry_fail(e, -1, "is not an object");
  }
  size_t place = 0;
  for (json_walk w = json_walk_begin(object); json_walk_next(&w); place++) {
    for (int i = 0; e->names[i] != NULL; i++) {
      if (strlen(e->names[i]) != w.key_length || memcmp(e->names[i], w.key, w.key_length) != 0)
        continue;
      e->fields[i] = w.node;
      e->places[i] = place;
      e->found |= 1u << i;
      break;
    }
  }
  return 0;
}

int entry_has(const entry *e, int field) { return (e->found >> field & 1) != 0; }

static int need(const entry *e, int field) {
  return entry_has(e, field) ? 0 : entry_fail(e, field, "is missing");
}

int entry_array(const entry *e, int field) {
  int status = need(e, field);
  if (status || json_node_kind(e->fields[field]) == JSON_ARRAY) return status;
  return entry_fail(e, field, "must be an array");
}

int entry_integer(const entry *e, int field, int64_t *value) {
  int status = need(e, field);
  if (status) return status;
  json_kind kind = json_node_kind(e->fields[field]);
  if (kind == JSON_UNSIGNED) return entry_fail(e, field, "is beyond 64-bit integers");
  if (kind != JSON_INTEGER) return entry_fail(e, field, "must be an integer");
  *value = json_node_integer(e->fields[field]);
  return 0;
}

int is_number(json_node node) {
  json_kind kind = json_node_kind(node);
  return kind == JSON_INTEGER || kind == JSON_UNSIGNED || kind == JSON_FLOAT;
}

int entry_number(const entry *e, int field, double *value) {
  int status = need(e, field);
  if (status) return status;
  if (!is_number(e->fields[field])) return entry_fail(e, field, "must be a number");
  *value = json_node_number(e->fields[field]);
  return 0;
}

int entry_flag(const entry *e, int field, int *value) {
  int status = need(e, field);
  if (status) return status;
  json_node node = e->fields[field];
  if (json_node_kind(node) == JSON_BOOLEAN) {
    *value = json_node_boolean(node);
    return 0;
  }
  if (json_node_kind(node) != JSON_INTEGER || json_node_integer(node) < 0 ||
      json_node_integer(node) > 1)
    return entry_fail(e, field, "must be 0 or 1");
  *value = (int)json_node_integer(node);
  return 0;
}

size_t json_count(json_node array) {
  size_t count = 0;
  for (json_walk w = json_walk_begin(array); json_walk_next(&w);) count++;
  return count;
}

int entry_numbers(const entry *e, int field, size_t count, double *values) {
  char reason[64];
  size_t at = 0;
  int status = entry_array(e, field);
  if (status) return status;
  for (json_walk w = json_walk_begin(e->fields[field]); json_walk_next(&w); at++) {
    if (!is_number(w.node)) return entry_fail(e, field, "must hold numbers");
    if (at < count) values[at] = json_node_number(w.node);
  }
  if (at == count) return 0;
  snprintf(reason, sizeof reason, "must have %zu numbers, not %zu", count, at);
  return entry_fail(e, field, reason);
}
