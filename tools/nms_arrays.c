/* SPDX-License-Identifier: Apache-2.0 */
/* Suppression of NumPy files. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "nms.h"
#include "output.h"
#include "print.h"

typedef struct inputs {
  const suppression *s;
  npy boxes, scores, classes;
  npy_type type;
  size_t n;
  void *memory[6]; /* boxes, scores, classes, workspace, kept, kept scores */
} inputs;

static int reserve(inputs *in, int which, size_t count, size_t width) {
  in->memory[which] = calloc(count + 1, width);
  return in->memory[which] != NULL ? 0 : fail("out of memory for %zu boxes", in->n);
}

/* Boxes, and of rows of six their scores and classes, into arrays of their own. */
static int split_rows(inputs *in) {
  size_t width = npy_type_size(in->type);
  const char *row = in->boxes.data;
  int64_t *classes = in->memory[2];
  for (size_t i = 0; i < in->n; i++, row += 6 * width) {
    double class;
    memcpy((char *)in->memory[0] + 4 * i * width, row, 4 * width);
    memcpy((char *)in->memory[1] + i * width, row + 4 * width, width);
    class = in->type == NPY_F8 ? ((const double *)(const void *)row)[5]
                               : (double)((const float *)(const void *)row)[5];
    if (!(fabs(class) < 0x1p53) || class != floor(class))
      return fail("%s: row %zu: the class is no whole number", in->boxes.path, i);
    classes[i] = (int64_t) class;
  }
  return 0;
}

static int open_boxes(inputs *in) {
  npy *b = &in->boxes;
  char text[NPY_SHAPE_TEXT];
  int status = npy_open(b, in->s->paths[NMS_BOXES]);
  if (status) return status;
  in->type = b->type;
  if (in->type != NPY_F4 && in->type != NPY_F8)
    return fail("%s: %s instead of f4 or f8", b->path, npy_type_name(in->type));
  if (b->shape.axes != 2 || (b->shape.size[1] != 4 && b->shape.size[1] != 6))
    return fail("%s: the shape %s is neither (n, 4) nor (n, 6)", b->path,
                npy_shape_text(&b->shape, text));
  in->n = b->shape.size[0];
  if (b->shape.size[1] == 4) return 0;
  if (in->s->paths[NMS_SCORES] != NULL || in->s->paths[NMS_CLASSES] != NULL)
    return fail_usage("%s has scores and classes: no --scores and --classes", b->path);
  status = reserve(in, 0, in->n, 32);
  if (!status) status = reserve(in, 1, in->n, 8);
  if (!status) status = reserve(in, 2, in->n, 8);
  return status ? status : split_rows(in);
}

/* A file with one number per box. */
static int open_per_box(const inputs *in, npy *array, const char *path) {
  char text[NPY_SHAPE_TEXT];
  int status = npy_open(array, path);
  if (status) return status;
  if (array->shape.axes == 1 && array->count == in->n) return 0;
  return fail("%s: the shape %s is not (%zu,), as %s has boxes", path,
              npy_shape_text(&array->shape, text), in->n, in->boxes.path);
}

static int open_inputs(inputs *in) {
  const char *scores = in->s->paths[NMS_SCORES], *classes = in->s->paths[NMS_CLASSES];
  int status = open_boxes(in);
  if (!status && scores != NULL) {
    status = open_per_box(in, &in->scores, scores);
    if (!status && in->scores.type != in->type)
      status = fail("%s: %s instead of %s, as the boxes are", scores,
                    npy_type_name(in->scores.type), npy_type_name(in->type));
  }
  if (!status && classes != NULL) {
    status = open_per_box(in, &in->classes, classes);
    if (!status && (in->classes.type == NPY_F4 || in->classes.type == NPY_F8))
      status = fail("%s: %s instead of integers", classes, npy_type_name(in->classes.type));
    if (!status) status = npy_widen(&in->classes);
  }
  return status;
}

static int suppress(inputs *in, suppression *s) {
  size_t size = vloss_nms_workspace(in->n, &s->options);
  int status = reserve(in, 3, size, 1);
  if (!status) status = reserve(in, 4, in->n, sizeof(int64_t));
  if (!status) status = reserve(in, 5, in->n, sizeof(double));
  if (status) return status;
  suppression_arrays arrays = {.type = in->type,
                               .n = in->n,
                               .boxes = in->memory[0] != NULL ? in->memory[0] : in->boxes.data,
                               .scores = in->memory[1] != NULL ? in->memory[1] : in->scores.data,
                               .classes = in->memory[2] != NULL ? in->memory[2] : in->classes.data,
                               .workspace = in->memory[3],
                               .workspace_size = size,
                               .kept = in->memory[4],
                               .kept_scores = in->memory[5]};
  return nms_run(s, &arrays);
}

static int write_array(const char *option, const char *path, npy_type type, size_t count,
                       const void *data) {
  FILE *file;
  const npy_shape shape = {.axes = 1, .size = {count}};
  if (path == NULL) return 0;
  int status = output_open(option, path, &file);
  if (status) return status;
  npy_write(file, type, &shape, data);
  return output_close(file);
}

static void print_table(const inputs *in, size_t count) {
  const int64_t *kept = in->memory[4];
  char text[NUMBER_TEXT];
  int narrow = in->type == NPY_F4;
  for (size_t i = 0; i < count; i++) {
    double score =
        narrow ? (double)((const float *)in->memory[5])[i] : ((const double *)in->memory[5])[i];
    printf("%" PRId64 "\t%s\n", kept[i], number_text(score, narrow, text));
  }
}

int nms_arrays(suppression *s) {
  inputs in = {.s = s};
  int status = open_inputs(&in);
  if (!status) status = suppress(&in, s);
  if (!status) status = write_array("out", s->paths[NMS_OUT], NPY_I8, s->count, in.memory[4]);
  if (!status)
    status = write_array("scores-out", s->paths[NMS_SCORES_OUT], in.type, s->count, in.memory[5]);
  if (!status && !s->prints_summary) print_table(&in, s->count);
  for (size_t i = 0; i < sizeof in.memory / sizeof *in.memory; i++) free(in.memory[i]);
  if (in.boxes.path != NULL) npy_close(&in.boxes);
  if (in.scores.path != NULL) npy_close(&in.scores);
  if (in.classes.path != NULL) npy_close(&in.classes);
  return status;
}
