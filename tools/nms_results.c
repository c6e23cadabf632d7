/* SPDX-License-Identifier: Apache-2.0 */
/* Suppression of COCO's results, within each image and class. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coco_load.h"
#include "fail.h"
#include "json_spans.h"
#include "nms.h"
#include "output.h"
#include "print.h"

static const char *const names[] = {"image_id", "category_id", "score", "bbox", NULL};
enum { IMAGE, CATEGORY, SCORE, BOX };

/* A result, and where it stands in the text. */
typedef struct result {
  int64_t image, class_id;
  double box[4], score, new_score;
  const char *begin, *end, *score_begin, *score_end;
  int is_kept;
} result;

typedef struct results {
  coco_file file;
  result *all;
  size_t count, room;
  result **ordered; /* by image, in an image as in the file */
  double *boxes, *scores, *kept_scores;
  int64_t *classes, *kept;
  void *workspace;
  size_t workspace_size;
} results;

static void find_score(result *r, size_t place) {
  json_spans w = json_spans_begin(r->begin);
  for (size_t i = 0; i <= place; i++) json_spans_next(&w);
  r->score_begin = w.begin;
  r->score_end = w.end;
}

static int read_result(results *all, entry *e, json_node node, const json_spans *span) {
  int status = coco_grow((void **)&all->all, &all->room, all->count, 1, sizeof *all->all);
  if (!status) status = entry_open(e, node);
  if (status) return status;
  result *r = &all->all[all->count++];
  *r = (result){.begin = span->begin, .end = span->end};
  status = entry_integer(e, IMAGE, &r->image);
  if (!status) status = entry_integer(e, CATEGORY, &r->class_id);
  if (!status) status = entry_number(e, SCORE, &r->score);
  if (!status) status = entry_numbers(e, BOX, 4, r->box);
  if (!status) find_score(r, e->places[SCORE]);
  return status;
}

static int read_results(results *all, const char *path) {
  entry e = {.path = path, .what = "entry", .names = names};
  int status = coco_file_open(&all->file, path);
  if (status) return status;
  if (json_node_kind(all->file.root) != JSON_ARRAY)
    return fail("%s: not an array of results", path);
  json_spans span = json_spans_begin(all->file.text);
  for (json_walk w = json_walk_begin(all->file.root); !status && json_walk_next(&w); e.index++) {
    json_spans_next(&span);
    status = read_result(all, &e, w.node, &span);
  }
  return status;
}

static int by_image(const void *a, const void *b) {
  const result *x = *(result *const *)a, *y = *(result *const *)b;
  if (x->image != y->image) return x->image < y->image ? -1 : 1;
  return (x > y) - (x < y);
}

static size_t end_of_image(const results *all, size_t begin) {
  size_t end = begin;
  while (end < all->count && all->ordered[end]->image == all->ordered[begin]->image) end++;
  return end;
}

static int reserve(results *all, const vloss_nms_options *options) {
  size_t n = all->count, most = 0;
  for (size_t begin = 0, end; begin < n; begin = end) {
    end = end_of_image(all, begin);
    if (end - begin > most) most = end - begin;
  }
  all->workspace_size = vloss_nms_workspace(most, options);
  all->workspace = malloc(all->workspace_size + 1);
  all->boxes = malloc((most + 1) * 4 * sizeof *all->boxes);
  all->scores = malloc((most + 1) * sizeof *all->scores);
  all->classes = malloc((most + 1) * sizeof *all->classes);
  all->kept = malloc((most + 1) * sizeof *all->kept);
  all->kept_scores = malloc((most + 1) * sizeof *all->kept_scores);
  if (all->workspace != NULL && all->boxes != NULL && all->scores != NULL && all->classes != NULL &&
      all->kept != NULL && all->kept_scores != NULL)
    return 0;
  return fail("out of memory for %zu results of one image", most);
}

static int suppress_image(suppression *s, results *all, result **own, size_t n) {
  suppression_arrays arrays = {.type = NPY_F8,
                               .n = n,
                               .boxes = all->boxes,
                               .scores = all->scores,
                               .classes = all->classes,
                               .workspace = all->workspace,
                               .workspace_size = all->workspace_size,
                               .kept = all->kept,
                               .kept_scores = all->kept_scores};
  for (size_t i = 0; i < n; i++) {
    memcpy(all->boxes + 4 * i, own[i]->box, sizeof own[i]->box);
    all->scores[i] = own[i]->score;
    all->classes[i] = own[i]->class_id;
  }
  int status = nms_run(s, &arrays);
  for (size_t i = 0; !status && i < arrays.count; i++) {
    result *r = own[all->kept[i]];
    r->is_kept = 1;
    r->new_score = all->kept_scores[i];
  }
  return status;
}

static int suppress(suppression *s, results *all) {
  all->ordered = malloc((all->count + 1) * sizeof *all->ordered);
  if (all->ordered == NULL) return fail("out of memory for %zu results", all->count);
  for (size_t i = 0; i < all->count; i++) all->ordered[i] = &all->all[i];
  qsort(all->ordered, all->count, sizeof *all->ordered, by_image);
  int status = reserve(all, &s->options);
  if (status) return status;
  size_t begin = 0, end;
  do { /* at least once, for the check of the options */
    end = end_of_image(all, begin);
    status = suppress_image(s, all, all->ordered + begin, end - begin);
    begin = end;
  } while (!status && begin < all->count);
  return status;
}

static void write_bytes(FILE *file, const char *begin, const char *end) {
  fwrite(begin, 1, (size_t)(end - begin), file);
}

/* The entry as it was, but for a score that changed. */
static void write_result(FILE *file, const result *r) {
  char text[NUMBER_TEXT];
  if (r->new_score == r->score) {
    write_bytes(file, r->begin, r->end);
    return;
  }
  write_bytes(file, r->begin, r->score_begin);
  fputs(number_text(r->new_score, 0, text), file);
  write_bytes(file, r->score_end, r->end);
}

static void write_results(FILE *file, const results *all) {
  const char *between = "";
  putc('[', file);
  for (size_t i = 0; i < all->count; i++) {
    if (!all->all[i].is_kept) continue;
    fputs(between, file);
    write_result(file, &all->all[i]);
    between = ",\n";
  }
  fputs("]\n", file);
}

static int put_results(const suppression *s, const results *all) {
  FILE *file;
  if (!s->prints_summary) write_results(stdout, all);
  if (s->paths[NMS_OUT] == NULL) return 0;
  int status = output_open("out", s->paths[NMS_OUT], &file);
  if (status) return status;
  write_results(file, all);
  return output_close(file);
}

int nms_results(suppression *s) {
  results all = {.count = 0};
  s->options.format = VLOSS_XYWH;
  int status = read_results(&all, s->paths[NMS_BOXES]);
  if (!status) status = suppress(s, &all);
  if (!status) status = put_results(s, &all);
  coco_file_close(&all.file);
  free(all.all);
  free(all.ordered);
  free(all.workspace);
  free(all.boxes);
  free(all.scores);
  free(all.classes);
  free(all.kept);
  free(all.kept_scores);
  return status;
}
