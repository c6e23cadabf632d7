/* SPDX-License-Identifier: Apache-2.0 */
/* Benches of masks, each beside memset of the same pixels or the loop that anybody would write: of
 * discs with wavy edges in images of 480 x 640. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vloss/mask.h>

#include "gbench_shim.h"

enum { HEIGHT = 480, WIDTH = 640, PIXELS = HEIGHT * WIDTH, MASKS = 40, RUNS_MOST = PIXELS + 1 };

typedef struct scene {
  uint8_t *images[MASKS]; /* column-major */
  vloss_mask masks[MASKS];
  uint32_t *counts; /* room for an image's runs */
  uint8_t *pixels;  /* room for all images */
  void *workspace;
  size_t workspace_size;
  double *out;
  vloss_mask_options options;
} scene;

static scene columns, rows;

static void *room(size_t bytes) {
  void *p = malloc(bytes);
  if (p == NULL) abort();
  return p;
}

/* From 0 to 1, without order, the same on every machine. */
static double some(size_t i) { return fmod((double)(i + 1) * 0.6180339887498949, 1); }

static void draw(uint8_t *image, size_t i) {
  double cx = WIDTH * (.2 + .6 * some(5 * i)), cy = HEIGHT * (.2 + .6 * some(5 * i + 1));
  double radius = 30 + 120 * some(5 * i + 2), waves = floor(4 + 16 * some(5 * i + 3));
  for (size_t x = 0; x < WIDTH; x++)
    for (size_t y = 0; y < HEIGHT; y++) {
      double dx = (double)x - cx, dy = (double)y - cy;
      double edge = radius * (1 + .2 * sin(waves * atan2(dy, dx)));
      image[x * HEIGHT + y] = dx * dx + dy * dy < edge * edge;
    }
}

static int scene_fill(scene *s, vloss_mask_layout layout) {
  vloss_status status = VLOSS_OK;
  s->options = (vloss_mask_options)VLOSS_MASK_OPTIONS_INIT;
  s->counts = room(RUNS_MOST * sizeof *s->counts);
  s->pixels = room((size_t)MASKS * PIXELS);
  s->out = room(MASKS * MASKS * sizeof *s->out);
  for (size_t i = 0; i < MASKS && status == VLOSS_OK; i++) {
    size_t count = 0;
    s->images[i] = room(PIXELS);
    draw(s->images[i], i);
    status = vloss_mask_encode(s->images[i], HEIGHT, WIDTH, NULL, RUNS_MOST, s->counts, &count);
    uint32_t *counts = room(count * sizeof *counts);
    memcpy(counts, s->counts, count * sizeof *counts);
    s->masks[i] = (vloss_mask){counts, count, HEIGHT, WIDTH};
    s->options.layout = layout;
    if (status == VLOSS_OK) status = vloss_mask_decode(&s->masks[i], &s->options, s->images[i]);
  }
  s->workspace_size = vloss_mask_iou_workspace(s->masks, MASKS, s->masks, MASKS);
  s->workspace = room(s->workspace_size);
  return status == VLOSS_OK;
}

static int ready(void *context) { return context == NULL; }

static int decode(void *context) {
  scene *s = context;
  vloss_status status = VLOSS_OK;
  for (size_t i = 0; i < MASKS && status == VLOSS_OK; i++)
    status = vloss_mask_decode(&s->masks[i], &s->options, s->pixels + i * PIXELS);
  return status != VLOSS_OK;
}

static int decode_memset(void *context) {
  scene *s = context;
  for (size_t i = 0; i < MASKS; i++) memset(s->pixels + i * PIXELS, (int)(i & 1), PIXELS);
  return 0;
}

static int decode_plain(void *context) {
  scene *s = context;
  for (size_t i = 0; i < MASKS; i++) {
    uint8_t *p = s->pixels + i * PIXELS;
    for (size_t k = 0; k < s->masks[i].count; k++)
      for (uint32_t n = s->masks[i].counts[k]; n > 0; n--) *p++ = k & 1;
  }
  return 0;
}

