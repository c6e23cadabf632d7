/* SPDX-License-Identifier: Apache-2.0 */
#include "coco_print.h"

#include <inttypes.h>
#include <string.h>

#include "print.h"

/* A number of the summary: its key in JSON, and what the table says of it. */
typedef struct row {
  const char *key, *iou, *area, *classes; /* iou NULL: from the first threshold to the last */
  int is_recall, limit;                   /* index of the limit; -1: the largest */
  size_t offset;
} row;

#define AT(field) offsetof(vloss_coco_summary, field)
static const char every[] = "0.50:0.95";

static const row detection_rows[] = {{"AP", every, "all", "all", 0, -1, AT(ap)},
                                     {"AP50", "0.50", "all", "all", 0, -1, AT(ap50)},
                                     {"AP75", "0.75", "all", "all", 0, -1, AT(ap75)},
                                     {"APs", every, "small", "all", 0, -1, AT(ap_small)},
                                     {"APm", every, "medium", "all", 0, -1, AT(ap_medium)},
                                     {"APl", every, "large", "all", 0, -1, AT(ap_large)},
                                     {"AR1", every, "all", "all", 1, 0, AT(ar[0])},
                                     {"AR10", every, "all", "all", 1, 1, AT(ar[1])},
                                     {"AR100", every, "all", "all", 1, 2, AT(ar[2])},
                                     {"ARs", every, "small", "all", 1, -1, AT(ar_small)},
                                     {"ARm", every, "medium", "all", 1, -1, AT(ar_medium)},
                                     {"ARl", every, "large", "all", 1, -1, AT(ar_large)},
                                     {NULL, NULL, NULL, NULL, 0, 0, 0}};

static const row keypoint_rows[] = {{"AP", every, "all", "all", 0, -1, AT(ap)},
                                    {"AP50", "0.50", "all", "all", 0, -1, AT(ap50)},
                                    {"AP75", "0.75", "all", "all", 0, -1, AT(ap75)},
                                    {"APm", every, "medium", "all", 0, -1, AT(ap_medium)},
                                    {"APl", every, "large", "all", 0, -1, AT(ap_large)},
                                    {"AR", every, "all", "all", 1, -1, AT(ar_all)},
                                    {"AR50", "0.50", "all", "all", 1, -1, AT(ar50)},
                                    {"AR75", "0.75", "all", "all", 1, -1, AT(ar75)},
                                    {"ARm", every, "medium", "all", 1, -1, AT(ar_medium)},
                                    {"ARl", every, "large", "all", 1, -1, AT(ar_large)},
                                    {NULL, NULL, NULL, NULL, 0, 0, 0}};

static const row lvis_rows[] = {{"AP", every, "all", "all", 0, -1, AT(ap)},
                                {"AP50", "0.50", "all", "all", 0, -1, AT(ap50)},
                                {"AP75", "0.75", "all", "all", 0, -1, AT(ap75)},
                                {"APs", every, "s", "all", 0, -1, AT(ap_small)},
                                {"APm", every, "m", "all", 0, -1, AT(ap_medium)},
                                {"APl", every, "l", "all", 0, -1, AT(ap_large)},
                                {"APr", every, "all", "r", 0, -1, AT(ap_rare)},
                                {"APc", every, "all", "c", 0, -1, AT(ap_common)},
                                {"APf", every, "all", "f", 0, -1, AT(ap_frequent)},
                                {"AR300", every, "all", "all", 1, -1, AT(ar_all)},
                                {"ARs", every, "s", "all", 1, -1, AT(ar_small)},
                                {"ARm", every, "m", "all", 1, -1, AT(ar_medium)},
                                {"ARl", every, "l", "all", 1, -1, AT(ar_large)},
                                {NULL, NULL, NULL, NULL, 0, 0, 0}};

static const row *rows_of(const coco_state *state) {
  static const row *const tables[] = {[VLOSS_COCO_DETECTION] = detection_rows,
                                      [VLOSS_COCO_KEYPOINTS] = keypoint_rows,
                                      [VLOSS_COCO_LVIS] = lvis_rows};
  return tables[state->options.kind];
}

static double value_of(const vloss_coco_summary *summary, const row *r) {
  double value;
  memcpy(&value, (const char *)summary + r->offset, sizeof value);
  return value;
}

/* The line that pycocotools, or the lvis package, prints. */
static void print_row(const coco_state *state, const vloss_coco_summary *summary, const row *r) {
  const vloss_coco_options *o = &state->options;
  size_t limit = r->limit < 0 ? o->max_detection_count - 1 : (size_t)r->limit;
  printf(" %-18s %s @[ IoU=%-9s | area=%6s | maxDets=%3zu ",
         r->is_recall ? "Average Recall" : "Average Precision", r->is_recall ? "(AR)" : "(AP)",
         r->iou, r->area, o->max_detections[limit]);
  if (o->kind == VLOSS_COCO_LVIS) printf("catIds=%3s", r->classes);
  printf("] = %.3f\n", value_of(summary, r));
}

static void print_classes(const coco_state *state, const coco_result *result) {
  printf("\n%20s %-20s %7s %7s %7s %7s %7s %8s\n", "id", "class", "AP", "AP50", "AP75", "AR", "F1",
         "at score");
  for (size_t k = 0; k < result->class_count; k++) {
    const coco_class_result *c = &result->classes[k];
    char name[64];
    snprintf(name, sizeof name, "%s", c->name);
    for (char *p = name; *p != '\0'; p++) {
      if ((unsigned char)*p < ' ') *p = '?';
    }
    printf("%20" PRId64 " %-20s %7.3f %7.3f %7.3f %7.3f %7.3f %8.3f\n", c->id, name, c->summary.ap,
           c->summary.ap50, c->summary.ap75, c->summary.ar_all, c->best.f1, c->best.score);
  }
  printf("\ncalibration error at IoU %.2f: %.3f\n", state->options.thresholds[0],
         result->calibration);
}

static void json_pair(const char *key, double value) {
  json_text(key);
  putchar(':');
  json_number(value);
}

static void json_class(const coco_class_result *c) {
  printf("{\"id\":%" PRId64 ",\"name\":", c->id);
  json_text(c->name);
  const struct {
    const char *key;
    double value;
  } pairs[] = {{"AP", c->summary.ap},
               {"AP50", c->summary.ap50},
               {"AP75", c->summary.ap75},
               {"AR", c->summary.ar_all},
               {"F1", c->best.f1},
               {"score", c->best.score},
               {"precision", c->best.precision},
               {"recall", c->best.recall}};
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    putchar(',');
    json_pair(pairs[i].key, pairs[i].value);
  }
  putchar('}');
}

static void print_json(const coco_state *state, const coco_result *result) {
  const row *rows = rows_of(state);
  for (const row *r = rows; r->key != NULL; r++) {
    putchar(r == rows ? '{' : ',');
    json_pair(r->key, value_of(&result->summary, r));
  }
  if (result->classes != NULL) {
    putchar(',');
    json_pair("calibration_error", result->calibration);
    fputs(",\"classes\":[", stdout);
    for (size_t k = 0; k < result->class_count; k++) {
      if (k > 0) putchar(',');
      json_class(&result->classes[k]);
    }
    putchar(']');
  }
  puts("}");
}

void coco_print(const coco_state *state, const coco_result *result, int json) {
  if (json) {
    print_json(state, result);
    return;
  }
  for (const row *r = rows_of(state); r->key != NULL; r++) print_row(state, &result->summary, r);
  if (result->classes != NULL) print_classes(state, result);
}
