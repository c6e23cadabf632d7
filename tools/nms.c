/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vloss/score.h>

#include "command.h"
#include "fail.h"
#include "npy.h"
#include "output.h"
#include "parameter.h"
#include "print.h"

static const char help[] =
    "usage: vloss nms BOXES.npy [options]\n\n"
    "Suppresses boxes that overlap better ones, and prints the index and the score of each that "
    "is\n"
    "left, in order. BOXES has n x 4 numbers, or n x 6 with a score and a class behind each "
    "box.\n\n"
    "options:\n"
    "  --scores S.npy         n scores, in the type of the boxes; default: all equal\n"
    "  --classes C.npy        n integers; boxes of different classes do not meet\n"
    "  --threshold T          of the overlap, default 0.5 (soft: 0.3)\n"
    "  --method NAME          hard|diou|soft|soft-gaussian|matrix|matrix-gaussian, default hard\n"
    "  --sigma X              of the Gaussian methods, default 0.5 (soft) or 2 (matrix)\n"
    "  --score-threshold X    leave out scores that are not above it; default none (soft: 0.001)\n"
    "  --top-k K              the K highest scores take part\n"
    "  --max-per-class K      K results of a class\n"
    "  --max-output K         K results\n"
    "  --format NAME          xyxy|xywh|cxcywh, default xyxy\n"
    "  --any-corners          two opposite corners in any order\n"
    "  --out KEPT.npy         write the indices, as i8, and print how many there are\n"
    "  --scores-out S.npy     write their scores\n"
    "  --json                 one JSON object\n"
    "  --help                 this text\n";

enum {
  SCORES = 1,
  CLASSES,
  THRESHOLD,
  METHOD,
  SIGMA,
  SCORE_THRESHOLD,
  TOP_K,
  MAX_PER_CLASS,
  MAX_OUTPUT,
  FORMAT,
  ANY_CORNERS,
  OUT,
  SCORES_OUT,
  JSON
};

static const char *const methods[] = {"hard",          "diou",   "soft",
                                      "soft-gaussian", "matrix", "matrix-gaussian"};
static const char *const formats[] = {"xyxy", "xywh", "cxcywh"};

typedef struct suppression {
  const char *paths[SCORES_OUT + 1]; /* of the options that are files; boxes at 0 */
  vloss_nms_options options;
  vloss_report report;
  double threshold; /* NaN: the method's own */
  int json, done;   /* done: help was asked for */
  npy boxes, scores, classes;
  npy_type type;
  size_t n, count;
  void *memory[6]; /* boxes, scores, classes, workspace, kept, kept scores */
} suppression;

static int read_choice(const char *option, const char *text, const char *const *names, int count,
                       int *choice) {
  for (*choice = 0; *choice < count; ++*choice)
    if (strcmp(names[*choice], text) == 0) return 0;
  return fail_usage("--%s: no choice '%s' ('vloss nms --help' shows them)", option, text);
}

static int read_number(const char *option, const char *text, double *value) {
  const vloss_parameter any = {.name = option, .low = -HUGE_VAL, .high = HUGE_VAL};
  return number_read(&any, text, value);
}

static int set_option(suppression *s, int id, const char *name, const char *text) {
  vloss_nms_options *o = &s->options;
  int choice = 0, status = 0;
  switch (id) {
    case THRESHOLD: return read_number(name, text, &s->threshold);
    case SIGMA: return read_number(name, text, &o->sigma);
    case SCORE_THRESHOLD: return read_number(name, text, &o->score_threshold);
    case TOP_K: return count_read(name, text, 1, SIZE_MAX, &o->top_k);
    case MAX_PER_CLASS: return count_read(name, text, 1, SIZE_MAX, &o->max_per_class);
    case MAX_OUTPUT: return count_read(name, text, 1, SIZE_MAX, &o->max_output);
    case ANY_CORNERS: o->any_corners = 1; return 0;
    case JSON: s->json = 1; return 0;
    case METHOD:
      status = read_choice(name, text, methods, 6, &choice);
      o->method = (vloss_nms_method)choice;
      return status;
    case FORMAT:
      status = read_choice(name, text, formats, 3, &choice);
      o->format = (vloss_box_format)choice;
      return status;
    default: s->paths[id] = text; return 0;
  }
}

