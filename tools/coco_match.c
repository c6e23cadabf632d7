/* SPDX-License-Identifier: Apache-2.0 */
#include "coco_match.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "coco_view.h"
#include "fail.h"
#include "threads.h"

/* Images in parts; records of image i have room behind those of the images before it. */
typedef struct matching {
  coco_state *state;
  const coco_data *data;
  size_t parts, *counts; /* records by image */
  int64_t *confusion;
  pthread_mutex_t lock; /* of the confusion matrix */
  int failed[MAX_THREADS];
} matching;

static size_t room_before(const coco_data *data, size_t image) {
  return data->results.begin[image] + data->targets.begin[image];
}

static int add_confusion(matching *m, coco_view *view) {
  const vloss_coco_image *image = &view->image;
  size_t size = vloss_coco_confusion_workspace(image->detections, image->targets);
  void *workspace = coco_view_memory(view, size);
  if (workspace == NULL) return 0;
  pthread_mutex_lock(&m->lock);
  vloss_status status =
      vloss_coco_confusion(image, &m->state->options, .25, .5, workspace, size, m->confusion);
  pthread_mutex_unlock(&m->lock);
  return status == VLOSS_OK;
}

/* 0 if memory is short: the reader has seen that all else is good. */
static int match_image(matching *m, coco_view *view, size_t i) {
  if (!coco_view_open(view, m->data, i)) return 0;
  const vloss_coco_image *image = &view->image;
  size_t size = vloss_coco_match_workspace(image->detections, image->targets);
  void *workspace = coco_view_memory(view, size);
  if (workspace == NULL ||
      vloss_coco_match(image, &m->state->options, workspace, size,
                       image->detections + image->targets,
                       m->state->records + room_before(m->data, i), &m->counts[i]) != VLOSS_OK)
    return 0;
  return m->confusion == NULL || add_confusion(m, view);
}

static void match_part(void *argument, size_t part) {
  matching *m = argument;
  coco_view view = {.used = 0};
  size_t images = m->data->image_count;
  size_t begin = images * part / m->parts, end = images * (part + 1) / m->parts;
  for (size_t i = begin; i < end && !m->failed[part]; i++)
    m->failed[part] = !match_image(m, &view, i);
  coco_view_free(&view);
}

static void close_gaps(matching *m) {
  vloss_coco_record *to = m->state->records;
  for (size_t i = 0; i < m->data->image_count; i++) {
    const vloss_coco_record *from = m->state->records + room_before(m->data, i);
    memmove(to, from, m->counts[i] * sizeof *to);
    to += m->counts[i];
  }
  m->state->count = (size_t)(to - m->state->records);
}

int coco_match_all(coco_state *state, const coco_data *data, size_t threads, int64_t *confusion) {
  size_t images = data->image_count;
  matching m = {.state = state, .data = data, .confusion = confusion};
  m.parts = images < MAX_THREADS ? images : MAX_THREADS;
  m.counts = calloc(images + 1, sizeof *m.counts);
  state->records = malloc((room_before(data, images) + 1) * sizeof *state->records);
  int failed = m.counts == NULL || state->records == NULL;
  if (!failed) {
    vloss_executor executor = threads_executor(&threads);
    pthread_mutex_init(&m.lock, NULL);
    executor.run(executor.context, match_part, &m, m.parts);
    pthread_mutex_destroy(&m.lock);
    for (size_t p = 0; p < m.parts; p++) failed |= m.failed[p];
    if (!failed) close_gaps(&m);
  }
  free(m.counts);
  return failed ? fail("out of memory for %zu images", images) : 0;
}
