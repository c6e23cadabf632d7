/* SPDX-License-Identifier: Apache-2.0 */
#include "scores.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vloss/score.h>

#include "gbench_shim.h"
#include "plain_scores.h"

enum { MOST = 100000, ROWS = 8400, COLUMNS = 1000, CLASSES = 80 };

/* What all cases share; a case fills it again. */
static struct scene {
  float *boxes, *others, *scores, *value;
  double *wide, *wide_others;
  uint8_t *classes;
  int64_t *index, *label;
  void *out, *workspace;
  size_t workspace_size;
  plain_room room;
} scene;

typedef enum what { SIMILARITY, BEST, MEMSET, NMS, PLAIN_NMS, SELECT, PLAIN_SELECT } what;
typedef enum crowd { CLUSTERS, SPREAD } crowd;

typedef struct score_case {
  char name[96];
  what what;
  vloss_similarity_kind kind;
  int wide; /* f64 */
  crowd crowd;
  int classes;
  size_t n, m;
  shim_case shim;
} score_case;

static uint64_t state;

static double unit(void) {
  state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (double)(state >> 11) * 0x1p-53;
}

static double normal(void) {
  return sqrt(-2 * log(unit() + 1e-12)) * cos(6.283185307179586 * unit());
}

static void put_box(float *box, double x, double y, double w, double h) {
  box[0] = (float)(x - w / 2);
  box[1] = (float)(y - h / 2);
  box[2] = (float)(x + w / 2);
  box[3] = (float)(y + h / 2);
}

/* As a detector leaves them: 70 jittered copies of an object, and for 70 such copies 30 boxes of
 * noise with low scores; the image grows with their number. The class is the object's. */
static void fill_clusters(size_t n) {
  double side = 640 * sqrt((double)n / 8400), object[4] = {0};
  int class = 0;
  for (size_t i = 0; i < n; i++) {
    int noise = i % 100 >= 70;
    if (i % 100 == 0 || noise) {
      object[0] = side * unit();
      object[1] = side * unit();
      object[2] = 12 * exp(3 * unit());
      object[3] = object[2] * exp(1.4 * unit() - 0.7);
      class = (int)(CLASSES * unit());
    }
    double jitter = noise ? 0 : 0.06;
    put_box(scene.boxes + 4 * i, object[0] + jitter * object[2] * normal(),
            object[1] + jitter * object[3] * normal(), object[2] * exp(jitter * normal()),
            object[3] * exp(jitter * normal()));
    scene.scores[i] = (float)(noise ? 0.4 * unit() : 0.3 + 0.7 * unit());
    scene.classes[i] = (uint8_t) class;
  }
}

/* So far apart that nearly all are kept. */
static void fill_spread(size_t n) {
  for (size_t i = 0; i < n; i++) {
    put_box(scene.boxes + 4 * i, 4096 * unit(), 4096 * unit(), 8 + 24 * unit(), 8 + 24 * unit());
    scene.scores[i] = (float)unit();
    scene.classes[i] = (uint8_t)(CLASSES * unit());
  }
}

static void fill_pairs(size_t n, size_t m) {
  fill_clusters(n);
  for (size_t i = 0; i < m; i++)
    put_box(scene.others + 4 * i, 640 * unit(), 640 * unit(), 12 * exp(3 * unit()),
            12 * exp(3 * unit()));
  for (size_t i = 0; i < 4 * n; i++) scene.wide[i] = (double)scene.boxes[i];
  for (size_t i = 0; i < 4 * m; i++) scene.wide_others[i] = (double)scene.others[i];
}

static int prepare(void *context) {
  const score_case *c = context;
  float *scores = scene.out;
  state = 20260724;
  if (vloss_set_isa(NULL) != VLOSS_OK) return 1; /* the other cases choose their own */
  if (c->what <= MEMSET) fill_pairs(c->n, c->m);
  if (c->what == NMS || c->what == PLAIN_NMS)
    (c->crowd == CLUSTERS ? fill_clusters : fill_spread)(c->n);
  if (c->what == SELECT || c->what == PLAIN_SELECT) /* 2 % are above 0.25 */
    for (size_t i = 0; i < c->n * c->m; i++)
      scores[i] = (float)(unit() < 0.02 / CLASSES ? unit() : 0.2 * unit());
  return 0;
}

static vloss_status run_similarity(const score_case *c) {
  vloss_similarity_options o = VLOSS_SIMILARITY_OPTIONS_INIT;
  o.kind = c->kind;
  if (c->what == BEST)
    return vloss_similarity_best_f32(scene.boxes, c->n, scene.others, c->m, &o, scene.value,
                                     scene.index);
  if (c->wide)
    return vloss_similarity_matrix_f64(scene.wide, c->n, scene.wide_others, c->m, &o, scene.out);
  return vloss_similarity_matrix_f32(scene.boxes, c->n, scene.others, c->m, &o, scene.out);
}

static size_t result; /* of a suppression or a selection */

