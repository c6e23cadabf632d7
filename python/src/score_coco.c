/* SPDX-License-Identifier: Apache-2.0 */
#include "score_coco.h"

#include <string.h>

/* (options, image) -> bytes of records */
PyObject *score_coco_match(scoring *s, PyObject *arguments) {
  PyObject *options, *picture;
  vloss_coco_options coco;
  vloss_coco_image image;
  if (!PyArg_ParseTuple(arguments, "OO", &options, &picture) || read_coco(s, options, &coco) != 0 ||
      read_image(s, picture, &image) != 0)
    return NULL;
  size_t size = vloss_coco_match_workspace(image.detections, image.targets);
  size_t capacity = image.detections + image.targets, count;
  void *workspace = take_memory(s, size);
  vloss_coco_record *records = take_memory(s, capacity * sizeof *records);
  if (!workspace || !records) return NULL;
  vloss_status status;
  Py_BEGIN_ALLOW_THREADS;
  status = vloss_coco_match(&image, &coco, workspace, size, capacity, records, &count);
  Py_END_ALLOW_THREADS;
  if (raise_score(s, status, NULL) != 0) return NULL;
  return PyBytes_FromStringAndSize((const char *)records, (Py_ssize_t)(count * sizeof *records));
}

/* Records of a bytearray, which keeps its size until they are given back, and a workspace. */
typedef struct collection {
  Py_buffer buffer;
  vloss_coco_record *records;
  size_t count;
  void *workspace;
  size_t size;
} collection;

static int open_collection(scoring *s, PyObject *object, collection *c) {
  if (PyObject_GetBuffer(object, &c->buffer, PyBUF_WRITABLE) != 0) return -1;
  c->records = c->buffer.buf;
  c->count = (size_t)c->buffer.len / sizeof *c->records;
  c->size = vloss_coco_accumulate_workspace(c->count);
  c->workspace = take_memory(s, c->size);
  int sound = (size_t)c->buffer.len % sizeof *c->records == 0 &&
              (c->count == 0 || (uintptr_t)c->records % sizeof(int64_t) == 0);
  s->at.argument = "records";
  if (!sound) place_fail(&s->at, PyExc_ValueError, "are no records");
  if (c->workspace && sound) return 0;
  PyBuffer_Release(&c->buffer);
  return -1;
}

/* The classes of the options, or else of the records. */
static int find_classes(scoring *s, collection *c, vloss_coco_options *coco) {
  if (coco->classes) return 0;
  int64_t *classes = take_memory(s, c->count * sizeof *classes);
  if (!classes) return -1;
  vloss_status status;
  Py_BEGIN_ALLOW_THREADS;
  status = vloss_coco_classes(c->records, c->count, c->workspace, c->size, c->count, classes,
                              &coco->class_count);
  Py_END_ALLOW_THREADS;
  coco->classes = classes;
  return raise_score(s, status, NULL);
}

static PyObject *summary_dictionary(const vloss_coco_summary *m) {
  return Py_BuildValue(
      "{s:d,s:d,s:d,s:d,s:d,s:d,s:d,s:d,s:d,s:(ddd),s:d,s:d,s:d,s:d,s:d,s:d,s:n,s:n}", "ap", m->ap,
      "ap50", m->ap50, "ap75", m->ap75, "ap_small", m->ap_small, "ap_medium", m->ap_medium,
      "ap_large", m->ap_large, "ap_rare", m->ap_rare, "ap_common", m->ap_common, "ap_frequent",
      m->ap_frequent, "ar", m->ar[0], m->ar[1], m->ar[2], "ar_all", m->ar_all, "ar50", m->ar50,
      "ar75", m->ar75, "ar_small", m->ar_small, "ar_medium", m->ar_medium, "ar_large", m->ar_large,
      "detections", (Py_ssize_t)m->detections, "targets", (Py_ssize_t)m->targets);
}

static PyObject *accumulate(scoring *s, collection *c, vloss_coco_options *coco) {
  vloss_coco_options whole;
  if (raise_score(s, vloss_coco_complete(coco, &whole), NULL) != 0 ||
      find_classes(s, c, &whole) != 0)
    return NULL;
  size_t k = whole.class_count, a = whole.area_count, m = whole.max_detection_count;
  const size_t sizes[] = {whole.threshold_count, whole.recall_count, k, a, m};
  const size_t fewer[] = {whole.threshold_count, k, a, m};
  void *precision, *recall, *scores;
  vloss_coco_summary summary = VLOSS_COCO_SUMMARY_INIT;
  PyObject *tables[] = {new_result(s, 'd', 5, sizes, &precision),
                        new_result(s, 'd', 4, fewer, &recall),
                        new_result(s, 'd', 5, sizes, &scores), NULL};
  if (tables[0] && tables[1] && tables[2]) tables[3] = copy_result(s, 'q', k, whole.classes);
  vloss_status status = VLOSS_OK;
  if (tables[3]) {
    Py_BEGIN_ALLOW_THREADS;
    status = vloss_coco_accumulate(c->records, c->count, &whole, c->workspace, c->size, precision,
                                   recall, scores, &summary);
    Py_END_ALLOW_THREADS;
  }
  if (tables[3] && raise_score(s, status, NULL) == 0)
    return Py_BuildValue("(NNNNN)", summary_dictionary(&summary), tables[0], tables[1], tables[2],
                         tables[3]);
  for (int i = 0; i < 4; i++) Py_XDECREF(tables[i]);
  return NULL;
}