static const struct option options[] = {
    {"scores", required_argument, NULL, SCORES},
    {"classes", required_argument, NULL, CLASSES},
    {"threshold", required_argument, NULL, THRESHOLD},
    {"method", required_argument, NULL, METHOD},
    {"sigma", required_argument, NULL, SIGMA},
    {"score-threshold", required_argument, NULL, SCORE_THRESHOLD},
    {"top-k", required_argument, NULL, TOP_K},
    {"max-per-class", required_argument, NULL, MAX_PER_CLASS},
    {"max-output", required_argument, NULL, MAX_OUTPUT},
    {"format", required_argument, NULL, FORMAT},
    {"any-corners", no_argument, NULL, ANY_CORNERS},
    {"out", required_argument, NULL, OUT},
    {"scores-out", required_argument, NULL, SCORES_OUT},
    {"json", no_argument, NULL, JSON},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0}};

static int read_options(int argc, char **argv, suppression *s) {
  double unset = -HUGE_VAL;
  s->threshold = s->options.score_threshold = NAN;
  for (int c, at = 0; (c = getopt_long(argc, argv, "h", options, &at)) != -1;) {
    if (c == 'h') {
      fputs(help, stdout);
      s->done = 1;
      return 0;
    }
    if (c == '?') return EXIT_USAGE;
    int status = set_option(s, c, options[at].name, optarg);
    if (status) return status;
  }
  if (optind == argc) return fail_usage("no file of boxes ('vloss nms --help' shows the usage)");
  if (optind + 1 < argc) return fail_usage("unexpected argument '%s'", argv[optind + 1]);
  s->paths[0] = argv[optind];
  int soft =
      s->options.method == VLOSS_NMS_SOFT_LINEAR || s->options.method == VLOSS_NMS_SOFT_GAUSSIAN;
  if (isnan(s->threshold)) s->threshold = soft ? 0.3 : 0.5;
  if (isnan(s->options.score_threshold)) s->options.score_threshold = soft ? 0.001 : unset;
  return 0;
}

static int reserve(suppression *s, int which, size_t count, size_t width) {
  s->memory[which] = calloc(count + 1, width);
  return s->memory[which] != NULL ? 0 : fail("out of memory for %zu boxes", s->n);
}

/* Boxes, and of rows of six their scores and classes, into arrays of their own. */
static int split_rows(suppression *s) {
  size_t width = npy_type_size(s->type);
  const char *row = s->boxes.data;
  int64_t *classes = s->memory[2];
  for (size_t i = 0; i < s->n; i++, row += 6 * width) {
    double class;
    memcpy((char *)s->memory[0] + 4 * i * width, row, 4 * width);
    memcpy((char *)s->memory[1] + i * width, row + 4 * width, width);
    class = s->type == NPY_F8 ? ((const double *)(const void *)row)[5]
                              : (double)((const float *)(const void *)row)[5];
    if (!(fabs(class) < 0x1p53) || class != floor(class))
      return fail("%s: row %zu: the class is no whole number", s->boxes.path, i);
    classes[i] = (int64_t) class;
  }
  return 0;
}

static int open_boxes(suppression *s) {
  npy *b = &s->boxes;
  char text[NPY_SHAPE_TEXT];
  int status = npy_open(b, s->paths[0]);
  if (status) return status;
  s->type = b->type;
  if (s->type != NPY_F4 && s->type != NPY_F8)
    return fail("%s: %s instead of f4 or f8", b->path, npy_type_name(s->type));
  if (b->shape.axes != 2 || (b->shape.size[1] != 4 && b->shape.size[1] != 6))
    return fail("%s: the shape %s is neither (n, 4) nor (n, 6)", b->path,
                npy_shape_text(&b->shape, text));
  s->n = b->shape.size[0];
  if (b->shape.size[1] == 4) return 0;
  if (s->paths[SCORES] != NULL || s->paths[CLASSES] != NULL)
    return fail_usage("%s has scores and classes: no --scores and --classes", b->path);
  status = reserve(s, 0, s->n, 32);
  if (!status) status = reserve(s, 1, s->n, 8);
  if (!status) status = reserve(s, 2, s->n, 8);
  return status ? status : split_rows(s);
}

/* A file with one number per box. */
static int open_per_box(const suppression *s, npy *array, const char *path) {
  char text[NPY_SHAPE_TEXT];
  int status = npy_open(array, path);
  if (status) return status;
  if (array->shape.axes == 1 && array->count == s->n) return 0;
  return fail("%s: the shape %s is not (%zu,), as %s has boxes", path,
              npy_shape_text(&array->shape, text), s->n, s->boxes.path);
}