static int run(void *context) {
  const score_case *c = context;
  const uint8_t *classes = c->classes ? scene.classes : NULL;
  switch (c->what) {
    case SIMILARITY:
    case BEST: return run_similarity(c) != VLOSS_OK;
    case MEMSET: memset(scene.out, 1, c->n * c->m * (c->wide ? 8 : 4)); return 0;
    case NMS:
      return vloss_nms_f32(scene.boxes, scene.scores, (vloss_labels){classes, VLOSS_LABEL_UINT8},
                           c->n, 0.5, NULL, scene.workspace, scene.workspace_size, c->n,
                           scene.index, &result) != VLOSS_OK;
    case PLAIN_NMS:
      result = plain_nms(scene.boxes, scene.scores, classes, c->n, 0.5f, &scene.room, scene.index);
      return 0;
    case SELECT: {
      vloss_select_options o = VLOSS_SELECT_OPTIONS_INIT;
      o.layout = VLOSS_CLASSES_BY_BOXES;
      return vloss_select_f32(scene.out, c->n, c->m, 0.25, &o, c->n, scene.index, scene.label,
                              scene.value, &result) != VLOSS_OK;
    }
    case PLAIN_SELECT:
      result = plain_select(scene.out, c->n, c->m, 0.25f, scene.index, scene.label, scene.value);
      return 0;
  }
  return 1;
}

static int reserve(void) {
  struct scene *s = &scene;
  s->workspace_size = vloss_nms_workspace(MOST, NULL);
  s->boxes = malloc(16 * MOST), s->others = malloc(16 * COLUMNS), s->scores = malloc(4 * MOST);
  s->value = malloc(4 * MOST), s->wide = malloc(32 * MOST), s->wide_others = malloc(32 * COLUMNS);
  s->classes = malloc(MOST), s->index = malloc(8 * MOST), s->label = malloc(8 * MOST);
  s->out = malloc((size_t)8 * ROWS * COLUMNS), s->workspace = malloc(s->workspace_size);
  s->room = (plain_room){malloc(4 * MOST), malloc(MOST)};
  return s->boxes && s->others && s->scores && s->value && s->wide && s->wide_others &&
         s->classes && s->index && s->label && s->out && s->workspace && s->room.order &&
         s->room.gone;
}

/* The library's and the loop's results are the same, in a smaller case. */
static int agrees(score_case c, what plain) {
  static int64_t first[MOST];
  c.n = c.what == NMS ? 2000 : c.n;
  if (prepare(&c) || run(&c)) return 0;
  size_t count = result;
  memcpy(first, scene.index, count * sizeof *first);
  c.what = plain;
  int same = !run(&c) && count == result && memcmp(first, scene.index, count * sizeof *first) == 0;
  if (!same) fprintf(stderr, "%s: the plain loop has another result\n", c.name);
  return same;
}

static int add(const char *name, score_case c) {
  score_case *copy = malloc(sizeof *copy); /* for the whole run */
  if (!copy) return 0;
  *copy = c;
  snprintf(copy->name, sizeof copy->name, c.m ? "%s/%zux%zu" : "%s/%zu", name, c.n, c.m);
  double items = c.m ? (double)c.n * (double)c.m : (double)c.n, width = c.wide ? 8 : 4;
  copy->shim = (shim_case){.name = copy->name,
                           .context = copy,
                           .prepare = prepare,
                           .run = run,
                           .items = items,
                           .bytes = c.m ? items * width : items * 20,
                           .unit = c.m ? "pair" : "box"};
  shim_register(&copy->shim);
  if (c.what == NMS) return agrees(*copy, PLAIN_NMS);
  return c.what != SELECT || agrees(*copy, PLAIN_SELECT);
}

static int add_similarities(size_t n, size_t m) {
  static const char *const kinds[] = {"iou", "intersection", "iof", "giou", "diou", "ciou"};
  int good = 1;
  for (int wide = 0; wide < 2 && good; wide++) {
    char name[64];
    for (int kind = 0; kind < 6 && good; kind++) {
      snprintf(name, sizeof name, "score/%s/%s/vloss", kinds[kind], wide ? "f64" : "f32");
      good = add(name, (score_case){.what = SIMILARITY,
                                    .kind = (vloss_similarity_kind)kind,
                                    .wide = wide,
                                    .n = n,
                                    .m = m});
    }
    snprintf(name, sizeof name, "score/iou/%s/memset", wide ? "f64" : "f32");
    good = good && add(name, (score_case){.what = MEMSET, .wide = wide, .n = n, .m = m});
  }
  return good && add("score/best/f32/vloss", (score_case){.what = BEST, .n = n, .m = m});
}

static int add_suppression(size_t n) {
  static const char *const names[2][2] = {{"nms", "nms-80-classes"}, {"nms-spread", NULL}};
  for (int crowd_kind = 0; crowd_kind < 2; crowd_kind++)
    for (int classes = 0; classes < 2 - crowd_kind; classes++) {
      char name[64];
      score_case c = {.what = NMS, .crowd = (crowd)crowd_kind, .classes = classes, .n = n};
      snprintf(name, sizeof name, "score/%s/f32/vloss", names[crowd_kind][classes]);
      if (!add(name, c)) return 0;
      c.what = PLAIN_NMS;
      snprintf(name, sizeof name, "score/%s/f32/plain", names[crowd_kind][classes]);
      if (n <= 30000 && !add(name, c)) return 0;
    }
  return 1;
}

int scores_register(void) {
  static const size_t sizes[] = {16, 1000, 8400, 30000, 100000};
  if (!reserve()) return 0;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    if (!add_suppression(sizes[i])) return 0;
  return add_similarities(1, 16) && add_similarities(ROWS, COLUMNS) &&
         add("score/select/f32/vloss", (score_case){.what = SELECT, .n = 8400, .m = CLASSES}) &&
         add("score/select/f32/plain", (score_case){.what = PLAIN_SELECT, .n = 8400, .m = CLASSES});
}
