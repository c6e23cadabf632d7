/* SPDX-License-Identifier: Apache-2.0 */
/* Sweeps over shapes, f32, loss + gradient, one thread: does an odd one pay? Lines of
 * sweep,loss,n,classes,inner,items,ns on stdout, ns per item. Arguments: rounds, names of sweeps.
 * All cases take turns, round after round, and each keeps its least time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "data.h"

enum { RUNS = 5, MOST_CASES = 1 << 15 };

static const size_t in_cache = (size_t)1 << 14, beyond = (size_t)1 << 22;

typedef struct sweep_case {
  const char *sweep;
  call call;
  double items, least; /* ns per run */
} sweep_case;

static sweep_case cases[MOST_CASES];
static size_t case_count;
static int in_need; /* of a larger array */

static void add(const char *sweep, const char *loss_name, const size_t shape[3]) {
  size_t count;
  const vloss_loss *loss = vloss_losses(&count);
  for (size_t i = 0; i < count; i++, loss++)
    if (strcmp(loss->name, loss_name) == 0) break;
  in_need |= case_count == MOST_CASES;
  if (in_need) return;
  sweep_case *s = &cases[case_count++];
  *s = (sweep_case){sweep, call_init(loss, F32), 0, 1e300};
  memcpy(s->call.shape, shape, sizeof s->call.shape);
  s->items = (double)(loss->family == VLOSS_BOXES ? shape[0] : call_elements(&s->call));
}

static const char *const row_losses[] = {"cross_entropy", "focal_softmax", "cross_entropy_soft",
                                         "kl_div_with_logits"};
enum { ROW_LOSSES = sizeof row_losses / sizeof *row_losses };

static void add_rows(const char *sweep, size_t classes, size_t inner) {
  for (int far = 0; far < 2; far++)
    for (int i = 0; i < ROW_LOSSES; i++) {
      size_t image = classes * inner, n = ((far ? beyond : in_cache) + image - 1) / image;
      add(sweep, row_losses[i], (size_t[3]){n, classes, inner});
    }
}

/* Every class count, and those around powers of two. */
static void add_classes(void) {
  for (size_t classes = 2; classes <= 300; classes++) add_rows("classes", classes, 1);
  add_rows("classes", 1000, 1);
  for (size_t power = 512; power <= 4096; power *= 2)
    for (size_t classes = power - 1; classes <= power + 1; classes++)
      add_rows("classes", classes, 1);
}

/* Classes second: of a segmentation, and more than registers of rows take. */
static void add_inner(void) {
  for (size_t inner = 1; inner <= 130; inner++) add_rows("inner", 21, inner);
  for (size_t inner = 1; inner <= 130; inner++) add_rows("inner", 200, inner);
}

/* All losses of a family, sizes around powers of two. */
static void add_family(const char *sweep, vloss_family family, size_t least, size_t most) {
  size_t count;
  const vloss_loss *losses = vloss_losses(&count);
  for (size_t i = 0; i < count; i++)
    for (size_t power = least; losses[i].family == family && power <= most; power *= 2)
      for (size_t n = power - 1; n <= power + 1; n++)
        add(sweep, losses[i].name, (size_t[3]){n, 1, 1});
}

/* Groups of every size, and around powers of two. */
static void add_overlap(const char *loss) {
  for (int far = 0; far < 2; far++) {
    size_t total = far ? beyond : in_cache;
    for (size_t size = 1; size <= 300; size++)
      add("overlap", loss, (size_t[3]){(total + size - 1) / size, size, 1});
    for (size_t power = 512; power <= 8192; power *= 2)
      for (size_t size = power - 1; size <= power + 1; size++)
        add("overlap", loss, (size_t[3]){(total + size - 1) / size, size, 1});
  }
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

/* Runs of one measurement fill 20 us; there are RUNS, and more until 1 ms is over. */
static int measure(sweep_case *s) {
  static const double one = 2e4, all = 1e6;
  static double loss;
  data_fill(&s->call);
  s->call.loss_out = &loss;
  if (call_run(&s->call) != VLOSS_OK) return 0;
  double began = now(), took;
  (void)call_run(&s->call);
  took = now() - began;
  size_t times = took < one ? (size_t)(one / took) + 1 : 1;
  for (int run = 0; run < RUNS || now() - began < all; run++) {
    double start = now();
    for (size_t i = 0; i < times; i++) (void)call_run(&s->call);
    double each = (now() - start) / (double)times;
    if (each < s->least) s->least = each;
  }
  return 1;
}

static int wanted(int argc, char **argv, const char *sweep) {
  int named = 0;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], sweep) == 0) return 1;
    named |= atoi(argv[i]) == 0;
  }
  return !named;
}

int main(int argc, char **argv) {
  int rounds = 1;
  size_t arena = 0;
  for (int i = 1; i < argc; i++) rounds = atoi(argv[i]) > 0 ? atoi(argv[i]) : rounds;
  if (wanted(argc, argv, "classes")) add_classes();
  if (wanted(argc, argv, "inner")) add_inner();
  if (wanted(argc, argv, "elements")) add_family("elements", VLOSS_ELEMENTS, 16, (size_t)1 << 24);
  if (wanted(argc, argv, "boxes")) add_family("boxes", VLOSS_BOXES, 16, (size_t)1 << 22);
  if (wanted(argc, argv, "overlap")) add_overlap("dice"), add_overlap("tversky");
  for (size_t i = 0; i < case_count; i++)
    if (data_size(&cases[i].call) > arena) arena = data_size(&cases[i].call);
  if (in_need || case_count == 0 || !data_reserve(arena)) return EXIT_FAILURE;
  for (int round = 0; round < rounds; round++)
    for (size_t i = 0; i < case_count; i++) {
      if (i % 100 == 0)
        fprintf(stderr, "round %d of %d, case %zu of %zu\n", round + 1, rounds, i, case_count);
      if (!measure(&cases[i])) return EXIT_FAILURE;
    }
  printf("sweep,loss,n,classes,inner,items,ns\n");
  for (const sweep_case *s = cases; s < cases + case_count; s++)
    printf("%s,%s,%zu,%zu,%zu,%.0f,%.4f\n", s->sweep, s->call.loss->name, s->call.shape[0],
           s->call.shape[1], s->call.shape[2], s->items, s->least / s->items);
  return EXIT_SUCCESS;
}
