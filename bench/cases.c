/* SPDX-License-Identifier: Apache-2.0 */
#include "cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data.h"
#include "gbench_shim.h"
#include "implementation.h"

/* From 16 elements to beyond the last cache: 2^26 floats, and half as many doubles. */
static const size_t largest_array = (size_t)1 << 28;

static const shape element_shapes[] = {
    {16},      {64},      {256},     {1024},    {4096},    {1 << 14},
    {1 << 16}, {1 << 18}, {1 << 20}, {1 << 22}, {1 << 24}, {1 << 26},
};

static const shape boxes_shapes[] = {
    {16},      {64},      {256},     {1024},    {4096},    {1 << 14},
    {1 << 16}, {1 << 18}, {1 << 20}, {1 << 22}, {1 << 24},
};

/* Detection heads, ImageNet, a vocabulary, and segmentation; few classes in about as many logits as
 * 4 x 1000 and 2048 x 1000 have, to be compared with them. */
static const shape rows_shapes[] = {
    {2, 10, 1},       {400, 10, 1},   {204800, 10, 1}, {2, 32, 1},    {128, 32, 1},
    {64000, 32, 1},   {1, 1000, 1},   {4, 1000, 1},    {64, 1000, 1}, {2048, 1000, 1},
    {65536, 1000, 1}, {1, 128256, 1}, {64, 128256, 1}, {2, 21, 64},   {8, 21, 16384},
};

static const shape overlap_shapes[] = {
    {1, 16},       {1, 256},      {1, 4096},    {256, 256},   {1, 1 << 16},
    {16, 1 << 16}, {64, 1 << 18}, {1, 1 << 24}, {1, 1 << 26},
};

#define FAMILY(unit, family) \
  { unit, family##_shapes, sizeof family##_shapes / sizeof *family##_shapes }

static const struct {
  const char *unit;
  const shape *shapes;
  size_t count;
} families[] = {
    [VLOSS_ELEMENTS] = FAMILY("element", element),
    [VLOSS_BOXES] = FAMILY("box", boxes),
    [VLOSS_ROWS] = FAMILY("logit", rows),
    [VLOSS_OVERLAP] = FAMILY("element", overlap),
};

const shape *cases_shapes(vloss_family family, size_t *count) {
  int known = (size_t)family < sizeof families / sizeof *families;
  *count = known ? families[family].count : 0;
  return known ? families[family].shapes : NULL;
}

typedef struct bench_case {
  char name[96];
  implementation how;
  call call;
  int gradient;
  double loss;
  void *to, *from;
  size_t copied;
  shim_case shim;
} bench_case;

static int prepare_loss(void *context) {
  bench_case *b = context;
  implementation_select(&b->how);
  data_fill(&b->call);
  if (!b->gradient) b->call.grad = b->call.grad_variance = NULL;
  b->call.loss_out = &b->loss;
  return 0;
}

static int run_loss(void *context) {
  const bench_case *b = context;
  return implementation_run(&b->how, &b->call);
}

static int prepare_copy(void *context) {
  bench_case *b = context;
  b->copied = (size_t)b->shim.bytes / 2;
  data_fill_copy(b->copied, &b->to, &b->from);
  return 0;
}

static int run_copy(void *context) {
  const bench_case *b = context;
  memcpy(b->to, b->from, b->copied);
  return 0;
}

static void name_case(bench_case *b) {
  const call *c = &b->call;
  char size[64];
  int used = snprintf(size, sizeof size, "%zu", c->shape[0]);
  for (int i = 1; i < 3 && c->shape[i] != 0; i++) {
    if (i == 2 && c->shape[i] == 1) break;
    used += snprintf(size + used, sizeof size - (size_t)used, "x%zu", c->shape[i]);
  }
  snprintf(b->name, sizeof b->name, "%s/%s/%s/%s/%s", c->loss->name, dtype_name(c->dtype),
           b->how.name, b->gradient ? "both" : "loss", size);
}

static int register_case(const call *c, const implementation *how, int gradient) {
  bench_case *b = calloc(1, sizeof *b); /* for the whole run */
  if (b == NULL) return 0;
  b->how = *how;
  b->call = *c;
  b->gradient = gradient;
  name_case(b);
  int copies = how->row == NULL && how->run == NULL;
  b->shim = (shim_case){
      .name = b->name,
      .context = b,
      .prepare = copies ? prepare_copy : prepare_loss,
      .run = copies ? run_copy : run_loss,
      .items = (double)(c->loss->family == VLOSS_BOXES ? call_samples(c) : call_elements(c)),
      .bytes = data_traffic(c, gradient),
      .unit = families[c->loss->family].unit,
  };
  shim_register(&b->shim);
  return 1;
}

static int register_shape(const call *c) {
  implementation found[MAX_IMPLEMENTATIONS];
  size_t count = implementations(c->loss, c->dtype, found);
  for (int gradient = 0; gradient < 2; gradient++)
    for (size_t i = 0; i < count; i++)
      if (!register_case(c, &found[i], gradient)) return 0;
  return 1;
}

/* Shapes that would fill the machine's memory are left out, and said to be. */
static int fits(const call *c) {
  static const double share = 0.7;
  if (call_elements(c) * dtype_size(c->dtype) > largest_array) return 0;
  double memory = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
  if ((double)data_size(c) <= share * memory) return 1;
  fprintf(stderr, "left out for lack of memory: %s %s\n", c->loss->name, dtype_name(c->dtype));
  return 0;
}

static int register_loss(const vloss_loss *loss, dtype type, size_t *arena) {
  size_t count;
  const shape *shapes = cases_shapes(loss->family, &count);
  for (size_t i = 0; i < count; i++) {
    call c = call_init(loss, type);
    memcpy(c.shape, shapes[i], sizeof c.shape);
    if (!fits(&c)) continue;
    if (data_size(&c) > *arena) *arena = data_size(&c);
    if (!register_shape(&c)) return 0;
  }
  return count != 0;
}

int cases_register(void) {
  size_t losses, arena = 0;
  const vloss_loss *loss = vloss_losses(&losses);
  for (size_t i = 0; i < losses; i++)
    for (int type = 0; type < DTYPE_COUNT; type++)
      if (!register_loss(&loss[i], (dtype)type, &arena)) return 0;
  return data_reserve(arena);
}
