/* SPDX-License-Identifier: Apache-2.0 */
/* Does every bad argument give its status and name, and leave all outputs as they were? */
#include <math.h>
#include <string.h>

#include "images.h"
#include "testing.h"

enum { ROOM = 64 };

/* A good call's arguments, of which each case spoils one. */
typedef struct arguments {
  uint32_t runs[2][3];
  vloss_mask masks[2];
  double vertices[6];
  vloss_polygon polygon;
  uint8_t pixels[12];
  char text[8];
  size_t text_length;
  size_t height, width, capacity, workspace_size, n;
  vloss_mask_operation operation;
  vloss_mask_options options;
  vloss_report report;
  /* outputs */
  uint32_t counts[ROOM];
  size_t count;
  double out[ROOM];
  char workspace[4096];
  uint32_t *counts_at;
  size_t *count_at;
  double *out_at;
  void *workspace_at;
} arguments;

static void reset(arguments *a) {
  memset(a, 0x5a, sizeof *a);
  for (int k = 0; k < 2; k++) {
    memcpy(a->runs[k], (uint32_t[]){3, 4, 5}, sizeof a->runs[k]);
    a->masks[k] = (vloss_mask){a->runs[k], 3, 4, 3};
  }
  memcpy(a->vertices, (double[]){0, 0, 3, 0, 1, 4}, sizeof a->vertices);
  a->polygon = (vloss_polygon){a->vertices, 3};
  memcpy(a->text, "345", 3);
  a->text_length = 3;
  a->height = 4;
  a->width = 3;
  a->capacity = ROOM;
  a->workspace_size = sizeof a->workspace;
  a->n = 1;
  a->operation = VLOSS_MASK_UNION;
  a->options = (vloss_mask_options)VLOSS_MASK_OPTIONS_INIT;
  a->report = (vloss_report)VLOSS_REPORT_INIT;
  a->options.report = &a->report;
  a->counts_at = a->counts;
  a->count_at = &a->count;
  a->out_at = a->out;
  a->workspace_at = a->workspace;
}

typedef vloss_status function(arguments *a);

static vloss_status encode(arguments *a) {
  return vloss_mask_encode(a->pixels, a->height, a->width, &a->options, a->capacity, a->counts_at,
                           a->count_at);
}
static vloss_status decode(arguments *a) {
  return vloss_mask_decode(a->masks, &a->options, (uint8_t *)a->out_at);
}
static vloss_status to_text(arguments *a) {
  return vloss_mask_to_text(a->masks, &a->options, a->capacity, (char *)a->counts_at, a->count_at);
}
static vloss_status from_text(arguments *a) {
  return vloss_mask_from_text(a->text, a->text_length, a->height, a->width, &a->options,
                              a->capacity, a->counts_at, a->count_at);
}
static vloss_status polygons(arguments *a) {
  return vloss_mask_from_polygons(&a->polygon, a->n, a->height, a->width, &a->options,
                                  a->workspace_at, a->workspace_size, a->capacity, a->counts_at,
                                  a->count_at);
}
static vloss_status merge(arguments *a) {
  return vloss_mask_merge(a->masks, 2, a->operation, &a->options, a->workspace_at,
                          a->workspace_size, a->capacity, a->counts_at, a->count_at);
}
static vloss_status area(arguments *a) {
  return vloss_mask_area(a->masks, 2, &a->options, (int64_t *)(void *)a->out_at);
}
static vloss_status box(arguments *a) {
  return vloss_mask_box(a->masks, 2, &a->options, a->out_at);
}
static vloss_status iou(arguments *a) {
  return vloss_mask_iou(a->masks, 1, a->masks + 1, a->n, &a->options, a->workspace_at,
                        a->workspace_size, a->out_at);
}

/* What is wrong; 0 is nothing. */
typedef enum fault {
  NOTHING,
  OPTIONS_SIZE,
  REPORT_SIZE,
  LAYOUT,
  HUGE_IMAGE,
  HUGE_MASK,
  SHORT_RUNS,
  LONG_RUNS,
  NO_RUNS,
  OTHER_HEIGHT,
  OTHER_WIDTH,
  NO_COUNTS,
  NO_COUNT,
  NO_OUT,
  SMALL_CAPACITY,
  NO_WORKSPACE,
  SMALL_WORKSPACE,
  OUT_IN_MASKS,
  COUNTS_IN_RUNS,
  COUNT_IN_WORKSPACE,
  OPERATION,
  STRIDE,
  EXECUTOR,
  BAD_CHARACTER,
  CUT_TEXT,
  SHORT_TEXT,
  LONG_TEXT,
  NEGATIVE_TEXT,
  NAN_VERTEX,
  FAR_VERTEX,
  NO_VERTICES,
  MANY_VERTICES
} fault;

