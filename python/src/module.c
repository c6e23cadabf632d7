/* SPDX-License-Identifier: Apache-2.0 */
#include <vloss/state.h>

#include "core.h"
#include "score.h"

static PyObject *isa(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  return PyUnicode_FromString(vloss_isa());
}

static PyObject *set_isa(PyObject *module, PyObject *name) {
  (void)module;
  int is_name = PyUnicode_Check(name);
  if (!is_name && name != Py_None) {
    PyErr_Format(PyExc_TypeError, "set_isa: name: must be a string or None, not %R", name);
    return NULL;
  }
  const char *chosen = is_name ? PyUnicode_AsUTF8AndSize(name, NULL) : NULL;
  if (!chosen && is_name) return NULL;
  vloss_status status = vloss_set_isa(chosen);
  if (status == VLOSS_OK) Py_RETURN_NONE;
  PyErr_Format(PyExc_ValueError, "set_isa: name: %s: %R", vloss_status_string(status), name);
  return NULL;
}

static PyObject *set_num_threads(PyObject *module, PyObject *number) {
  PyObject *whole = PyNumber_Index(number);
  if (!whole) {
    PyErr_Format(PyExc_TypeError, "set_num_threads: number: must be a whole number, not %R",
                 number);
    return NULL;
  }
  size_t threads = PyLong_AsSize_t(whole); /* or -1 with an OverflowError */
  Py_DECREF(whole);
  PyErr_Clear();
  if (threads < 1 || threads > MAX_THREADS) {
    PyErr_Format(PyExc_ValueError, "set_num_threads: number: must be from 1 to %d, not %R",
                 MAX_THREADS, number);
    return NULL;
  }
  ((core_state *)PyModule_GetState(module))->threads = threads;
  Py_RETURN_NONE;
}

static PyObject *get_num_threads(PyObject *module, PyObject *unused) {
  (void)unused;
  return PyLong_FromSize_t(((core_state *)PyModule_GetState(module))->threads);
}

static PyObject *use_torch(PyObject *module, PyObject *arguments) {
  core_state *state = PyModule_GetState(module);
  PyObject *type, *address;
  if (!PyArg_ParseTuple(arguments, "OO", &type, &address)) return NULL;
  void *run = PyLong_AsVoidPtr(address);
  if (!run && PyErr_Occurred()) return NULL;
  const dlpack_exchange *tensors = exchange_of_type(type);
  if (!tensors || !run) {
    PyErr_SetString(PyExc_ImportError, "vloss.torch needs a PyTorch with DLPack 1.3 in C");
    return NULL;
  }
  state->pool = torch_executor(run);
  Py_INCREF(type);
  set_object(&state->tensor_type, type);
  state->tensors = tensors;
  Py_RETURN_NONE;
}

static PyObject *tensor_function(PyObject *module, PyObject *name) {
  const char *text = PyUnicode_AsUTF8AndSize(name, NULL);
  if (!text) return NULL;
  const vloss_loss *loss = vloss_find_loss(text);
  if (loss) return loss_function(module, loss, 1);
  PyErr_Format(PyExc_ValueError, "tensor_function: name: no loss %R", name);
  return NULL;
}

static PyObject *choice_names(const char *choices) {
  PyObject *list = PyList_New(0), *name;
  for (size_t i = 0; list && choices && (name = choice_name(choices, i)); i++) {
    if (PyList_Append(list, name) != 0) Py_CLEAR(list);
    Py_DECREF(name);
  }
  return list;
}

/* (name, default, low, high, choices) */
static PyObject *parameter_tuple(const vloss_parameter *p) {
  PyObject *value = parameter_default(p), *choices = choice_names(p->choices);
  if (value && choices) return Py_BuildValue("(sNddN)", p->name, value, p->low, p->high, choices);
  Py_XDECREF(value);
  Py_XDECREF(choices);
  return NULL;
}

static PyObject *state_version(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  return PyLong_FromLong(vloss_state_version());
}

/* (name, family, arrays, parameters) of each loss, in the order of the registry. */
static PyObject *registry(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  static const char *const families[] = {"elements", "boxes", "rows", "overlap"};
  size_t count;
  const vloss_loss *losses = vloss_losses(&count);
  PyObject *list = PyList_New(0);
  for (size_t i = 0; list && i < count; i++) {
    PyObject *parameters = PyList_New(0);
    for (size_t k = 0; parameters && k < losses[i].parameter_count; k++) {
      PyObject *parameter = parameter_tuple(&losses[i].parameters[k]);
      if (!parameter || PyList_Append(parameters, parameter) != 0) Py_CLEAR(parameters);
      Py_XDECREF(parameter);
    }
    PyObject *row = parameters ? Py_BuildValue("(ssIN)", losses[i].name, families[losses[i].family],
                                               losses[i].arrays, parameters)
                               : NULL;
    if (!row || PyList_Append(list, row) != 0) Py_CLEAR(list);
    Py_XDECREF(row);
  }
  return list;
}

