/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

#include <stddef.h>
#include <string.h>

static void release(evaluation *e) {
  array *all[] = {&e->input,       &e->target, &e->variance, &e->class_weight, &e->weight,
                  &e->grad_output, &e->loss,   &e->grad,     &e->grad_variance};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) array_release(all[i]);
  for (size_t i = 0; i < 3; i++) Py_XDECREF(e->results[i]);
}

static void start(evaluation *e, const loss_object *self) {
  e->self = self;
  e->at = (place){self->loss->name, "input", NULL};
  memset(e->given, 0, sizeof e->given);
  memset(e->results, 0, sizeof e->results);
  e->call = (vloss_call)VLOSS_CALL_INIT;
  e->options = (vloss_options)VLOSS_OPTIONS_INIT;
  e->report = (vloss_report)VLOSS_REPORT_INIT;
  e->options.report = &e->report;
  e->call.options = &e->options;
  array *all[] = {&e->input,       &e->target, &e->variance, &e->class_weight, &e->weight,
                  &e->grad_output, &e->loss,   &e->grad,     &e->grad_variance};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) array_start(all[i]);
}

static void choose_threads(evaluation *e) {
  const core_state *state = e->self->state;
  e->threads = state->threads;
  e->executor = e->self->tensors ? state->pool : threads_executor(&e->threads);
  if (e->self->tensors ? e->executor.run != NULL : e->threads > 1)
    e->options.executor = &e->executor;
}

static int run(evaluation *e) {
  vloss_status status;
  choose_threads(e);
  Py_BEGIN_ALLOW_THREADS;
  status = vloss_evaluate(e->self->loss, &e->call);
  Py_END_ALLOW_THREADS;
  return status == VLOSS_OK ? 0 : raise_status(e, status);
}

static PyObject *call(PyObject *self, PyObject *const *arguments, Py_ssize_t count,
                      PyObject *names) {
  evaluation e;
  PyObject *result = NULL;
  start(&e, (const loss_object *)self);
  if (read_arguments(&e, arguments, count, names) == 0 && read_parameters(&e) == 0 &&
      read_options(&e) == 0 && read_shape(&e) == 0 && read_inputs(&e) == 0 &&
      make_outputs(&e) == 0 && run(&e) == 0)
    result = make_result(&e);
  if (!result && e.at.tensors && PyErr_ExceptionMatches(PyExc_NotImplementedError)) {
    PyErr_Clear(); /* a tensor is not in C order */
    result = Py_NotImplemented;
    Py_INCREF(result);
  }
  release(&e);
  return result;
}

static int add_argument(loss_object *self, slot which) {
  PyObject *name = PyUnicode_InternFromString(slot_name(self->loss, which));
  if (!name) return -1;
  self->arguments[self->count++] = (argument){name, which};
  return 0;
}

static int add_arguments(loss_object *self) {
  static const slot shared[] = {SLOT_REDUCTION,   SLOT_WEIGHT, SLOT_DIVISOR, SLOT_SCALE,
                                SLOT_GRAD_OUTPUT, SLOT_LOSS,   SLOT_GRAD};
  unsigned arrays = self->loss->arrays;
  int failed = add_argument(self, SLOT_INPUT);
  if (arrays & (VLOSS_ARRAY_TARGET | VLOSS_ARRAY_LABELS)) failed |= add_argument(self, SLOT_TARGET);
  if (arrays & VLOSS_ARRAY_VARIANCE) failed |= add_argument(self, SLOT_VARIANCE);
  self->positional = self->count;
  if (arrays & (VLOSS_ARRAY_CLASS_WEIGHT | VLOSS_ARRAY_POSITIVE_WEIGHT))
    failed |= add_argument(self, SLOT_CLASS_WEIGHT);
  for (size_t k = 0; k < self->loss->parameter_count; k++)
    failed |= add_argument(self, (slot)(SLOT_PARAMETER + k));
  for (size_t i = 0; i < sizeof shared / sizeof *shared; i++)
    failed |= add_argument(self, shared[i]);
  if (arrays & VLOSS_ARRAY_VARIANCE) failed |= add_argument(self, SLOT_GRAD_VARIANCE);
  return failed;
}

PyObject *loss_function(PyObject *module, const vloss_loss *loss, int tensors) {
  core_state *state = PyModule_GetState(module);
  if (loss->parameter_count > MAX_PARAMETERS) {
    PyErr_SetString(PyExc_SystemError, "a loss has too many parameters");
    return NULL;
  }
  loss_object *self = PyObject_GC_New(loss_object, (PyTypeObject *)state->loss_type);
  if (!self) return NULL;
  memset((char *)self + sizeof self->ob_base, 0, sizeof *self - sizeof self->ob_base);
  self->loss = loss;
  Py_INCREF(module);
  self->module = module;
  self->state = state;
  self->tensors = tensors;
  PyObject *result = NULL;
  if (add_arguments(self) == 0 && (self->text = loss_text(self))) {
    self->method =
        (PyMethodDef){loss->name, (PyCFunction)(void (*)(void))call, METH_FASTCALL | METH_KEYWORDS,
                      PyUnicode_AsUTF8AndSize(self->text, NULL)};
    PyObject *package = PyUnicode_FromString("vloss.numpy");
    if (package) result = PyCFunction_NewEx(&self->method, (PyObject *)self, package);
    Py_XDECREF(package);
  }
  Py_DECREF(self);
  return result;
}

static int traverse(PyObject *object, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(((loss_object *)object)->module);
  return 0;
}

static void dealloc(PyObject *object) {
  loss_object *self = (loss_object *)object;
  PyTypeObject *type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  for (size_t i = 0; i < self->count; i++) Py_XDECREF(self->arguments[i].name);
  Py_XDECREF(self->text);
  Py_XDECREF(self->module);
  PyObject_GC_Del(object);
  Py_DECREF(type);
}

/* A bound function is pickled as an attribute of what it is bound to: then, of the module. */
static PyObject *reduce(PyObject *object, PyObject *unused) {
  (void)object;
  (void)unused;
  PyObject *importlib = PyImport_ImportModule("importlib");
  PyObject *import = importlib ? PyObject_GetAttrString(importlib, "import_module") : NULL;
  PyObject *result = import ? Py_BuildValue("N(s)", import, "vloss._core") : NULL;
  Py_XDECREF(importlib);
  return result;
}

static PyMethodDef loss_methods[] = {{"__reduce__", reduce, METH_NOARGS, NULL},
                                     {NULL, NULL, 0, NULL}};

static PyType_Slot loss_slots[] = {
    {Py_tp_traverse, traverse}, {Py_tp_dealloc, dealloc}, {Py_tp_methods, loss_methods}, {0, NULL}};

PyType_Spec loss_spec = {
    .name = "vloss._core.Loss",
    .basicsize = sizeof(loss_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = loss_slots};