static const vloss_executor no_executor = {NULL, NULL};

static void spoil_masks(arguments *a, fault what) {
  switch (what) {
    case HUGE_MASK: a->masks[0].height = a->masks[0].width = SIZE_MAX / 2; break;
    case SHORT_RUNS: a->runs[0][1] = 3; break;
    case LONG_RUNS: a->runs[0][1] = UINT32_MAX; break;
    case NO_RUNS: a->masks[0].counts = NULL; break;
    case OTHER_HEIGHT: a->masks[1].height = 3, a->masks[1].width = 4; break;
    case OTHER_WIDTH: a->masks[1].width = 2, a->runs[1][2] = 1; break;
    case OUT_IN_MASKS: a->out_at = (double *)(void *)a->masks; break;
    case COUNTS_IN_RUNS: a->counts_at = a->runs[0], a->capacity = 3; break;
    default: break;
  }
}

static void spoil_inputs(arguments *a, fault what) {
  switch (what) {
    case HUGE_IMAGE: a->height = (size_t)1 << 20, a->width = (size_t)1 << 12; break;
    case BAD_CHARACTER: a->text[1] = 112; break;
    case CUT_TEXT: a->text[2] = 'P'; break;
    case SHORT_TEXT: a->text_length = 2; break;
    case LONG_TEXT: a->text[2] = '6'; break;
    case NEGATIVE_TEXT: a->text[0] = 'O'; break;
    case NAN_VERTEX: a->vertices[5] = NAN; break;
    case FAR_VERTEX: a->vertices[2] = -0x1.0000000000001p26; break;
    case NO_VERTICES: a->polygon.vertices = NULL; break;
    case MANY_VERTICES: a->polygon.count = SIZE_MAX / 16; break;
    default: break;
  }
}

static void spoil(arguments *a, fault what) {
  spoil_masks(a, what);
  spoil_inputs(a, what);
  switch (what) {
    case OPTIONS_SIZE: a->options.struct_size += 8; break;
    case REPORT_SIZE: a->report.struct_size = 3; break;
    case LAYOUT: a->options.layout = (vloss_mask_layout)2; break;
    case NO_COUNTS: a->counts_at = NULL; break;
    case NO_COUNT: a->count_at = NULL; break;
    case NO_OUT: a->out_at = NULL; break;
    case SMALL_CAPACITY: a->capacity = 0; break;
    case NO_WORKSPACE: a->workspace_at = NULL; break;
    case SMALL_WORKSPACE: a->workspace_size = 1; break;
    case COUNT_IN_WORKSPACE: a->count_at = (size_t *)(void *)a->workspace; break;
    case OPERATION: a->operation = (vloss_mask_operation)-1; break;
    case STRIDE: a->options.row_stride = 1, a->n = 2; break;
    case EXECUTOR: a->options.executor = &no_executor; break;
    default: break;
  }
}

typedef struct row {
  function *call;
  fault what;
  vloss_status status;
  const char *argument;
  size_t index; /* of what is bad */
} row;

