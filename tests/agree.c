/* SPDX-License-Identifier: Apache-2.0 */
#include "agree.h"

#include <stdio.h>
#include <string.h>

#include "cpu.h"
#include "dispatch.h"
#include "testing.h"

enum { CAPACITY = 18 << 20 };
enum {
  INPUT,
  TARGET,
  LABELS,
  WEIGHT,
  CLASS_WEIGHT,
  GRAD_OUTPUT,
  LOSS_OUT,
  GRAD,
  VARIANCE,
  GRAD_VARIANCE,
  ARRAYS
};
static guard guards[ARRAYS];

static struct {
  const problem *problem;
  const char *isa;
  repetition how;
} running;

static const char *describe(void) {
  static const char *const places[] = {"start", "odd", "end"};
  static const char *const wants[] = {"both", "loss only", "gradient only", "in place"};
  static const char *const reductions[] = {"mean", "sum", "none"};
  static char text[CASE_NAME + 256];
  char name[CASE_NAME];
  const problem *p = running.problem;
  if (p == NULL) return "no call";
  snprintf(text, sizeof text, "%s, %zu x %zu x %zu, %s%s%s%s, %s, %s, %s%s",
           case_name(&p->call, name, sizeof name), p->call.shape[0], p->call.shape[1],
           p->call.shape[2], reductions[p->options.reduction], p->weight ? ", weight" : "",
           p->class_weight ? ", class weight" : "", p->grad_output ? ", upstream" : "", running.isa,
           places[running.how.place], wants[running.how.want],
           running.how.executor ? ", executor" : "");
  return text;
}

/* Asked once: under a hypervisor every CPUID is a trap. */
static unsigned cpu(void) {
  static unsigned features, asked;
  if (!asked) features = vloss_cpu_features();
  asked = 1;
  return features;
}

int agree_start(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAYS; i++) guards[i] = guard_new(CAPACITY);
  for (size_t i = 0; i < vloss_isas_count; i++)
    if ((cpu() & vloss_isas[i].features) == vloss_isas[i].features)
      printf("row %zu: %s\n", i, vloss_isas[i].name);
    else
      printf("row %zu: %s, not usable here\n", i, vloss_isas[i].name);
  return 0;
}

int agree_stop(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAYS; i++) guard_free(&guards[i]);
  vloss_isa_force(NULL);
  return 0;
}

static const isa *usable_row(size_t number) {
  for (size_t i = 0; i < vloss_isas_count; i++) {
    unsigned needs = vloss_isas[i].features;
    if ((cpu() & needs) == needs && number-- == 0) return &vloss_isas[i];
  }
  return NULL;
}

size_t agree_isas(void) {
  size_t count = 0;
  while (usable_row(count) != NULL) count++;
  return count;
}

int agree_is_scalar(size_t number) { return strcmp(usable_row(number)->name, "scalar") == 0; }

void agree_reference(problem *p) {
  const isa *scalar = vloss_isa_choose(cpu(), "scalar");
  running.problem = p;
  running.isa = scalar->name;
  running.how = (repetition){PLACE_START, WANT_BOTH, NULL};
  guard_announce(describe);
  vloss_isa_force(scalar);
  vloss_status status = call_run(&p->call);
  if (status != VLOSS_OK) fail_msg("%s: %s", describe(), vloss_status_string(status));
}

static void *place_copy(int array, placement place, const void *from, size_t count,
                        size_t element) {
  if (from == NULL) return NULL;
  void *to = guard_place(&guards[array], place, count * element, element);
  memcpy(to, from, count * element);
  return to;
}

static void check_array(const problem *p, const char *name, const void *expected, const void *got,
                        size_t count) {
  size_t where;
  dtype type = p->call.dtype;
  size_t bytes = count * dtype_size(type);
  if (memcmp(expected, got, bytes) == 0) return;
  if (!data_same(type, expected, got, count, &where))
    fail_msg("%s: %s[%zu] is %a, not %a (VLOSS_TEST_SEED=%llu)", describe(), name, where,
             data_get(type, got, where), data_get(type, expected, where),
             (unsigned long long)data_seed());
}

static int same_number(double a, double b) {
  return memcmp(&a, &b, sizeof a) == 0 || (a != a && b != b);
}

static void check_report(const vloss_report *expected, const vloss_report *got, int has_loss) {
  double sum = has_loss ? expected->sum : 0;
  if (!same_number(got->sum, sum)) fail_msg("%s: report.sum %a, not %a", describe(), got->sum, sum);
  if (!same_number(got->weight, expected->weight) || got->counted != expected->counted ||
      got->ignored != expected->ignored || got->degenerate != expected->degenerate)
    fail_msg("%s: report %a %zu %zu %zu, not %a %zu %zu %zu", describe(), got->weight, got->counted,
             got->ignored, got->degenerate, expected->weight, expected->counted, expected->ignored,
             expected->degenerate);
}

/* An output between guards and paint. */
static void *place_output(int array, placement place, size_t count, size_t element) {
  void *to = guard_place(&guards[array], place, count * element, element);
  guard_paint(&guards[array], to, count * element);
  return to;
}

