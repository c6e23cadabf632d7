/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "executors.h"
#include "images.h"
#include "mode.h"
#include "support.h"

enum { HEIGHT = 70, WIDTH = 90, WORKSPACE = 1 << 23 };

/* Corners of stars inside of the image. */
static void fill_polygon(rng *r, vloss_polygon *p) {
  double *corners = new_array(SCENE_CORNERS, 2 * sizeof *corners);
  for (size_t i = 0; i < SCENE_CORNERS; i++) {
    corners[2 * i] = rng_between(r, 0, WIDTH);
    corners[2 * i + 1] = rng_between(r, 0, HEIGHT);
  }
  *p = (vloss_polygon){corners, SCENE_CORNERS};
}

static void fill_masks(scene *s, rng *r) {
  for (size_t i = 0; i < SCENE_MASKS; i++) {
    image picture = image_random(r, HEIGHT, WIDTH);
    s->masks[i] = image_runs(&picture);
    if (i == 0) memcpy(s->pixels, picture.pixels, HEIGHT * WIDTH);
    image_free(&picture);
  }
  for (size_t i = 0; i < 2; i++) fill_polygon(r, &s->polygons[i]);
}

static void fill_numbers(scene *s, rng *r) {
  for (size_t i = 0; i < SCENE_CLASSES * s->n; i++) {
    double score = i % 37 == 5 ? NAN : (double)rng_below(r, 1000) / 1000;
    s->f32.scores[i] = (float)score;
    s->f64.scores[i] = score;
  }
  for (size_t i = 0; i < s->n + s->m; i++) s->classes[i] = (int64_t)rng_below(r, SCENE_CLASSES);
  for (size_t j = 0; j < s->m; j++) {
    s->areas[j] = rng_between(r, 1, 1e4);
    s->crowd[j] = rng_below(r, 9) == 0;
  }
  for (size_t i = 0; i < 3 * SCENE_POINTS * (s->n + s->m); i++)
    s->points[i] = (double)rng_below(r, 90);
}

static void fill_boxes(scene *s, rng *r) {
  boxes_fill(r, BOXES_ODD, BOX_F32, VLOSS_XYXY, s->f32.boxes, s->n);
  boxes_fill(r, BOXES_PLAIN, BOX_F32, VLOSS_XYXY, s->f32.others, s->m);
  boxes_fill(r, BOXES_PLAIN, BOX_F64, VLOSS_XYXY, s->f64.boxes, s->n);
  boxes_fill(r, BOXES_ODD, BOX_F64, VLOSS_XYXY, s->f64.others, s->m);
  boxes_fill(r, BOXES_ODD, BOX_I32, VLOSS_XYXY, s->i32.boxes, s->n);
  boxes_fill(r, BOXES_PLAIN, BOX_I32, VLOSS_XYXY, s->i32.others, s->m);
  boxes_fill(r, BOXES_PLAIN, BOX_F64, VLOSS_XYWH, s->plain, s->n);
  boxes_fill(r, BOXES_PLAIN, BOX_F64, VLOSS_XYWH, s->plain_others, s->m);
}