static int encode(void *context) {
  scene *s = context;
  size_t count;
  vloss_status status = VLOSS_OK;
  for (size_t i = 0; i < MASKS && status == VLOSS_OK; i++)
    status =
        vloss_mask_encode(s->images[i], HEIGHT, WIDTH, &s->options, RUNS_MOST, s->counts, &count);
  return status != VLOSS_OK;
}

static int encode_plain(void *context) {
  scene *s = context;
  for (size_t i = 0; i < MASKS; i++) {
    size_t count = 0;
    uint32_t run = 0;
    uint8_t value = 0;
    for (size_t k = 0; k < PIXELS; k++) {
      if (s->images[i][k] != value) {
        s->counts[count++] = run;
        run = 0;
        value = s->images[i][k];
      }
      run++;
    }
    s->counts[count] = run;
  }
  return 0;
}

static int iou(void *context) {
  scene *s = context;
  return vloss_mask_iou(s->masks, MASKS, s->masks, MASKS, NULL, s->workspace, s->workspace_size,
                        s->out) != VLOSS_OK;
}

/* One pair, run against run over the whole image. */
static double plain_pair(const vloss_mask *a, const vloss_mask *b) {
  uint32_t left = a->counts[0], right = b->counts[0], both = 0, either = 0;
  size_t i = 0, k = 0;
  while (i < a->count && k < b->count) {
    uint32_t step = left < right ? left : right;
    if ((i | k) & 1) either += step;
    if (i & k & 1) both += step;
    left -= step;
    right -= step;
    if (!left && ++i < a->count) left = a->counts[i];
    if (!right && ++k < b->count) right = b->counts[k];
  }
  return either ? (double)both / either : 0;
}

static int iou_plain(void *context) {
  scene *s = context;
  for (size_t i = 0; i < MASKS; i++)
    for (size_t k = 0; k < MASKS; k++)
      s->out[i * MASKS + k] = plain_pair(&s->masks[i], &s->masks[k]);
  return 0;
}

/* Both ways have the same results. */
static int check(void) {
  static double plain[MASKS * MASKS];
  (void)iou_plain(&columns);
  memcpy(plain, columns.out, sizeof plain);
  return iou(&columns) == 0 && memcmp(plain, columns.out, sizeof plain) == 0;
}

#define IMAGES "480x640"
static const shim_case cases[] = {
    {"mask_decode/memset/" IMAGES, &columns, ready, decode_memset, MASKS, MASKS *PIXELS, "mask"},
    {"mask_decode/columns/" IMAGES, &columns, ready, decode, MASKS, MASKS *PIXELS, "mask"},
    {"mask_decode/rows/" IMAGES, &rows, ready, decode, MASKS, MASKS *PIXELS, "mask"},
    {"mask_decode/plain/" IMAGES, &columns, ready, decode_plain, MASKS, MASKS *PIXELS, "mask"},
    {"mask_encode/columns/" IMAGES, &columns, ready, encode, MASKS, MASKS *PIXELS, "mask"},
    {"mask_encode/rows/" IMAGES, &rows, ready, encode, MASKS, MASKS *PIXELS, "mask"},
    {"mask_encode/plain/" IMAGES, &columns, ready, encode_plain, MASKS, MASKS *PIXELS, "mask"},
    {"mask_iou/vloss/40x40", &columns, ready, iou, MASKS *MASKS, 8 * MASKS *MASKS, "pair"},
    {"mask_iou/plain/40x40", &columns, ready, iou_plain, MASKS *MASKS, 8 * MASKS *MASKS, "pair"},
};

int main(int argc, char **argv) {
  if (!shim_initialize(&argc, argv)) return EXIT_FAILURE;
  if (!scene_fill(&columns, VLOSS_COLUMN_MAJOR) || !scene_fill(&rows, VLOSS_ROW_MAJOR) ||
      !check()) {
    fputs("vloss-bench-masks: masks differ from those of plain loops\n", stderr);
    return EXIT_FAILURE;
  }
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) shim_register(&cases[i]);
  return shim_run(0) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
