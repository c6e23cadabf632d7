/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "coco_print.h"
#include "fail.h"
#include "print.h"

enum { BINS = 10 }; /* of the calibration error */

typedef struct computation {
  coco_state *state;
  void *workspace;
  size_t size;
} computation;

static int fail_status(vloss_status status) { return fail("%s", vloss_status_string(status)); }

static void write_number(FILE *file, double number) {
  char text[NUMBER_TEXT];
  fprintf(file, ",%s", number_text(number, 0, text));
}

static void write_points(FILE *file, int64_t class_id, const vloss_coco_point *points,
                         size_t count) {
  for (size_t i = 0; i < count; i++) {
    fprintf(file, "%" PRId64, class_id);
    write_number(file, points[i].score);
    write_number(file, points[i].precision);
    write_number(file, points[i].recall);
    write_number(file, points[i].f1);
    fputc('\n', file);
  }
}

/* The curve of a class, of its records alone. */
static int compute_curve(const computation *c, vloss_coco_record *records, size_t count,
                         int64_t class_id, FILE *curves, vloss_coco_point *best) {
  size_t found;
  vloss_coco_point *points = malloc((count + 1) * sizeof *points);
  if (points == NULL) return fail("out of memory");
  vloss_status status = vloss_coco_curve(records, count, &c->state->options, class_id, 0,
                                         c->workspace, c->size, count, points, &found, best);
  if (status == VLOSS_OK && curves != NULL) write_points(curves, class_id, points, found);
  free(points);
  return status == VLOSS_OK ? 0 : fail_status(status);
}

static int compute_class(const computation *c, vloss_coco_record *records, size_t count, size_t k,
                         FILE *curves, coco_class_result *result) {
  vloss_coco_options one = c->state->options;
  coco_class_result unused;
  if (result == NULL) result = &unused;
  result->id = one.classes[k];
  result->summary = (vloss_coco_summary)VLOSS_COCO_SUMMARY_INIT;
  one.classes += k;
  one.class_count = 1;
  if (one.frequencies != NULL) one.frequencies += k;
  vloss_status status = vloss_coco_accumulate(records, count, &one, c->workspace, c->size, NULL,
                                              NULL, NULL, &result->summary);
  if (status != VLOSS_OK) return fail_status(status);
  return compute_curve(c, records, count, result->id, curves, &result->best);
}

static int compute_classes(const computation *c, FILE *curves, coco_result *result) {
  const coco_state *s = c->state;
  const char *name = s->names;
  size_t at = 0;
  int status = 0;
  if (curves != NULL) fputs("class_id,score,precision,recall,f1\n", curves);
  for (size_t k = 0; k < s->options.class_count && !status; k++) {
    while (at < s->count && s->records[at].class_id < s->options.classes[k]) at++;
    size_t end = at;
    while (end < s->count && s->records[end].class_id == s->options.classes[k]) end++;
    coco_class_result *into = result->classes != NULL ? &result->classes[k] : NULL;
    if (into != NULL) into->name = name;
    name += strlen(name) + 1;
    status = compute_class(c, s->records + at, end - at, k, curves, into);
    at = end;
  }
  return status;
}

static int compute_all(const computation *c, int per_class, FILE *curves, coco_result *result) {
  coco_state *s = c->state;
  result->class_count = s->options.class_count;
  vloss_status status = vloss_coco_accumulate(s->records, s->count, &s->options, c->workspace,
                                              c->size, NULL, NULL, NULL, &result->summary);
  if (status == VLOSS_OK && per_class)
    status = vloss_coco_calibration(s->records, s->count, &s->options, 0, BINS, c->workspace,
                                    c->size, &result->calibration);
  if (status != VLOSS_OK) return fail_status(status);
  if (per_class) {
    result->classes = calloc(result->class_count + 1, sizeof *result->classes);
    if (result->classes == NULL) return fail("out of memory");
  }
  return per_class || curves != NULL ? compute_classes(c, curves, result) : 0;
}

int coco_compute(coco_state *state, int per_class, FILE *curves, coco_result *result) {
  computation c = {.state = state, .size = vloss_coco_accumulate_workspace(state->count)};
  *result = (coco_result){.summary = VLOSS_COCO_SUMMARY_INIT};
  c.workspace = malloc(c.size);
  if (c.workspace == NULL) return fail("out of memory for %zu records", state->count);
  int status = compute_all(&c, per_class, curves, result);
  free(c.workspace);
  return status;
}
