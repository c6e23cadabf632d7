/* SPDX-License-Identifier: Apache-2.0 */
#include "score.h"

#include <string.h>

static const struct {
  const char *name;
  operation *run;
} operations[] = {{"similarity_matrix", score_similarity_matrix},
                  {"similarity_paired", score_similarity_paired},
                  {"similarity_best", score_similarity_best},
                  {"similarity_top_k", score_similarity_top_k},
                  {"similarity_pairs", score_similarity_pairs},
                  {"nms", score_nms},
                  {"select", score_select},
                  {"coco_match", score_coco_match},
                  {"coco_accumulate", score_coco_accumulate},
                  {"coco_confusion", score_coco_confusion},
                  {"coco_curve", score_coco_curve},
                  {"coco_calibration", score_coco_calibration},
                  {"assign", score_assign},
                  {"fusion", score_fusion},
                  {"zeros", score_zeros},
                  {"mask_encode", score_mask_encode},
                  {"mask_decode", score_mask_decode},
                  {"mask_area", score_mask_area},
                  {"mask_box", score_mask_box},
                  {"mask_iou", score_mask_iou},
                  {"mask_merge", score_mask_merge},
                  {"mask_to_text", score_mask_to_text},
                  {"mask_from_text", score_mask_from_text},
                  {"mask_from_polygons", score_mask_from_polygons},
                  {"oks", score_oks},
                  {"exact_sum", state_exact_sum},
                  {"exact_value", state_exact_value},
                  {"denominator", state_denominator},
                  {"softmax_init", state_softmax_init},
                  {"softmax_maximum", state_softmax_maximum},
                  {"softmax_update", state_softmax_update},
                  {"softmax_finish", state_softmax_finish},
                  {"group_sums", state_group_sums},
                  {"group_finish", state_group_finish}};

static operation *find(const char *name) {
  for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
    if (strcmp(operations[i].name, name) == 0) return operations[i].run;
  PyErr_Format(PyExc_ValueError, "score: operation: no operation '%s'", name);
  return NULL;
}

static void start(scoring *s, PyObject *module, const char *function, int tensors) {
  memset(s, 0, sizeof *s);
  s->state = PyModule_GetState(module);
  s->tensors = tensors;
  s->at = (place){function, "arguments", NULL};
  s->report = (vloss_report)VLOSS_REPORT_INIT;
  s->threads = s->state->threads;
  s->pool = tensors ? s->state->pool : threads_executor(&s->threads);
  if (tensors ? s->pool.run != NULL : s->threads > 1) s->executor = &s->pool;
}

static void release(scoring *s) {
  for (size_t i = 0; i < s->array_count; i++) array_release(&s->arrays[i]);
  for (size_t i = 0; i < s->block_count; i++) PyMem_Free(s->blocks[i]);
}

PyObject *score(PyObject *module, PyObject *arguments) {
  PyObject *head = PyTuple_GetSlice(arguments, 0, 3);
  PyObject *tail = PyTuple_GetSlice(arguments, 3, PyTuple_Size(arguments));
  PyObject *result = NULL;
  const char *name, *function;
  int tensors;
  operation *run = NULL;
  if (head && tail && PyArg_ParseTuple(head, "ssp:score", &name, &function, &tensors))
    run = find(name);
  if (run) {
    scoring s;
    start(&s, module, function, tensors);
    result = run(&s, tail);
    release(&s);
  }
  Py_XDECREF(head);
  Py_XDECREF(tail);
  return result;
}

void *take_memory(scoring *s, size_t bytes) {
  void *block = s->block_count < SCORING_BLOCKS ? PyMem_Malloc(bytes ? bytes : 1) : NULL;
  if (!block) return PyErr_NoMemory();
  s->blocks[s->block_count++] = block;
  return block;
}

static PyObject *make_numbers(scoring *s, char format, int dimensions, const size_t *sizes,
                              void **data) {
  shape wanted = {.dimensions = dimensions};
  for (int i = 0; i < dimensions; i++) wanted.sizes[i] = sizes[i];
  if (s->tensors) return new_tensor(s->state->tensors, format, &wanted, data);
  if (s->array_count == SCORING_ARRAYS) return PyErr_NoMemory();
  PyObject *result = new_array_of(s->state, format, &wanted);
  array *a = &s->arrays[s->array_count];
  if (!result) return NULL;
  s->at.argument = "result";
  array_start(a);
  s->array_count++;
  if (array_read_output(a, result, &s->at) != 0) Py_CLEAR(result);
  *data = a->data;
  return result;
}

PyObject *new_result(scoring *s, char format, int dimensions, const size_t *sizes, void **data) {
  *data = NULL;
  PyObject *result = make_numbers(s, format, dimensions, sizes, data);
  if (!*data) *data = &s->nothing;
  return result;
}

PyObject *copy_result(scoring *s, char format, size_t count, const void *data) {
  void *to;
  PyObject *result = new_result(s, format, 1, &count, &to);
  if (result && count > 0) memcpy(to, data, count * format_width(format));
  return result;
}

int raise_score(scoring *s, vloss_status status, const char *const *renamed) {
  if (status == VLOSS_OK) return 0;
  const char *name = s->report.argument ? s->report.argument : "arguments";
  for (; renamed && *renamed; renamed += 2)
    if (strcmp(name, renamed[0]) == 0) name = renamed[1];
  s->at.argument = name;
  PyObject *type = status == VLOSS_ERROR_LABEL ? PyExc_IndexError : PyExc_ValueError;
  return place_fail(&s->at, type, "%s", vloss_status_string(status));
}
