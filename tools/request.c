/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include <float.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "fail.h"
#include "npy.h"
#include "parameter.h"
#include "threads.h"

enum {
  REDUCTION = FILES,
  DIVISOR,
  SCALE,
  CLASSES_LAST,
  GROUP_AXES,
  ISA,
  THREADS,
  REPEAT,
  JSON,
  HELP,
  OPTIONS
};

/* An option, what it takes (NULL: nothing), and the losses that it serves: those of a family (-1:
 * none), and those that read one of some arrays; without either, all. */
static const struct {
  const char *name, *value, *help;
  int family;
  unsigned arrays;
} rows[OPTIONS] = {
    [INPUT] = {"input", "X.npy", "predictions: f4 or f8", -1, 0},
    [TARGET] = {"target", "T.npy", "targets in the input's dtype, or labels: integers or bool", -1,
                VLOSS_ARRAY_TARGET | VLOSS_ARRAY_LABELS},
    [VARIANCE] = {"variance", "V.npy", "variances in the input's dtype", -1, VLOSS_ARRAY_VARIANCE},
    [WEIGHT] = {"weight", "W.npy", "a weight per sample", -1, 0},
    [CLASS_WEIGHT] = {"class-weight", "C.npy", "a weight per class", -1, VLOSS_ARRAY_CLASS_WEIGHT},
    [POSITIVE_WEIGHT] = {"positive-weight", "C.npy", "a weight of positives: one, or per class", -1,
                         VLOSS_ARRAY_POSITIVE_WEIGHT},
    [GRAD_OUTPUT] = {"grad-output", "U.npy", "upstream gradient: one value, or per sample", -1, 0},
    [GRAD] = {"grad", "G.npy", "write the gradient, shaped as the input", -1, 0},
    [GRAD_VARIANCE] = {"grad-variance", "GV.npy", "write the gradient of the variances", -1,
                       VLOSS_ARRAY_VARIANCE},
    [LOSS] = {"loss", "L.npy", "write the loss: one value, or per sample", -1, 0},
    [REDUCTION] = {"reduction", "NAME", "mean (default), sum, none", -1, 0},
    [DIVISOR] = {"divisor", "NUMBER", "replaces the mean's denominator if > 0", -1, 0},
    [SCALE] = {"scale", "NUMBER", "multiplies loss and gradient, default 1", -1, 0},
    [CLASSES_LAST] = {"classes-last", NULL, "the class axis is the last, not the second",
                      VLOSS_ROWS, VLOSS_ARRAY_POSITIVE_WEIGHT},
    [GROUP_AXES] = {"group-axes", "COUNT", "the first axes, which count images, default 1",
                    VLOSS_OVERLAP, 0},
    [ISA] = {"isa", "NAME", "instruction set, of those of 'vloss info'", -1, 0},
    [THREADS] = {"threads", "COUNT", "threads that share the work, default 1", -1, 0},
    [REPEAT] = {"repeat", "COUNT", "run so often and show the fastest time, default 1", -1, 0},
    [JSON] = {"json", NULL, "one JSON object", -1, 0},
    [HELP] = {"help", NULL, "this text", -1, 0},
};

const char *const reduction_names[3] = {
    [VLOSS_MEAN] = "mean", [VLOSS_SUM] = "sum", [VLOSS_NONE] = "none"};

const char *file_option(int id) { return rows[id].name; }

static int serves(int id, const vloss_loss *loss) {
  if (loss == NULL) return 1;
  if (rows[id].family < 0 && rows[id].arrays == 0) return 1;
  return rows[id].family == (int)loss->family || rows[id].arrays & loss->arrays;
}

void print_eval_help(const vloss_loss *loss) {
  printf(
      "usage: vloss eval %s --input X.npy%s [options]\n\n"
      "Evaluates a loss on NumPy files and shows the result, what was counted and the speed.\n"
      "Where arrays are read, '-' is standard input.\n\n"
      "options:\n",
      loss != NULL ? loss->name : "LOSS", serves(TARGET, loss) ? " --target T.npy" : "");
  for (int id = 0; id < OPTIONS; id++) {
    if (!serves(id, loss)) continue;
    char option[64];
    const char *value = rows[id].value;
    snprintf(option, sizeof option, "%s%s%s", rows[id].name, value ? " " : "", value ? value : "");
    printf("  --%-20s %s", option, rows[id].help);
    if (loss == NULL && rows[id].family >= 0) {
      printf(" (%s)", family_name((vloss_family)rows[id].family));
    }
    putchar('\n');
  }
  size_t count;
  const vloss_loss *losses = vloss_losses(&count);
  printf("\nparameters of %s:\n", loss != NULL ? loss->name : "the losses");
  if (loss != NULL) {
    print_parameters(loss);
    return;
  }
  for (size_t i = 0; i < count; i++) {
    printf("%s\n", losses[i].name);
    print_parameters(&losses[i]);
  }
}

static int set_count(int id, const char *text, size_t low, size_t high, size_t *count) {
  return count_read(rows[id].name, text, low, high, count);
}

