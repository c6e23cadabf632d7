/* SPDX-License-Identifier: Apache-2.0 */
/* vloss coco: evaluation of files, and of states of other evaluations. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coco_print.h"
#include "command.h"
#include "fail.h"
#include "npy.h"
#include "output.h"
#include "parameter.h"
#include "threads.h"

static const char help[] =
    "usage: vloss coco GT.json RESULTS.json... [options]\n"
    "       vloss coco merge STATE... [options]\n\n"
    "Evaluates detections as pycocotools does, to the bit; several files of results count as one.\n"
    "merge reads states of parts of an evaluation, in any order.\n\n"
    "options:\n"
    "  --type NAME       bbox (default), segm, keypoints\n"
    "  --lvis            the rules of LVIS: federated classes, 300 detections an image\n"
    "  --per-class       results of each class, and the calibration error\n"
    "  --confusion C.npy write the confusion matrix: row predicted, column true, background last\n"
    "  --curves FILE     write a CSV of precision, recall and F1 at each score, at IoU .5\n"
    "  --state OUT.bin   write a state for merge\n"
    "  --threads COUNT   threads that share images and classes, default 1\n"
    "  --json            one JSON object\n"
    "  --help            this text\n";

enum { TYPE = 256, LVIS, PER_CLASS, CONFUSION, CURVES, STATE, THREADS, JSON, HELP };

static const struct option options[] = {{"type", required_argument, NULL, TYPE},
                                        {"lvis", no_argument, NULL, LVIS},
                                        {"per-class", no_argument, NULL, PER_CLASS},
                                        {"confusion", required_argument, NULL, CONFUSION},
                                        {"curves", required_argument, NULL, CURVES},
                                        {"state", required_argument, NULL, STATE},
                                        {"threads", required_argument, NULL, THREADS},
                                        {"json", no_argument, NULL, JSON},
                                        {"help", no_argument, NULL, HELP},
                                        {NULL, 0, NULL, 0}};

typedef struct request {
  coco_type type;
  int has_type, lvis, per_class, json, help, merge;
  size_t threads;
  const char *confusion_path, *curves_path, *state_path;
  FILE *confusion, *curves, *state;
  char **paths;
  size_t path_count;
} request;

static int set_type(request *r, const char *text) {
  static const char *const names[] = {
      [COCO_BOXES] = "bbox", [COCO_MASKS] = "segm", [COCO_KEYPOINTS] = "keypoints"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (strcmp(text, names[i]) != 0) continue;
    r->type = (coco_type)i;
    r->has_type = 1;
    return 0;
  }
  return fail_usage("--type: '%s' is none of bbox, segm, keypoints", text);
}

static int set_path(const char *option, const char **path, const char *text) {
  if (*path != NULL) return fail_usage("--%s is given twice: %s and %s", option, *path, text);
  *path = text;
  return 0;
}

static int set_option(request *r, int option, const char *text) {
  switch (option) {
    case TYPE: return set_type(r, text);
    case LVIS: r->lvis = 1; return 0;
    case PER_CLASS: r->per_class = 1; return 0;
    case CONFUSION: return set_path("confusion", &r->confusion_path, text);
    case CURVES: return set_path("curves", &r->curves_path, text);
    case STATE: return set_path("state", &r->state_path, text);
    case THREADS: return count_read("threads", text, 1, MAX_THREADS, &r->threads);
    case JSON: r->json = 1; return 0;
    default: r->help = 1; return 0;
  }
}

static int check_request(const request *r) {
  if (r->merge && r->path_count == 0) return fail_usage("which states?");
  if (r->merge && (r->has_type || r->lvis || r->confusion_path != NULL))
    return fail_usage("--type, --lvis and --confusion are no options of merge");
  if (!r->merge && r->path_count < 2)
    return fail_usage("a ground truth and results are needed ('vloss coco --help')");
  if (r->lvis && r->type == COCO_KEYPOINTS) return fail_usage("LVIS has no keypoints");
  return 0;
}

static int read_request(int argc, char **argv, request *r) {
  *r = (request){.threads = 1};
  for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
    int status = c == '?' ? EXIT_USAGE : set_option(r, c, optarg);
    if (status || r->help) return status;
  }
  r->merge = optind < argc && strcmp(argv[optind], "merge") == 0;
  r->paths = argv + optind + r->merge;
  r->path_count = (size_t)(argc - optind - r->merge);
  return check_request(r);
}

static int open_output(const char *option, const char *path, FILE **file) {
  return path != NULL ? output_open(option, path, file) : 0;
}

static int open_outputs(request *r) {
  int status = open_output("confusion", r->confusion_path, &r->confusion);
  if (!status) status = open_output("curves", r->curves_path, &r->curves);
  return status ? status : open_output("state", r->state_path, &r->state);
}

static int write_confusion(const request *r, const int64_t *matrix, size_t classes) {
  npy_shape shape = {.axes = 2, .size = {classes + 1, classes + 1}};
  npy_write(r->confusion, NPY_I8, &shape, matrix);
  return output_close(r->confusion);
}

static int load(const request *r, coco_data *data) {
  int status = coco_load_truth(data);
  for (size_t i = 1; i < r->path_count && !status; i++) status = coco_load_results(data, i);
  return status ? status : coco_order_items(data, &data->results);
}

static int match(const request *r, const coco_data *data, coco_state *state) {
  size_t classes = data->category_count, cells;
  int64_t *matrix = NULL;
  int status = coco_state_open(state, data);
  if (!status && r->confusion != NULL) {
    int too_large = __builtin_mul_overflow(classes + 1, classes + 1, &cells);
    matrix = too_large ? NULL : calloc(cells, sizeof *matrix);
    if (matrix == NULL) return fail("out of memory for a matrix of %zu classes", classes);
  }
  if (!status) status = coco_match_all(state, data, r->threads, matrix);
  if (!status && matrix != NULL) status = write_confusion(r, matrix, classes);
  free(matrix);
  return status;
}

static int evaluate(const request *r, coco_state *state) {
  coco_data data = {
      .type = r->type, .lvis = r->lvis, .paths = (const char *const *)(void *)r->paths};
  int status = load(r, &data);
  if (!status) status = match(r, &data, state);
  if (!status && data.dropped > 0)
    fprintf(stderr, "vloss coco: %zu results are of classes that %s does not have\n", data.dropped,
            r->paths[0]);
  coco_data_free(&data);
  return status;
}

static int merge(const request *r, coco_state *state) {
  int status = coco_state_read(state, r->paths[0]);
  for (size_t i = 1; i < r->path_count && !status; i++) {
    coco_state other;
    status = coco_state_read(&other, r->paths[i]);
    if (!status) status = coco_state_merge(state, &other, r->paths[i]);
    coco_state_free(&other);
  }
  return status;
}

static int report(const request *r, coco_state *state) {
  coco_result result;
  size_t threads = r->threads;
  vloss_executor executor = threads_executor(&threads);
  if (threads > 1) state->options.executor = &executor;
  int status = coco_compute(state, r->per_class, r->curves, &result);
  state->options.executor = NULL;
  if (!status && r->curves != NULL) status = output_close(r->curves);
  if (!status && r->state != NULL) {
    coco_state_write(state, r->state);
    status = output_close(r->state);
  }
  if (!status) coco_print(state, &result, r->json);
  free(result.classes);
  return status;
}

int coco_main(int argc, char **argv) {
  request r;
  coco_state state = {.count = 0};
  int status = read_request(argc, argv, &r);
  if (status) return status;
  if (r.help) {
    fputs(help, stdout);
    return EXIT_SUCCESS;
  }
  status = open_outputs(&r);
  if (!status) status = r.merge ? merge(&r, &state) : evaluate(&r, &state);
  if (!status) status = report(&r, &state);
  coco_state_free(&state);
  return status;
}