/* (options, records) -> (summary, precision, recall, scores, classes) */
PyObject *score_coco_accumulate(scoring *s, PyObject *arguments) {
  PyObject *options, *records;
  vloss_coco_options coco;
  collection c;
  if (!PyArg_ParseTuple(arguments, "OO", &options, &records) || read_coco(s, options, &coco) != 0 ||
      open_collection(s, records, &c) != 0)
    return NULL;
  PyObject *result = accumulate(s, &c, &coco);
  PyBuffer_Release(&c.buffer);
  return result;
}

static PyObject *curve(scoring *s, collection *c, const vloss_coco_options *coco, long long label,
                       size_t threshold, int integral) {
  size_t count = 0;
  double average = 0;
  vloss_coco_point best = {0};
  vloss_coco_point *points = take_memory(s, c->count * sizeof *points);
  if (!points) return NULL;
  vloss_status status;
  Py_BEGIN_ALLOW_THREADS;
  status = vloss_coco_curve(c->records, c->count, coco, label, threshold, c->workspace, c->size,
                            c->count, points, &count, &best);
  if (status == VLOSS_OK)
    status = vloss_coco_average_precision(points, count, (vloss_coco_integral)integral, &average);
  Py_END_ALLOW_THREADS;
  if (raise_score(s, status, NULL) != 0) return NULL;
  double *columns = take_memory(s, 4 * count * sizeof *columns);
  if (!columns) return NULL;
  for (size_t i = 0; i < count; i++) {
    columns[i] = points[i].score;
    columns[count + i] = points[i].precision;
    columns[2 * count + i] = points[i].recall;
    columns[3 * count + i] = points[i].f1;
  }
  PyObject *results[4] = {NULL};
  for (size_t i = 0; i < 4; i++) results[i] = copy_result(s, 'd', count, columns + i * count);
  if (results[0] && results[1] && results[2] && results[3])
    return Py_BuildValue("(NNNN(dddd)d)", results[0], results[1], results[2], results[3],
                         best.score, best.precision, best.recall, best.f1, average);
  for (int i = 0; i < 4; i++) Py_XDECREF(results[i]);
  return NULL;
}

/* (options, records, class, threshold index, integral) -> columns, best point, average precision */
PyObject *score_coco_curve(scoring *s, PyObject *arguments) {
  PyObject *options, *records, *index;
  vloss_coco_options coco;
  collection c;
  long long label;
  int integral;
  size_t threshold;
  if (!PyArg_ParseTuple(arguments, "OOLOi", &options, &records, &label, &index, &integral) ||
      read_size(s, "threshold_index", index, &threshold) != 0 ||
      read_coco(s, options, &coco) != 0 || open_collection(s, records, &c) != 0)
    return NULL;
  PyObject *result = curve(s, &c, &coco, label, threshold, integral);
  PyBuffer_Release(&c.buffer);
  return result;
}

/* (options, records, threshold index, bins) -> number */
PyObject *score_coco_calibration(scoring *s, PyObject *arguments) {
  PyObject *options, *records, *index, *number;
  vloss_coco_options coco;
  collection c;
  size_t threshold, bins;
  double error = 0;
  if (!PyArg_ParseTuple(arguments, "OOOO", &options, &records, &index, &number) ||
      read_size(s, "threshold_index", index, &threshold) != 0 ||
      read_size(s, "bins", number, &bins) != 0 || read_coco(s, options, &coco) != 0 ||
      open_collection(s, records, &c) != 0)
    return NULL;
  vloss_status status;
  Py_BEGIN_ALLOW_THREADS;
  status = vloss_coco_calibration(c.records, c.count, &coco, threshold, bins, c.workspace, c.size,
                                  &error);
  Py_END_ALLOW_THREADS;
  PyBuffer_Release(&c.buffer);
  return raise_score(s, status, NULL) == 0 ? PyFloat_FromDouble(error) : NULL;
}

/* (side) -> a matrix of int64 */
PyObject *score_zeros(scoring *s, PyObject *arguments) {
  PyObject *object;
  size_t side;
  void *data;
  if (!PyArg_ParseTuple(arguments, "O", &object) || read_size(s, "side", object, &side) != 0)
    return NULL;
  PyObject *result = new_result(s, 'q', 2, (size_t[]){side, side}, &data);
  if (result) memset(data, 0, side * side * sizeof(int64_t));
  return result;
}

/* (options, image, score threshold, threshold, matrix): adds to the matrix of int64. */
PyObject *score_coco_confusion(scoring *s, PyObject *arguments) {
  PyObject *options, *picture, *least, *overlap, *object;
  vloss_coco_options coco;
  vloss_coco_image image;
  double score_threshold, threshold;
  if (!PyArg_ParseTuple(arguments, "OOOOO", &options, &picture, &least, &overlap, &object) ||
      read_number(s, "score_threshold", least, &score_threshold) != 0 ||
      read_number(s, "threshold", overlap, &threshold) != 0 || read_coco(s, options, &coco) != 0 ||
      read_image(s, picture, &image) != 0)
    return NULL;
  array *matrix = read_array(s, "matrix", object);
  size_t side = coco.class_count + 1;
  if (!matrix || require_shape(s, matrix, 2, (size_t[]){side, side}) != 0) return NULL;
  if (matrix->kind != KIND_SIGNED || matrix->width != 8 || matrix->copy)
    return place_fail(&s->at, PyExc_TypeError, "must be int64 in C order"), NULL;
  size_t size = vloss_coco_confusion_workspace(image.detections, image.targets);
  void *workspace = take_memory(s, size);
  if (!workspace) return NULL;
  vloss_status status;
  Py_BEGIN_ALLOW_THREADS;
  status = vloss_coco_confusion(&image, &coco, score_threshold, threshold, workspace, size,
                                matrix->data);
  Py_END_ALLOW_THREADS;
  if (raise_score(s, status, NULL) != 0) return NULL;
  Py_RETURN_NONE;
}