static int open_inputs(suppression *s) {
  int status = open_boxes(s);
  if (!status && s->paths[SCORES] != NULL) {
    status = open_per_box(s, &s->scores, s->paths[SCORES]);
    if (!status && s->scores.type != s->type)
      status = fail("%s: %s instead of %s, as the boxes are", s->paths[SCORES],
                    npy_type_name(s->scores.type), npy_type_name(s->type));
  }
  if (!status && s->paths[CLASSES] != NULL) {
    status = open_per_box(s, &s->classes, s->paths[CLASSES]);
    if (!status && (s->classes.type == NPY_F4 || s->classes.type == NPY_F8))
      status =
          fail("%s: %s instead of integers", s->paths[CLASSES], npy_type_name(s->classes.type));
    if (!status) status = npy_widen(&s->classes);
  }
  return status;
}

static int suppress(suppression *s) {
  const void *boxes = s->memory[0] != NULL ? s->memory[0] : s->boxes.data;
  const void *scores = s->memory[1] != NULL ? s->memory[1] : s->scores.data;
  const void *classes = s->memory[2] != NULL ? s->memory[2] : s->classes.data;
  size_t size = vloss_nms_workspace(s->n, &s->options);
  int status = reserve(s, 3, size, 1);
  if (!status) status = reserve(s, 4, s->n, sizeof(int64_t));
  if (!status) status = reserve(s, 5, s->n, sizeof(double));
  if (status) return status;
  vloss_labels labels = {classes, VLOSS_LABEL_INT64};
  s->options.kept_scores = s->memory[5];
  s->options.report = &s->report;
  vloss_status result = s->type == NPY_F8
                            ? vloss_nms_f64(boxes, scores, labels, s->n, s->threshold, &s->options,
                                            s->memory[3], size, s->n, s->memory[4], &s->count)
                            : vloss_nms_f32(boxes, scores, labels, s->n, s->threshold, &s->options,
                                            s->memory[3], size, s->n, s->memory[4], &s->count);
  if (result == VLOSS_OK) return 0;
  char option[PARAMETER_TEXT];
  const vloss_parameter named = {.name = s->report.argument};
  if (result == VLOSS_ERROR_PARAMETER)
    return fail_usage("--%s: %s", parameter_option(&named, option), vloss_status_string(result));
  return fail("%s: %s", s->paths[0], vloss_status_string(result));
}

static int write_array(const char *option, const char *path, npy_type type, size_t count,
                       const void *data) {
  FILE *file;
  const npy_shape shape = {.axes = 1, .size = {count}};
  if (path == NULL) return 0;
  int status = output_open(option, path, &file);
  if (status) return status;
  npy_write(file, type, &shape, data);
  return output_close(file);
}

static void print_table(const suppression *s) {
  const int64_t *kept = s->memory[4];
  char text[NUMBER_TEXT];
  int narrow = s->type == NPY_F4;
  for (size_t i = 0; i < s->count; i++) {
    double score =
        narrow ? (double)((const float *)s->memory[5])[i] : ((const double *)s->memory[5])[i];
    printf("%" PRId64 "\t%s\n", kept[i], number_text(score, narrow, text));
  }
}

static int write_result(const suppression *s) {
  int status = write_array("out", s->paths[OUT], NPY_I8, s->count, s->memory[4]);
  if (!status)
    status = write_array("scores-out", s->paths[SCORES_OUT], s->type, s->count, s->memory[5]);
  const field fields[] = {{.key = "method", .kind = FIELD_TEXT, .text = methods[s->options.method]},
                          {.key = "boxes", .kind = FIELD_COUNT, .count = s->n},
                          {.key = "counted", .kind = FIELD_COUNT, .count = s->report.counted},
                          {.key = "degenerate", .kind = FIELD_COUNT, .count = s->report.degenerate},
                          {.key = "kept", .kind = FIELD_COUNT, .count = s->count},
                          {.key = "isa", .kind = FIELD_TEXT, .text = vloss_isa()}};
  if (status) return status;
  if (s->json || s->paths[OUT] != NULL)
    print_fields(fields, sizeof fields / sizeof *fields, s->json);
  else
    print_table(s);
  return 0;
}

int nms_main(int argc, char **argv) {
  suppression s = {.options = VLOSS_NMS_OPTIONS_INIT, .report = VLOSS_REPORT_INIT};
  int status = read_options(argc, argv, &s);
  if (s.done) return status;
  if (!status) status = open_inputs(&s);
  if (!status) status = suppress(&s);
  if (!status) status = write_result(&s);
  for (size_t i = 0; i < sizeof s.memory / sizeof *s.memory; i++) free(s.memory[i]);
  if (s.boxes.path != NULL) npy_close(&s.boxes);
  if (s.scores.path != NULL) npy_close(&s.scores);
  if (s.classes.path != NULL) npy_close(&s.classes);
  return status;
}
