/* SPDX-License-Identifier: Apache-2.0 */
/* A call of every function of scoring on seeded input, for what holds for all of them. */
#ifndef VLOSS_TESTS_SCORE_CALLS_H
#define VLOSS_TESTS_SCORE_CALLS_H

#include <vloss/assign.h>
#include <vloss/coco.h>
#include <vloss/mask.h>
#include <vloss/score.h>

#include "data.h"

enum { SCENE_CLASSES = 5, SCENE_POINTS = 17, SCENE_MASKS = 12, SCENE_CORNERS = 9 };

/* Input for all of them, and room for their results. */
typedef struct scene {
  size_t n, m;                    /* boxes, or other things, of either side */
  size_t room;                    /* of `out` and `index` */
  unsigned variant;               /* kinds, methods and layouts take turns by it */
  size_t refused;                 /* 1: calls that can be refused are to be */
  const vloss_executor *executor; /* NULL: none */
  struct {
    float *boxes, *others, *scores, *out;
  } f32;
  struct {
    double *boxes, *others, *scores, *out;
  } f64;
  struct {
    int32_t *boxes, *others;
  } i32;
  double *plain, *plain_others; /* finite, xywh */
  double *points, *areas;
  int64_t *classes, *index[2];
  uint8_t *crowd;
  vloss_similarity_pair *pairs;
  vloss_mask masks[SCENE_MASKS]; /* of one size */
  uint8_t *pixels;
  vloss_polygon polygons[2];
  uint32_t *counts;
  char *text;
  size_t run_room; /* of counts and text */
  vloss_coco_record *records;
  size_t record_count;
  void *workspace;
  size_t workspace_size;
} scene;

/* The bits of all results, whichever call wrote them. */
uint64_t scene_results(const scene *s);

scene *scene_new(uint64_t stream, size_t n, size_t m);
void scene_free(scene *s);

typedef struct score_call {
  const char *name;
  vloss_status (*run)(scene *s);
} score_call;

/* Each ends with a name that is NULL. */
extern const score_call calls_of_boxes[], calls_of_masks[], calls_of_coco[];

/* struct_size of options, or one that is refused. */
#define SCENE_SIZE(s, type) ((s)->refused ? 1 : sizeof(type))

/* Every call on every instruction set, with an executor and without, in all variants and on several
 * shapes. */
void each_score_call(void (*check)(const score_call *, scene *));

#endif
