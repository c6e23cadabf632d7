/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "fail.h"
#include "output.h"
#include "parameter.h"
#include "print.h"
#include "simulation.h"
#include "threads.h"

static const char help[] =
    "usage: vloss simulate boxes [options]\n\n"
    "Lets boxes descend along each box loss towards their targets, 1,715,000 cases of 200 steps:\n"
    "the experiment of the Distance-IoU paper, with exact gradients.\n\n"
    "options:\n"
    "  --loss LOSS[:parameter=value]...  only this one, may be repeated; default: every box loss, "
    "in\n"
    "                                    each of its forms\n"
    "  --cases COUNT   rounded up to a multiple of 343, default 1715000\n"
    "  --seed NUMBER   of the places of the boxes, default 1\n"
    "  --threads COUNT default: one for each CPU\n"
    "  --isa NAME      instruction set, of those of 'vloss info'\n"
    "  --csv FILE      write the mean error after each step: scripts/plot-simulation draws it\n"
    "  --json          one JSON object\n"
    "  --help          this text\n";

enum { MAX_RUNS = 64, NAME = 64 };

/* A loss with its parameters, as it is called in the table. */
typedef struct candidate {
  char name[NAME];
  call call;
  simulation_result result;
} candidate;

typedef struct session {
  candidate *runs;
  size_t count;
  simulation simulation;
  size_t threads;
  const char *csv_path;
  FILE *csv; /* NULL: not asked for */
  int json, help;
  double begin; /* of the current run */
  size_t current;
} session;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Adds a run; NULL after an error. */
static candidate *add_run(session *s, const vloss_loss *loss) {
  if (s->count == MAX_RUNS) {
    fail_usage("--loss: more than %d", MAX_RUNS);
    return NULL;
  }
  candidate *run = &s->runs[s->count++];
  run->call = call_init(loss, F32);
  snprintf(run->name, NAME, "%s", loss->name);
  return run;
}

/* The parameter that makes a family of losses of one: the first choice that is no flag and says
 * nothing about the input. */
static const vloss_parameter *form_of(const vloss_loss *loss) {
  for (size_t k = 0; k < loss->parameter_count; k++) {
    const vloss_parameter *p = &loss->parameters[k];
    if (p->choices != NULL && !parameter_is_flag(p) && strcmp(p->name, "format") != 0) return p;
  }
  return NULL;
}

static int add_forms(session *s, const vloss_loss *loss) {
  const vloss_parameter *form = form_of(loss);
  for (double value = 0; value <= (form != NULL ? form->high : 0); value++) {
    char text[PARAMETER_TEXT];
    candidate *run = add_run(s, loss);
    if (run == NULL) return EXIT_USAGE;
    if (form == NULL) continue;
    (void)call_set(&run->call, form->name, value);
    snprintf(run->name, NAME, "%s %s", loss->name, parameter_text(form, value, text));
  }
  return 0;
}

/* "alpha_iou:base=diou,alpha=2" */
static int add_named(session *s, char *text) {
  char *parameters = strchr(text, ':');
  char name[NAME];
  snprintf(name, NAME, "%s", text);
  if (parameters != NULL) *parameters++ = '\0';
  const vloss_loss *loss = vloss_find_loss(text);
  if (loss == NULL || loss->family != VLOSS_BOXES)
    return fail_usage("--loss: no box loss '%s' ('vloss list' shows them)", text);
  candidate *run = add_run(s, loss);
  if (run == NULL) return EXIT_USAGE;
  memcpy(run->name, name, NAME);
  for (char *next; parameters != NULL; parameters = next) {
    next = strchr(parameters, ',');
    if (next != NULL) *next++ = '\0';
    char *value = strchr(parameters, '=');
    if (value != NULL) *value++ = '\0';
    size_t k = 0;
    while (k < loss->parameter_count && strcmp(loss->parameters[k].name, parameters) != 0) k++;
    if (k == loss->parameter_count || strcmp(parameters, "format") == 0)
      return fail_usage("--loss: %s has no parameter '%s' to choose", loss->name, parameters);
    if (value == NULL && !parameter_is_flag(&loss->parameters[k]))
      return fail_usage("--loss: %s needs a value: %s=...", parameters, parameters);
    int status = parameter_read(&run->call, k, value);
    if (status) return status;
  }
  return 0;
}

