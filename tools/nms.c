/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "fail.h"
#include "nms.h"
#include "parameter.h"
#include "print.h"

static const char help[] =
    "usage: vloss nms BOXES.npy [options]\n"
    "       vloss nms RESULTS.json [options]\n\n"
    "Suppresses boxes that overlap better ones, and prints the index and the score of each that "
    "is\n"
    "left, in order. BOXES has n x 4 numbers, or n x 6 with a score and a class behind each box.\n"
    "RESULTS is a file of COCO's results, suppressed within each image and class; those left are\n"
    "printed as such a file, in its order.\n\n"
    "options:\n"
    "  --scores S.npy         n scores, in the type of the boxes; default: all equal\n"
    "  --classes C.npy        n integers; boxes of different classes do not meet\n"
    "  --threshold T          of the overlap, default 0.5 (soft: 0.3)\n"
    "  --method NAME          hard|diou|soft|soft-gaussian|matrix|matrix-gaussian, default hard\n"
    "  --sigma X              of the Gaussian methods, default 0.5 (soft) or 2 (matrix)\n"
    "  --score-threshold X    leave out scores that are not above it; default none (soft: 0.001)\n"
    "  --top-k K              the K highest scores take part; of an image, as the next two\n"
    "  --max-per-class K      K results of a class\n"
    "  --max-output K         K results\n"
    "  --format NAME          xyxy|xywh|cxcywh, default xyxy\n"
    "  --any-corners          two opposite corners in any order\n"
    "  --out KEPT             write the indices, as an i8 .npy, or the results that are left, and\n"
    "                         print how many there are\n"
    "  --scores-out S.npy     write their scores\n"
    "  --json                 one JSON object\n"
    "  --help                 this text\n";

enum {
  THRESHOLD = NMS_PATHS,
  METHOD,
  SIGMA,
  SCORE_THRESHOLD,
  TOP_K,
  MAX_PER_CLASS,
  MAX_OUTPUT,
  FORMAT,
  ANY_CORNERS,
  JSON
};

static const char *const methods[] = {"hard",          "diou",   "soft",
                                      "soft-gaussian", "matrix", "matrix-gaussian"};
static const char *const formats[] = {"xyxy", "xywh", "cxcywh"};

typedef struct request {
  suppression s;
  int json, help;
  int is_coco;      /* a file of results */
  int tells_format; /* of boxes */
} request;

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

static int set_option(request *r, int id, const char *name, const char *text) {
  suppression *s = &r->s;
  vloss_nms_options *o = &s->options;
  int choice = 0, status = 0;
  switch (id) {
    case THRESHOLD: return read_number(name, text, &s->threshold);
    case SIGMA: return read_number(name, text, &o->sigma);
    case SCORE_THRESHOLD: return read_number(name, text, &o->score_threshold);
    case TOP_K: return count_read(name, text, 1, SIZE_MAX, &o->top_k);
    case MAX_PER_CLASS: return count_read(name, text, 1, SIZE_MAX, &o->max_per_class);
    case MAX_OUTPUT: return count_read(name, text, 1, SIZE_MAX, &o->max_output);
    case ANY_CORNERS: o->any_corners = r->tells_format = 1; return 0;
    case JSON: r->json = 1; return 0;
    case METHOD:
      status = read_choice(name, text, methods, 6, &choice);
      o->method = (vloss_nms_method)choice;
      return status;
    case FORMAT:
      status = read_choice(name, text, formats, 3, &choice);
      o->format = (vloss_box_format)choice;
      r->tells_format = 1;
      return status;
    default: s->paths[id] = text; return 0;
  }
}

static const struct option options[] = {
    {"scores", required_argument, NULL, NMS_SCORES},
    {"classes", required_argument, NULL, NMS_CLASSES},
    {"threshold", required_argument, NULL, THRESHOLD},
    {"method", required_argument, NULL, METHOD},
    {"sigma", required_argument, NULL, SIGMA},
    {"score-threshold", required_argument, NULL, SCORE_THRESHOLD},
    {"top-k", required_argument, NULL, TOP_K},
    {"max-per-class", required_argument, NULL, MAX_PER_CLASS},
    {"max-output", required_argument, NULL, MAX_OUTPUT},
    {"format", required_argument, NULL, FORMAT},
    {"any-corners", no_argument, NULL, ANY_CORNERS},
    {"out", required_argument, NULL, NMS_OUT},
    {"scores-out", required_argument, NULL, NMS_SCORES_OUT},
    {"json", no_argument, NULL, JSON},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0}};