scene *scene_new(uint64_t stream, size_t n, size_t m) {
  rng r = rng_init(data_seed(), stream);
  scene *s = new_array(1, sizeof *s);
  size_t room = n * (m + 4) + 4 * m + HEIGHT * WIDTH;
  *s = (scene){
      .n = n, .m = m, .room = room, .run_room = 8 * HEIGHT * WIDTH, .workspace_size = WORKSPACE};
  s->f32.boxes = new_array(4 * n, sizeof(float));
  s->f32.others = new_array(4 * m, sizeof(float));
  s->f32.scores = new_array(SCENE_CLASSES * n, sizeof(float));
  s->f32.out = new_array(room, sizeof(float));
  s->f64.boxes = new_array(4 * n, sizeof(double));
  s->f64.others = new_array(4 * m, sizeof(double));
  s->f64.scores = new_array(SCENE_CLASSES * n, sizeof(double));
  s->f64.out = new_array(room, sizeof(double));
  s->i32.boxes = new_array(4 * n, sizeof(int32_t));
  s->i32.others = new_array(4 * m, sizeof(int32_t));
  s->plain = new_array(4 * n, sizeof(double));
  s->plain_others = new_array(4 * m, sizeof(double));
  s->points = new_array(3 * SCENE_POINTS * (n + m), sizeof(double));
  s->areas = new_array(m, sizeof(double));
  s->classes = new_array(n + m, sizeof(int64_t));
  for (int i = 0; i < 2; i++) s->index[i] = new_array(room, sizeof(int64_t));
  s->crowd = new_array(m, 1);
  s->pairs = new_array(n * m, sizeof *s->pairs);
  s->pixels = new_array(HEIGHT * WIDTH, 1);
  s->counts = new_array(s->run_room, sizeof(uint32_t));
  s->text = new_array(s->run_room, 1);
  s->records = new_array(n + m, sizeof *s->records);
  s->workspace = new_array(WORKSPACE, 1);
  fill_boxes(s, &r);
  fill_numbers(s, &r);
  fill_masks(s, &r);
  return s;
}

static uint64_t words(uint64_t hash, const void *bytes, size_t size) {
  for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
    uint64_t word = 0;
    memcpy(&word, (const char *)bytes + i, size - i < sizeof word ? size - i : sizeof word);
    hash = (hash ^ word) * UINT64_C(0x100000001b3);
  }
  return hash;
}

uint64_t scene_results(const scene *s) {
  uint64_t hash = data_hash(DATA_HASH_INIT, F32, s->f32.out, s->room);
  hash = data_hash(hash, F64, s->f64.out, s->room);
  for (int i = 0; i < 2; i++) hash = words(hash, s->index[i], s->room * sizeof(int64_t));
  hash = words(hash, s->pairs, s->n * s->m * sizeof *s->pairs);
  hash = words(hash, s->pixels, HEIGHT * WIDTH);
  hash = words(hash, s->counts, s->run_room * sizeof(uint32_t));
  hash = words(hash, s->text, s->run_room);
  return words(hash, s->records, (s->n + s->m) * sizeof *s->records);
}

void scene_free(scene *s) {
  void *arrays[] = {s->f32.boxes,  s->f32.others,   s->f32.scores, s->f32.out,   s->f64.boxes,
                    s->f64.others, s->f64.scores,   s->f64.out,    s->i32.boxes, s->i32.others,
                    s->plain,      s->plain_others, s->points,     s->areas,     s->classes,
                    s->index[0],   s->index[1],     s->crowd,      s->pairs,     s->pixels,
                    s->counts,     s->text,         s->records,    s->workspace};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) free(arrays[i]);
  for (size_t i = 0; i < SCENE_MASKS; i++) runs_free(&s->masks[i]);
  for (size_t i = 0; i < 2; i++) free((void *)(uintptr_t)s->polygons[i].vertices);
  free(s);
}

static void each_variant(void (*check)(const score_call *, scene *), scene *s) {
  static const score_call *const families[] = {calls_of_boxes, calls_of_masks, calls_of_coco};
  static const vloss_executor *const executors[] = {NULL, &executor_reversed};
  unsigned variants = mode_emulated() ? 2 : 6;
  for (size_t family = 0; family < sizeof families / sizeof *families; family++)
    for (const score_call *row = families[family]; row->name != NULL; row++)
      for (s->variant = 0; s->variant < variants; s->variant++)
        for (size_t i = 0; i < 2; i++) {
          s->executor = executors[i];
          check(row, s);
        }
}

void each_score_call(void (*check)(const score_call *, scene *)) {
  static const size_t shapes[][2] = {{7, 3}, {301, 77}, {901, 100}};
  for (size_t isa = 0; isa < isas_usable(); isa++)
    for (size_t i = 0; i < (mode_emulated() ? 2 : 3); i++) {
      scene *s = scene_new(i, shapes[i][0], shapes[i][1]);
      isa_use(isa);
      each_variant(check, s);
      scene_free(s);
    }
}
