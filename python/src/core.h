/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of the module: one object per loss, made from its row of the registry. */
#ifndef VLOSS_PYTHON_CORE_H
#define VLOSS_PYTHON_CORE_H

#include "array.h"

enum { MAX_PARAMETERS = 16 };
enum { MAX_THREADS = 256 }; /* the library makes no more tasks */

/* What a call may be given. */
typedef enum slot {
  SLOT_INPUT,
  SLOT_TARGET,
  SLOT_VARIANCE,
  SLOT_CLASS_WEIGHT, /* or of positives */
  SLOT_REDUCTION,
  SLOT_WEIGHT,
  SLOT_DIVISOR,
  SLOT_SCALE,
  SLOT_GRAD_OUTPUT,
  SLOT_LOSS,
  SLOT_GRAD,
  SLOT_GRAD_VARIANCE,
  SLOT_PARAMETER, /* and those after it */
  SLOTS = SLOT_PARAMETER + MAX_PARAMETERS
} slot;

typedef struct core_state {
  PyObject *loss_type, *result_type, *variance_result_type;
  PyObject *empty, *types[2]; /* numpy.empty and its types, once they were needed */
  int without_numpy;
  PyObject *tensor_type;          /* of use_torch(), and its interface */
  const dlpack_exchange *tensors; /* or NULL */
  size_t threads;                 /* of calls on arrays */
  vloss_executor pool;            /* of calls on tensors; run is NULL before it was found */
} core_state;

typedef struct argument {
  PyObject *name; /* interned */
  slot slot;
} argument;

/* What a function of the module is bound to. */
typedef struct loss_object {
  PyObject_HEAD const vloss_loss *loss;
  PyObject *module;
  core_state *state;
  int tensors; /* 1: takes tensors that were checked, and returns tensors */
  size_t positional, count;
  argument arguments[SLOTS]; /* in the order of the signature */
  PyObject *text;            /* signature and documentation */
  PyMethodDef method;
} loss_object;

/* All that a call holds until it returns. */
typedef struct evaluation {
  const loss_object *self;
  place at;
  PyObject *given[SLOTS];
  vloss_call call;
  vloss_options options;
  vloss_report report;
  vloss_value values[MAX_PARAMETERS];
  vloss_executor executor;
  size_t threads;
  array input, target, variance, class_weight, weight, grad_output;
  array loss, grad, grad_variance;
  PyObject *results[3]; /* of the outputs; NULL: not wanted, or still in `number` */
  union {
    float f32;
    double f64;
  } upstream, number;
  shape samples;
} evaluation;

/* A loss's entry for the module; NULL with an exception. */
PyObject *loss_function(PyObject *module, const vloss_loss *loss, int tensors);
extern PyType_Spec loss_spec;

/* The steps of a call; -1 with an exception. */
int read_arguments(evaluation *e, PyObject *const *arguments, Py_ssize_t count, PyObject *names);
int read_parameters(evaluation *e);
int read_options(evaluation *e);
int read_shape(evaluation *e);
int read_inputs(evaluation *e);
int make_outputs(evaluation *e);
PyObject *make_result(evaluation *e);
int raise_status(evaluation *e, vloss_status status);

/* Names an argument in `e->at`, and says whether it was given. */
int look_at(evaluation *e, slot argument);

/* A number for the argument that `e->at` names. */
int read_real_number(evaluation *e, PyObject *object, double *value);

/* An array of the input's type; of that shape, if there is one. */
int read_real(evaluation *e, slot argument, array *a, const shape *expected);
int check_shape(evaluation *e, const array *a, const shape *expected);

/* The name of an argument. */
const char *slot_name(const vloss_loss *loss, slot argument);

/* The documentation of a function, with the signature that inspect reads. */
PyObject *loss_text(const loss_object *self);
PyObject *parameter_default(const vloss_parameter *parameter);
PyObject *parameter_range(const vloss_parameter *parameter);
/* The i-th of "a|b|c", or NULL. */
PyObject *choice_name(const char *choices, size_t index);

/* A new array of the input's type, in NumPy's or, without it, in a memoryview. */
PyObject *new_array(core_state *state, vloss_dtype dtype, const shape *s);
/* The same of numbers in a format of the struct module: f, d, q, I or B. */
PyObject *new_array_of(core_state *state, char format, const shape *s);
size_t format_width(char format);
/* A new tensor of the library whose interface that is, and where its numbers are. */
PyObject *new_tensor(const dlpack_exchange *api, char format, const shape *s, void **data);

/* Up to `*threads` threads, which must outlive the executor. */
vloss_executor threads_executor(size_t *threads);

/* PyTorch's own threads, by the address of its torch_parallel_for(). */
vloss_executor torch_executor(void *parallel_for);

#endif