#define NONE SIZE_MAX
static const row rows[] = {
    {encode, HUGE_IMAGE, VLOSS_ERROR_SIZE, "height", NONE},
    {encode, LAYOUT, VLOSS_ERROR_ENUM, "layout", NONE},
    {encode, OPTIONS_SIZE, VLOSS_ERROR_STRUCT_SIZE, NULL, NONE},
    {encode, REPORT_SIZE, VLOSS_ERROR_STRUCT_SIZE, NULL, NONE},
    {encode, NO_COUNTS, VLOSS_ERROR_NULL, "counts", NONE},
    {encode, NO_COUNT, VLOSS_ERROR_NULL, "count", NONE},
    {encode, SMALL_CAPACITY, VLOSS_ERROR_CAPACITY, "capacity", NONE},
    {decode, HUGE_MASK, VLOSS_ERROR_SIZE, "mask", 0},
    {decode, SHORT_RUNS, VLOSS_ERROR_PARAMETER, "mask", 0},
    {decode, NO_OUT, VLOSS_ERROR_NULL, "pixels", NONE},
    {decode, OUT_IN_MASKS, VLOSS_ERROR_OVERLAP, "pixels", NONE},
    {decode, LAYOUT, VLOSS_ERROR_ENUM, "layout", NONE},
    {to_text, LONG_RUNS, VLOSS_ERROR_PARAMETER, "mask", 0},
    {to_text, COUNTS_IN_RUNS, VLOSS_ERROR_OVERLAP, "text", NONE},
    {to_text, SMALL_CAPACITY, VLOSS_ERROR_CAPACITY, "capacity", NONE},
    {to_text, NO_COUNT, VLOSS_ERROR_NULL, "length", NONE},
    {from_text, BAD_CHARACTER, VLOSS_ERROR_PARAMETER, "text", 1},
    {from_text, CUT_TEXT, VLOSS_ERROR_PARAMETER, "text", 3},
    {from_text, SHORT_TEXT, VLOSS_ERROR_PARAMETER, "text", 2},
    {from_text, LONG_TEXT, VLOSS_ERROR_PARAMETER, "text", 2},
    {from_text, NEGATIVE_TEXT, VLOSS_ERROR_PARAMETER, "text", 0},
    {from_text, HUGE_IMAGE, VLOSS_ERROR_SIZE, "height", NONE},
    {from_text, SMALL_CAPACITY, VLOSS_ERROR_CAPACITY, "capacity", NONE},
    {polygons, NAN_VERTEX, VLOSS_ERROR_PARAMETER, "polygons", 0},
    {polygons, FAR_VERTEX, VLOSS_ERROR_PARAMETER, "polygons", 0},
    {polygons, NO_VERTICES, VLOSS_ERROR_NULL, "polygons", 0},
    {polygons, MANY_VERTICES, VLOSS_ERROR_SIZE, "polygons", NONE},
    {polygons, HUGE_IMAGE, VLOSS_ERROR_SIZE, "height", NONE},
    {polygons, NO_WORKSPACE, VLOSS_ERROR_NULL, "workspace", NONE},
    {polygons, SMALL_WORKSPACE, VLOSS_ERROR_WORKSPACE, "workspace", NONE},
    {polygons, COUNT_IN_WORKSPACE, VLOSS_ERROR_OVERLAP, "workspace", NONE},
    {merge, OPERATION, VLOSS_ERROR_ENUM, "operation", NONE},
    {merge, OTHER_HEIGHT, VLOSS_ERROR_PARAMETER, "masks", 1},
    {merge, OTHER_WIDTH, VLOSS_ERROR_PARAMETER, "masks", 1},
    {merge, NO_RUNS, VLOSS_ERROR_NULL, "masks", 0},
    {merge, NO_WORKSPACE, VLOSS_ERROR_NULL, "workspace", NONE},
    {merge, SMALL_WORKSPACE, VLOSS_ERROR_WORKSPACE, "workspace", NONE},
    {merge, COUNTS_IN_RUNS, VLOSS_ERROR_OVERLAP, "counts", NONE},
    {area, SHORT_RUNS, VLOSS_ERROR_PARAMETER, "masks", 0},
    {area, NO_OUT, VLOSS_ERROR_NULL, "area", NONE},
    {box, SHORT_RUNS, VLOSS_ERROR_PARAMETER, "masks", 0},
    {box, OUT_IN_MASKS, VLOSS_ERROR_OVERLAP, "boxes", NONE},
    {iou, OTHER_HEIGHT, VLOSS_ERROR_PARAMETER, "b", 0},
    {iou, SHORT_RUNS, VLOSS_ERROR_PARAMETER, "a", 0},
    {iou, STRIDE, VLOSS_ERROR_PARAMETER, "row_stride", NONE},
    {iou, EXECUTOR, VLOSS_ERROR_NULL, "executor", NONE},
    {iou, NO_OUT, VLOSS_ERROR_NULL, "out", NONE},
    {iou, SMALL_WORKSPACE, VLOSS_ERROR_WORKSPACE, "workspace", NONE},
    {iou, OUT_IN_MASKS, VLOSS_ERROR_OVERLAP, "out", NONE},
};

static void check_row(const row *one) {
  static arguments a, before;
  reset(&a);
  spoil(&a, one->what);
  before = a;
  vloss_status got = one->call(&a);
  size_t index = (size_t)(one - rows);
  if (got != one->status) fail_msg("row %zu: \"%s\"", index, vloss_status_string(got));
  if (one->argument != NULL) {
    if (strcmp(a.report.argument, one->argument) != 0)
      fail_msg("row %zu names %s", index, a.report.argument);
    if (a.report.bad_label != one->index) fail_msg("row %zu: index %zu", index, a.report.bad_label);
  }
  a.report = before.report;
  if (one->status == VLOSS_ERROR_CAPACITY) {
    assert_int_not_equal(a.count, before.count);
    a.count = before.count;
  }
  if (memcmp(&a, &before, sizeof a) != 0) fail_msg("row %zu wrote", index);
}

static void test_bad_arguments(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) check_row(&rows[i]);
}

/* Without a fault the same calls are good. */
static void test_good_arguments(void **state) {
  (void)state;
  static arguments a;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    reset(&a);
    vloss_status got = rows[i].call(&a);
    if (got != VLOSS_OK) fail_msg("row %zu: %s", i, a.report.argument);
    assert_null(a.report.argument);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_bad_arguments),
                                     cmocka_unit_test(test_good_arguments)};
  return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