/* What the options say together. */
static int settle(request *r) {
  suppression *s = &r->s;
  double unset = -HUGE_VAL;
  size_t length = strlen(s->paths[NMS_BOXES]);
  int soft =
      s->options.method == VLOSS_NMS_SOFT_LINEAR || s->options.method == VLOSS_NMS_SOFT_GAUSSIAN;
  if (isnan(s->threshold)) s->threshold = soft ? 0.3 : 0.5;
  if (isnan(s->options.score_threshold)) s->options.score_threshold = soft ? 0.001 : unset;
  s->prints_summary = r->json || s->paths[NMS_OUT] != NULL;
  r->is_coco = length > 5 && strcmp(s->paths[NMS_BOXES] + length - 5, ".json") == 0;
  if (!r->is_coco) return 0;
  if (s->paths[NMS_SCORES] != NULL || s->paths[NMS_CLASSES] != NULL ||
      s->paths[NMS_SCORES_OUT] != NULL)
    return fail_usage("results have scores and classes: no --scores, --classes, --scores-out");
  if (r->tells_format)
    return fail_usage("boxes of results are xywh: no --format and --any-corners");
  return 0;
}

static int read_options(int argc, char **argv, request *r) {
  r->s.threshold = r->s.options.score_threshold = NAN;
  for (int c, at = 0; (c = getopt_long(argc, argv, "h", options, &at)) != -1;) {
    if (c == 'h') {
      fputs(help, stdout);
      r->help = 1;
      return 0;
    }
    if (c == '?') return EXIT_USAGE;
    int status = set_option(r, c, options[at].name, optarg);
    if (status) return status;
  }
  if (optind == argc) return fail_usage("no file of boxes ('vloss nms --help' shows the usage)");
  if (optind + 1 < argc) return fail_usage("unexpected argument '%s'", argv[optind + 1]);
  r->s.paths[NMS_BOXES] = argv[optind];
  return settle(r);
}

int nms_run(suppression *s, suppression_arrays *a) {
  vloss_report report = VLOSS_REPORT_INIT;
  vloss_labels labels = {a->classes, VLOSS_LABEL_INT64};
  s->options.kept_scores = a->kept_scores;
  s->options.report = &report;
  vloss_status result =
      a->type == NPY_F8
          ? vloss_nms_f64(a->boxes, a->scores, labels, a->n, s->threshold, &s->options,
                          a->workspace, a->workspace_size, a->n, a->kept, &a->count)
          : vloss_nms_f32(a->boxes, a->scores, labels, a->n, s->threshold, &s->options,
                          a->workspace, a->workspace_size, a->n, a->kept, &a->count);
  s->boxes += a->n;
  s->count += a->count;
  s->counted += report.counted;
  s->degenerate += report.degenerate;
  if (result == VLOSS_OK) return 0;
  char option[PARAMETER_TEXT];
  const vloss_parameter named = {.name = report.argument};
  if (result == VLOSS_ERROR_PARAMETER)
    return fail_usage("--%s: %s", parameter_option(&named, option), vloss_status_string(result));
  return fail("%s: %s", s->paths[NMS_BOXES], vloss_status_string(result));
}

static void print_summary(const suppression *s, int json) {
  const field fields[] = {{.key = "method", .kind = FIELD_TEXT, .text = methods[s->options.method]},
                          {.key = "boxes", .kind = FIELD_COUNT, .count = s->boxes},
                          {.key = "counted", .kind = FIELD_COUNT, .count = s->counted},
                          {.key = "degenerate", .kind = FIELD_COUNT, .count = s->degenerate},
                          {.key = "kept", .kind = FIELD_COUNT, .count = s->count},
                          {.key = "isa", .kind = FIELD_TEXT, .text = vloss_isa()}};
  print_fields(fields, sizeof fields / sizeof *fields, json);
}

int nms_main(int argc, char **argv) {
  request r = {.s.options = VLOSS_NMS_OPTIONS_INIT};
  suppression *s = &r.s;
  int status = read_options(argc, argv, &r);
  if (status || r.help) return status;
  status = r.is_coco ? nms_results(s) : nms_arrays(s);
  if (!status && s->prints_summary) print_summary(s, r.json);
  return status;
}