void agree_repeat(problem *p, size_t number, repetition how) {
  const isa *row = usable_row(number);
  size_t size = dtype_size(p->call.dtype), label = data_label_size(p->call.labels.type);
  size_t upstreams = p->options.reduction == VLOSS_NONE ? p->samples : 1;
  int has_loss = how.want != WANT_GRAD, has_grad = how.want != WANT_LOSS;
  call c = p->call;
  vloss_options options = p->options;
  vloss_report report = VLOSS_REPORT_INIT;
  running.problem = p;
  running.isa = row == usable_row(agree_isas() - 1) ? "scalar without fma" : row->name;
  running.how = how;
  c.input = place_copy(INPUT, how.place, p->input, p->elements, size);
  c.target = place_copy(TARGET, how.place, p->target, p->elements, size);
  c.variance = place_copy(VARIANCE, how.place, p->variance, p->elements, size);
  c.labels.data = place_copy(LABELS, how.place, p->labels, p->samples, label);
  c.class_weight = place_copy(CLASS_WEIGHT, how.place, p->class_weight, p->call.shape[1], size);
  options.weight = place_copy(WEIGHT, how.place, p->weight, p->samples, size);
  options.grad_output = place_copy(GRAD_OUTPUT, how.place, p->grad_output, upstreams, size);
  options.executor = how.executor;
  options.report = &report;
  c.options = &options;
  c.loss_out = has_loss ? place_output(LOSS_OUT, how.place, p->loss_count, size) : NULL;
  c.grad = has_grad ? place_output(GRAD, how.place, p->elements, size) : NULL;
  c.grad_variance = has_grad && p->variance != NULL
                        ? place_output(GRAD_VARIANCE, how.place, p->elements, size)
                        : NULL;
  if (how.want == WANT_IN_PLACE) {
    c.grad = guard_place(&guards[INPUT], how.place, p->elements * size, size);
    if (p->variance != NULL)
      c.grad_variance = guard_place(&guards[VARIANCE], how.place, p->elements * size, size);
  }
  vloss_isa_force(row);
  vloss_status status = call_run(&c);
  if (status != VLOSS_OK) fail_msg("%s: %s", describe(), vloss_status_string(status));
  if (has_loss) check_array(p, "loss", p->loss, c.loss_out, p->loss_count);
  if (has_grad) check_array(p, "gradient", p->grad, c.grad, p->elements);
  if (c.grad_variance != NULL)
    check_array(p, "gradient of the variance", p->grad_variance, c.grad_variance, p->elements);
  if ((has_loss && !guard_intact(&guards[LOSS_OUT], c.loss_out, p->loss_count * size)) ||
      (how.want == WANT_BOTH && !guard_intact(&guards[GRAD], c.grad, p->elements * size)) ||
      (how.want == WANT_BOTH && c.grad_variance != NULL &&
       !guard_intact(&guards[GRAD_VARIANCE], c.grad_variance, p->elements * size)))
    fail_msg("%s: wrote beside an output", describe());
  if (how.want != WANT_IN_PLACE && memcmp(c.input, p->input, p->elements * size) != 0)
    fail_msg("%s: wrote to the input", describe());
  check_report(&p->report, &report, has_loss);
}

void agree_all(problem *p, size_t thin) {
  enum { ALL = PLACEMENTS * WANTS };
  static size_t turn;
  agree_reference(p);
  turn++;
  size_t vectors = 0; /* tables that share the repetitions */
  for (size_t i = 0; i < agree_isas(); i++) vectors += !agree_is_scalar(i);
  for (size_t i = 0; i < agree_isas(); i++) {
    size_t step = agree_is_scalar(i) ? 4 * thin : vectors * thin;
    if (step > ALL) step = ALL;
    /* turn / ALL, so that no period of the caller's shapes picks the same ones again and again */
    for (size_t k = (turn + turn / ALL + i) % step; k < ALL; k += step)
      agree_repeat(p, i, (repetition){(placement)(k % PLACEMENTS), (want)(k / PLACEMENTS), NULL});
  }
}

void agree_case(rng *r, const call *c, const size_t shape[3], data_kind kind,
                vloss_reduction reduction, size_t thin) {
  /* half of the cases take the loops for plain input, which know neither weight nor upstream */
  unsigned extras = rng_below(r, 2) ? 0 : (unsigned)rng_below(r, EXTRA_ALL + 1);
  problem *p = problem_new(r, c, shape, kind, reduction, extras);
  agree_all(p, thin);
  problem_free(p);
}

void agree_for_each(void (*f)(rng *r, const vloss_loss *loss, dtype type)) {
  size_t count;
  const vloss_loss *losses = chosen_losses(&count);
  for (size_t i = 0; i < count; i++)
    for (int type = 0; type < DTYPE_COUNT; type++) {
      rng r = rng_init(data_seed(), i * DTYPE_COUNT + (size_t)type);
      f(&r, &losses[i], (dtype)type);
    }
}