static int set_number(int id, const char *text, double low, double *number) {
  const vloss_parameter range = {.name = rows[id].name, .low = low, .high = DBL_MAX};
  return number_read(&range, text, number);
}

static int set_reduction(const char *text, vloss_reduction *reduction) {
  for (int i = 0; i < 3; i++) {
    if (strcmp(text, reduction_names[i]) == 0) {
      *reduction = (vloss_reduction)i;
      return 0;
    }
  }
  return fail_usage("--reduction: '%s' is none of mean, sum, none", text);
}

static int set_option(request *r, int id, const char *text) {
  if (id < FILES && r->paths[id] != NULL)
    return fail_usage("--%s is given twice: %s and %s", rows[id].name, r->paths[id], text);
  if (id < FILES) r->paths[id] = text;
  switch (id) {
    case REDUCTION: return set_reduction(text, &r->reduction);
    case DIVISOR: return set_number(id, text, 0, &r->divisor);
    case SCALE: return set_number(id, text, -DBL_MAX, &r->scale);
    case CLASSES_LAST: r->classes_last = 1; break;
    case GROUP_AXES: return set_count(id, text, 0, SIZE_MAX, &r->group_axes);
    case ISA: r->isa = text; break;
    case THREADS: return set_count(id, text, 1, MAX_THREADS, &r->threads);
    case REPEAT: return set_count(id, text, 1, SIZE_MAX, &r->repeat);
    case JSON: r->json = 1; break;
    case HELP: r->help = 1; break;
    default: break;
  }
  return 0;
}

/* The options of this loss, by their index in `rows`, and then its parameters. */
enum { FIRST = 256, PARAMETER = FIRST + OPTIONS, LONG_OPTIONS = OPTIONS + CALL_MAX_PARAMETERS + 1 };

static void list_options(const vloss_loss *loss, struct option *options,
                         char names[CALL_MAX_PARAMETERS][PARAMETER_TEXT]) {
  for (int id = 0; id < OPTIONS; id++) {
    if (!serves(id, loss)) continue;
    int takes = rows[id].value != NULL ? required_argument : no_argument;
    *options++ = (struct option){rows[id].name, takes, NULL, FIRST + id};
  }
  for (size_t i = 0; i < loss->parameter_count; i++) {
    const char *name = parameter_option(&loss->parameters[i], names[i]);
    int takes = parameter_is_flag(&loss->parameters[i]) ? optional_argument : required_argument;
    *options++ = (struct option){name, takes, NULL, PARAMETER + (int)i};
  }
  *options = (struct option){NULL, 0, NULL, 0};
}

/* What follows a flag is meant as its value, but would be an argument of its own. */
static int fail_flag(const char *flag, int is_parameter, const char *next) {
  return fail_usage("--%s is a flag and takes no value%s, but '%s' follows", flag,
                    is_parameter ? " without an equals sign" : "", next);
}

static int read_options(int argc, char **argv, request *r) {
  struct option options[LONG_OPTIONS];
  char names[CALL_MAX_PARAMETERS][PARAMETER_TEXT];
  list_options(r->call.loss, options, names);
  for (int c, at; (c = getopt_long(argc, argv, "h", options, &at)) != -1;) {
    int status = 0;
    if (c == 'h') {
      r->help = 1;
    } else if (c >= PARAMETER) {
      status = parameter_read(&r->call, (size_t)(c - PARAMETER), optarg);
    } else if (c >= FIRST) {
      status = set_option(r, c - FIRST, optarg);
    } else {
      status = EXIT_USAGE; /* getopt_long has said why */
    }
    if (status || r->help) return status;
    if (optarg == NULL && optind < argc && argv[optind][0] != '-')
      return fail_flag(options[at].name, c >= PARAMETER, argv[optind]);
  }
  if (optind < argc) return fail_usage("unexpected argument '%s'", argv[optind]);
  return 0;
}

static int check_standard_input(const request *r) {
  const char *reader = NULL;
  for (int id = 0; id < ARRAYS; id++) {
    if (r->paths[id] == NULL || !npy_is_standard_input(r->paths[id])) continue;
    if (reader != NULL)
      return fail_usage("--%s and --%s both read standard input", reader, rows[id].name);
    reader = rows[id].name;
  }
  return 0;
}

int read_request(int argc, char **argv, request *r) {
  *r = (request){.scale = 1, .group_axes = 1, .threads = 1, .repeat = 1};
  if (argc < 2) return fail_usage("which loss? ('vloss list' shows them)");
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
    r->help = 1;
    return 0;
  }
  if (argv[1][0] == '-') return fail_usage("the loss comes before the options");
  const vloss_loss *loss = vloss_find_loss(argv[1]);
  if (loss == NULL) return fail_usage("no loss '%s' ('vloss list' shows them)", argv[1]);
  r->call = call_init(loss, F32);
  argv[1] = argv[0]; /* getopt_long skips it and begins its messages with it */
  int status = read_options(argc - 1, argv + 1, r);
  if (status || r->help) return status;
  for (int id = INPUT; id <= VARIANCE; id++) {
    if (serves(id, loss) && r->paths[id] == NULL)
      return fail_usage("--%s is required", rows[id].name);
  }
  return check_standard_input(r);
}
