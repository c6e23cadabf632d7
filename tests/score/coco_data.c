/* SPDX-License-Identifier: Apache-2.0 */
#include "coco_data.h"

#include <math.h>
#include <string.h>

#include "testing.h"

static uint64_t state;

void data_seed(uint64_t seed) { state = seed * 0x9e3779b97f4a7c15u + 1; }

static uint64_t next(void) { /* splitmix64 */
  uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

uint64_t data_below(uint64_t n) { return next() % n; }
double data_fraction(void) { return (double)(next() >> 11) * 0x1p-53; }
static int one_in(uint64_t n) { return data_below(n) == 0; }

static void fill_target(scene *s, size_t i, const dataset *d) {
  static const double extents[] = {32, 96, 16, 64, 1e5}, edges[] = {0, 1024, 9216, 1e10};
  double *box = s->target_boxes + 4 * i;
  s->crowd[i] = (uint8_t)one_in(8);
  s->ignored[i] = (uint8_t)one_in(8);
  s->target_classes[i] = d->classes[data_below(d->class_count)];
  for (int c = 0; c < 2; c++) {
    box[c] = floor(100 * data_fraction());
    box[2 + c] = one_in(4) ? extents[data_below(5)] : exp(1 + 5 * data_fraction());
  }
  s->target_areas[i] = one_in(4) ? edges[data_below(4)] : box[2] * box[3] * data_fraction();
  if (i == 0 || !one_in(4)) return;
  memcpy(box, box - 4, 4 * sizeof *box); /* a twin */
  s->target_classes[i] = s->target_classes[i - 1];
}

static void fill_detection(scene *s, size_t i, const dataset *d) {
  double *box = s->boxes + 4 * i;
  size_t targets = s->image.targets, near = targets ? data_below(targets) : 0;
  s->scores[i] = one_in(20) ? (double)NAN : one_in(2) ? (double)data_below(5) / 4 : data_fraction();
  if (one_in(20)) s->scores[i] = -0.0;
  s->classes[i] =
      targets && !one_in(4) ? s->target_classes[near] : d->classes[data_below(d->class_count)];
  for (int c = 0; c < 4; c++) {
    double wobble = one_in(4) ? 1 : 1 + .2 * (data_fraction() - .5);
    box[c] = targets ? s->target_boxes[4 * near + (size_t)c] * wobble : 100 * data_fraction();
  }
  if (one_in(30)) box[data_below(4)] = (double)NAN;
  if (one_in(30)) box[2 + data_below(2)] *= -1;
  s->areas[i] = one_in(4) ? 1024 : box[2] * box[3];
}

static size_t pick(int64_t *to, const dataset *d) {
  size_t count = 0;
  for (size_t k = 0; k < d->class_count; k++) {
    if (one_in(3)) to[count++] = d->classes[k];
  }
  return count;
}

/* Many equal ones, and some just below 1. */
static double random_similarity(void) {
  if (one_in(20)) return (double)NAN;
  if (one_in(20)) return one_in(2) ? 1 - 1e-11 : 1 - 1e-9;
  return one_in(3) ? (double)data_below(21) / 20 : 0;
}

static void fill_scene(scene *s, const dataset *d, size_t index, int with_similarity) {
  static const size_t sizes[] = {0, 1, 5, 20, MOST_BOXES};
  vloss_coco_image *image = &s->image;
  *image = (vloss_coco_image)VLOSS_COCO_IMAGE_INIT;
  image->image_id = INT64_MIN + 2 * (int64_t)index + ((int64_t)1 << 54);
  image->targets = data_below(sizes[data_below(5)] + 1);
  image->detections = data_below(sizes[data_below(5)] + 1);
  for (size_t i = 0; i < image->targets; i++) fill_target(s, i, d);
  for (size_t i = 0; i < image->detections; i++) fill_detection(s, i, d);
  for (size_t i = 0; i < MOST_BOXES * MOST_BOXES; i++) s->similarity[i] = random_similarity();
  image->boxes = s->boxes;
  image->scores = s->scores;
  image->classes = s->classes;
  image->areas = one_in(2) ? s->areas : NULL;
  image->target_boxes = s->target_boxes;
  image->target_classes = s->target_classes;
  image->target_areas = s->target_areas;
  image->target_crowd = s->crowd;
  image->target_ignored = s->ignored;
  image->similarity = with_similarity ? s->similarity : NULL;
  image->similarity_stride = with_similarity && one_in(2) ? MOST_BOXES : 0;
  image->negative_classes = s->negative;
  image->negative_count = pick(s->negative, d);
  image->not_exhaustive_classes = s->not_exhaustive;
  image->not_exhaustive_count = pick(s->not_exhaustive, d);
}

void data_fill(dataset *d, int with_similarity) {
  d->class_count = 1 + data_below(MOST_CLASSES);
  d->count = 1 + data_below(MOST_IMAGES);
  for (size_t k = 0; k < d->class_count; k++) d->classes[k] = INT64_MAX - 100 + 3 * (int64_t)k;
  for (size_t i = 0; i < d->count; i++) fill_scene(&d->scenes[i], d, i, with_similarity);
}

vloss_coco_options data_options(const dataset *d, vloss_coco_kind kind) {
  static const size_t lvis_limit[] = {12};
  vloss_coco_options options = VLOSS_COCO_OPTIONS_INIT, whole;
  options.kind = kind;
  options.classes = d->classes;
  options.class_count = d->class_count;
  if (kind == VLOSS_COCO_LVIS) {
    options.max_detections = lvis_limit;
    options.max_detection_count = 1;
  }
  assert_int_equal(vloss_coco_complete(&options, &whole), VLOSS_OK);
  return whole;
}