static int read_option(session *s, int option, char *text) {
  size_t count = 0;
  int status = 0;
  switch (option) {
    case 'l': return add_named(s, text);
    case 'n':
      status = count_read("cases", text, 1, (size_t)1 << 40, &count);
      s->simulation.points = (count + SIMULATION_CASES - 1) / SIMULATION_CASES;
      return status;
    case 's':
      status = count_read("seed", text, 0, SIZE_MAX, &count);
      s->simulation.seed = count;
      return status;
    case 't': return count_read("threads", text, 1, MAX_THREADS, &s->threads);
    case 'i':
      if (vloss_set_isa(text) == VLOSS_OK) return 0;
      return fail_usage("--isa: '%s' is not usable here ('vloss info' shows what is)", text);
    case 'c': s->csv_path = text; return 0;
    case 'j': s->json = 1; return 0;
    case 'h': s->help = 1; return 0;
    default: return EXIT_USAGE; /* getopt_long has said why */
  }
}

static int read_options(session *s, int argc, char **argv) {
  static const struct option options[] = {{"loss", required_argument, NULL, 'l'},
                                          {"cases", required_argument, NULL, 'n'},
                                          {"seed", required_argument, NULL, 's'},
                                          {"threads", required_argument, NULL, 't'},
                                          {"isa", required_argument, NULL, 'i'},
                                          {"csv", required_argument, NULL, 'c'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
  for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
    int status = read_option(s, c, optarg);
    if (status || s->help) return status;
  }
  if (optind == argc) return fail_usage("simulate what? ('boxes')");
  if (strcmp(argv[optind], "boxes") != 0)
    return fail_usage("no simulation '%s', only 'boxes'", argv[optind]);
  if (optind + 1 < argc) return fail_usage("unexpected argument '%s'", argv[optind + 1]);
  return 0;
}

static void show_progress(void *context, double share) {
  static const char bar[] = "##############################";
  const session *s = context;
  double seconds = now() - s->begin;
  double total = ((double)s->current + share) / (double)s->count;
  double spent = seconds / share, left = spent * ((double)s->count - (double)s->current - share);
  int full = (int)(total * (double)(sizeof bar - 1));
  fprintf(stderr, "\r[%-*.*s] %3.0f %%  %-16s %4.0f s left ", (int)sizeof bar - 1, full, bar,
          100 * total, s->runs[s->current].name, left);
}

static int run_all(session *s) {
  int terminal = isatty(STDERR_FILENO);
  if (terminal) s->simulation.progress = show_progress;
  s->simulation.context = s;
  for (s->current = 0; s->current < s->count; s->current++) {
    candidate *run = &s->runs[s->current];
    s->begin = now();
    if (simulate(&s->simulation, &run->call, &run->result))
      return fail("out of memory for %zu points", s->simulation.points);
  }
  if (terminal) fprintf(stderr, "\r%79s\r", "");
  return 0;
}

static int write_csv(const session *s) {
  FILE *file = s->csv;
  fputs("step", file); /* names may hold commas */
  for (size_t i = 0; i < s->count; i++) fprintf(file, ",\"%s\"", s->runs[i].name);
  fputc('\n', file);
  for (int step = 0; step <= SIMULATION_STEPS; step++) {
    fprintf(file, "%d", step);
    for (size_t i = 0; i < s->count; i++) fprintf(file, ",%.17g", s->runs[i].result.mean[step]);
    fputc('\n', file);
  }
  return output_close(file);
}

static const int shown_steps[] = {0, 50, 100, 160, 200};
enum { SHOWN = sizeof shown_steps / sizeof *shown_steps };

static void print_json(const session *s) {
  printf("{\"cases\":%zu,\"seed\":%llu,\"threads\":%zu,\"isa\":",
         s->simulation.points * SIMULATION_CASES, (unsigned long long)s->simulation.seed,
         s->threads);
  json_text(vloss_isa());
  fputs(",\"runs\":[", stdout);
  for (size_t i = 0; i < s->count; i++) {
    const simulation_result *r = &s->runs[i].result;
    fputs(i > 0 ? ",{\"name\":" : "{\"name\":", stdout);
    json_text(s->runs[i].name);
    fputs(",\"mean_error\":{", stdout);
    for (int k = 0; k < SHOWN; k++) {
      printf("%s\"%d\":", k > 0 ? "," : "", shown_steps[k]);
      json_number(r->mean[shown_steps[k]]);
    }
    fputs("},\"worst_error\":", stdout);
    json_number(r->worst);
    fputs(",\"nanoseconds\":", stdout);
    json_number(r->nanoseconds);
    putchar('}');
  }
  puts("]}");
}

static void print_table(const session *s) {
  printf("%zu cases, mean error |dx| + |dy| + |dw| + |dh| after a step, on %s with %zu threads\n\n",
         s->simulation.points * SIMULATION_CASES, vloss_isa(), s->threads);
  printf("%-20s", "loss");
  for (int k = 0; k < SHOWN; k++) printf(" %9s%d", k == 0 ? "step " : "", shown_steps[k]);
  printf(" %12s %8s\n", "worst case", "ns/box");
  size_t best = 0, worst = 0;
  for (size_t i = 0; i < s->count; i++) {
    const simulation_result *r = &s->runs[i].result;
    printf("%-20s", s->runs[i].name);
    for (int k = 0; k < SHOWN; k++) printf(" %10.5f", r->mean[shown_steps[k]]);
    printf(" %12.4f %8.2f\n", r->worst, r->nanoseconds);
    if (r->mean[SIMULATION_STEPS] < s->runs[best].result.mean[SIMULATION_STEPS]) best = i;
    if (r->mean[SIMULATION_STEPS] > s->runs[worst].result.mean[SIMULATION_STEPS]) worst = i;
  }
  printf("\n%s comes closest, to %.5f on average; %s ends at %.5f.\n", s->runs[best].name,
         s->runs[best].result.mean[SIMULATION_STEPS], s->runs[worst].name,
         s->runs[worst].result.mean[SIMULATION_STEPS]);
}

static int run_session(session *s, int argc, char **argv) {
  int status = read_options(s, argc, argv);
  if (status) return status;
  if (s->help) {
    fputs(help, stdout);
    return EXIT_SUCCESS;
  }
  size_t count;
  const vloss_loss *losses = vloss_losses(&count);
  int all = s->count == 0;
  for (size_t i = 0; i < count && all && !status; i++)
    if (losses[i].family == VLOSS_BOXES) status = add_forms(s, &losses[i]);
  vloss_executor executor = threads_executor(&s->threads);
  s->simulation.executor = &executor;
  if (!status && s->csv_path != NULL) status = output_open("csv", s->csv_path, &s->csv);
  if (!status) status = run_all(s);
  if (!status && s->csv != NULL) status = write_csv(s);
  if (status) return status;
  if (s->json)
    print_json(s);
  else
    print_table(s);
  return EXIT_SUCCESS;
}

int simulate_main(int argc, char **argv) {
  long cpus = sysconf(_SC_NPROCESSORS_ONLN);
  session s = {.simulation = {.points = SIMULATION_POINTS, .seed = 1},
               .threads = cpus < 1             ? 1
                          : cpus > MAX_THREADS ? MAX_THREADS
                                               : (size_t)cpus};
  s.runs = calloc(MAX_RUNS, sizeof *s.runs);
  if (s.runs == NULL) return fail("out of memory");
  int status = run_session(&s, argc, argv);
  free(s.runs);
  return status;
}