static PyMethodDef functions[] = {
    {"isa", isa, METH_NOARGS,
     "isa()\n--\n\nName of the instruction set in use, 'avx512', 'avx2', 'neon' or "
     "'scalar'."},
    {"set_isa", set_isa, METH_O,
     "set_isa(name, /)\n--\n\nChoose an instruction set by name for all later calls; None restores "
     "the best one.\n\nRaises ValueError, and changes nothing, if this CPU does not have it. "
     "Results do not\ndepend on it."},
    {"set_num_threads", set_num_threads, METH_O,
     "set_num_threads(number, /)\n--\n\nLet calls on arrays use up to this many threads, from 1 "
     "(the default) to 256.\n\nResults do not depend on it. Threads are started for each call, "
     "which pays from some\nhundred thousand elements. vloss.torch uses PyTorch's threads "
     "instead."},
    {"get_num_threads", get_num_threads, METH_NOARGS,
     "get_num_threads()\n--\n\nThe number that set_num_threads() chose, or 1."},
    {"use_torch", use_torch, METH_VARARGS,
     "use_torch(tensor_type, parallel_for, /)\n--\n\nLet functions of tensors take those of this "
     "type and run on PyTorch's threads, by the\naddress of its torch_parallel_for()."},
    {"tensor_function", tensor_function, METH_O,
     "tensor_function(name, /)\n--\n\nThe loss of that name for tensors of use_torch()'s type on "
     "the CPU "
     "that are not\nlazily negated. It returns (loss, grad) as tensors; NotImplemented, and "
     "nothing was "
     "done, if one\nof them is not in C order."},
    {"score", score, METH_VARARGS,
     "score(operation, function, tensors, /, *arguments)\n--\n\nAn operation of scoring or on "
     "states by its name, in the name of a function. With `tensors`, results are\nof use_torch()'s "
     "type."},
    {"state_version", state_version, METH_NOARGS,
     "state_version()\n--\n\nOf the layout and meaning of states, which must not differ where they "
     "are merged."},
    {"registry", registry, METH_NOARGS,
     "registry()\n--\n\n(name, family, arrays, parameters) of every loss, a parameter being (name, "
     "default,\nlow, high, choices)."},
    {NULL, NULL, 0, NULL}};

#define LOSS_FIELD \
  { "loss", "The reduced loss as a number, or an array of one loss per sample; None: not wanted." }
#define GRAD_FIELD \
  { "grad", "The gradient in the shape of the input; None: not wanted." }
static PyStructSequence_Field fields[] = {LOSS_FIELD, GRAD_FIELD, {NULL, NULL}};
static PyStructSequence_Field variance_fields[] = {
    LOSS_FIELD,
    GRAD_FIELD,
    {"grad_variance", "The gradient of the variance; None: not wanted."},
    {NULL, NULL}};

static int add_types(PyObject *module, core_state *state) {
  PyStructSequence_Desc result = {"vloss.Result", "What a loss returns.", fields, 2};
  PyStructSequence_Desc variance = {"vloss.VarianceResult", "What gaussian_nll returns.",
                                    variance_fields, 3};
  state->loss_type = PyType_FromModuleAndSpec(module, &loss_spec, NULL);
  state->result_type = (PyObject *)PyStructSequence_NewType(&result);
  state->variance_result_type = (PyObject *)PyStructSequence_NewType(&variance);
  if (!state->loss_type || !state->result_type || !state->variance_result_type) return -1;
  return PyModule_AddObjectRef(module, "Result", state->result_type) ||
                 PyModule_AddObjectRef(module, "VarianceResult", state->variance_result_type)
             ? -1
             : 0;
}

static int execute(PyObject *module) {
  core_state *state = PyModule_GetState(module);
  state->threads = 1;
  if (add_types(module, state) != 0) return -1;
  if (PyModule_AddStringConstant(module, "__version__", vloss_version()) != 0) return -1;
  size_t count;
  const vloss_loss *losses = vloss_losses(&count);
  for (size_t i = 0; i < count; i++) {
    PyObject *function = loss_function(module, &losses[i], 0);
    int failed = !function || PyModule_AddObjectRef(module, losses[i].name, function) != 0;
    Py_XDECREF(function);
    if (failed) return -1;
  }
  return 0;
}

static int traverse(PyObject *module, visitproc visit, void *arg) {
  core_state *state = PyModule_GetState(module);
  Py_VISIT(state->loss_type);
  Py_VISIT(state->result_type);
  Py_VISIT(state->variance_result_type);
  Py_VISIT(state->tensor_type);
  Py_VISIT(state->empty);
  Py_VISIT(state->types[0]);
  Py_VISIT(state->types[1]);
  return 0;
}

static int clear(PyObject *module) {
  core_state *state = PyModule_GetState(module);
  Py_CLEAR(state->loss_type);
  Py_CLEAR(state->result_type);
  Py_CLEAR(state->variance_result_type);
  Py_CLEAR(state->tensor_type);
  Py_CLEAR(state->empty);
  Py_CLEAR(state->types[0]);
  Py_CLEAR(state->types[1]);
  return 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, execute}, {0, NULL}};

static PyModuleDef definition = {.m_base = PyModuleDef_HEAD_INIT,
                                 .m_name = "vloss._core",
                                 .m_doc = "The functions of vloss in C.",
                                 .m_size = sizeof(core_state),
                                 .m_methods = functions,
                                 .m_slots = slots,
                                 .m_traverse = traverse,
                                 .m_clear = clear};

PyMODINIT_FUNC PyInit__core(void);
PyMODINIT_FUNC PyInit__core(void) { return PyModuleDef_Init(&definition); }
