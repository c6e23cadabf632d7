/* SPDX-License-Identifier: Apache-2.0 */
/* The documentation of a function: what the public header says of the loss, and what the registry
 * says of its parameters. */
#include "core.h"

#include <float.h>
#include <string.h>

static const struct {
  const char *name, *text;
} formulas[] = {
#define FORMULA(name, text) {#name, text},
#include "formulas.def"
#undef FORMULA
};

static const struct {
  const char *input, *samples, *example;
} families[] = {
    [VLOSS_ELEMENTS] = {"of any shape; a sample is an element", "the shape of the input",
                        "numpy.array([0.25, 0.5])\n    >>> target = numpy.array([1.0, 0.0])\n"},
    [VLOSS_BOXES] = {"(..., 4); a sample is a box", "(...,)",
                     "numpy.array([[0.0, 0.0, 2.0, 2.0]])\n"
                     "    >>> target = numpy.array([[1.0, 1.0, 3.0, 3.0]])\n"},
    [VLOSS_ROWS] = {"(N, C), (N, C, d1, ...) or (C,); a sample is a row of C classes",
                    "(N,), (N, d1, ...) or ()",
                    "numpy.log([[0.5, 0.25, 0.25]])\n"
                    "    >>> target = numpy.array([[0.0, 1.0, 0.0]])\n"},
    [VLOSS_OVERLAP] = {"(N, ...), of channels (N, C, ...); a sample is what `grouping` says",
                       "(N,); of a grouping 'image_channel' (N, C), 'channel' (C,), 'batch' ()",
                       "numpy.array([[0.25, 0.5, 1.0]])\n"
                       "    >>> target = numpy.array([[0.0, 1.0, 1.0]])\n"},
};

PyObject *choice_name(const char *choices, size_t index) {
  for (; index > 0 && choices; index--) {
    choices = strchr(choices, '|');
    if (choices) choices++;
  }
  if (!choices) return NULL;
  return PyUnicode_FromStringAndSize(choices, (Py_ssize_t)strcspn(choices, "|"));
}

/* Appends and gives back a new text. */
static int append(PyObject **text, PyObject *more) {
  if (!more) Py_CLEAR(*text);
  if (!*text) return -1;
  PyObject *joined = PyUnicode_Concat(*text, more);
  Py_DECREF(more);
  Py_DECREF(*text);
  *text = joined;
  return joined ? 0 : -1;
}

PyObject *parameter_default(const vloss_parameter *p) {
  if (p->whole) return PyLong_FromDouble(p->value);
  if (!p->choices) return PyFloat_FromDouble(p->value);
  if (strcmp(p->choices, "no|yes") == 0) return PyBool_FromLong(p->value != 0);
  return choice_name(p->choices, (size_t)p->value);
}

static const char *shared_default(slot which) {
  switch (which) {
    case SLOT_REDUCTION: return "'mean'";
    case SLOT_DIVISOR: return "0.0";
    case SLOT_SCALE: return "1.0";
    case SLOT_LOSS:
    case SLOT_GRAD:
    case SLOT_GRAD_VARIANCE: return "True";
    default: return "None";
  }
}

static PyObject *argument_text(const vloss_loss *loss, slot which) {
  const char *name = slot_name(loss, which);
  if (which < SLOT_PARAMETER) return PyUnicode_FromFormat(", %s=%s", name, shared_default(which));
  PyObject *value = parameter_default(&loss->parameters[which - SLOT_PARAMETER]);
  PyObject *text = value ? PyUnicode_FromFormat(", %s=%R", name, value) : NULL;
  Py_XDECREF(value);
  return text;
}

static PyObject *signature(const loss_object *self) {
  PyObject *text = PyUnicode_FromFormat("%s(", self->loss->name);
  for (size_t i = 0; text && i < self->count; i++) {
    slot which = self->arguments[i].slot;
    if (i < self->positional)
      append(&text, PyUnicode_FromFormat(i ? ", %s" : "%s", slot_name(self->loss, which)));
    if (i == self->positional) append(&text, PyUnicode_FromString(", *"));
    if (i >= self->positional) append(&text, argument_text(self->loss, which));
  }
  append(&text, PyUnicode_FromString(")\n--\n\n"));
  return text;
}

/* "at least 0.0", "in [0.0, 1.0]", or the choices. */
PyObject *parameter_range(const vloss_parameter *p) {
  if (p->choices && strcmp(p->choices, "no|yes") == 0) return PyUnicode_FromString("a bool");
  if (p->choices) return PyUnicode_FromFormat("one of %s", p->choices);
  if (p->whole) return PyUnicode_FromString("a whole number");
  PyObject *low = PyFloat_FromDouble(p->low), *high = PyFloat_FromDouble(p->high);
  PyObject *text = NULL;
  if (low && high && p->high >= DBL_MAX)
    text = PyUnicode_FromFormat("at least %S", low);
  else if (low && high && p->low <= -DBL_MAX)
    text = PyUnicode_FromFormat("at most %S", high);
  else if (low && high)
    text = PyUnicode_FromFormat("in [%S, %S]", low, high);
  Py_XDECREF(low);
  Py_XDECREF(high);
  return text;
}

static PyObject *parameter_text(const vloss_loss *loss, size_t k) {
  const vloss_parameter *p = &loss->parameters[k];
  PyObject *value = parameter_default(p), *range = parameter_range(p), *text = NULL;
  if (value && range)
    text = PyUnicode_FromFormat("    %s: %U; default %R.\n",
                                slot_name(loss, (slot)(SLOT_PARAMETER + k)), range, value);
  Py_XDECREF(value);
  Py_XDECREF(range);
  return text;
}

static void append_arrays(PyObject **text, const vloss_loss *loss) {
  append(text, PyUnicode_FromFormat("Arguments:\n    input: float32 or float64, %s.\n",
                                    families[loss->family].input));
  if (loss->arrays & VLOSS_ARRAY_TARGET)
    append(text, PyUnicode_FromString("    target: like the input in shape and type.\n"));
  if (loss->arrays & VLOSS_ARRAY_LABELS)
    append(text, PyUnicode_FromFormat("    target: labels of any integer type, %s.\n",
                                      families[loss->family].samples));
  if (loss->arrays & VLOSS_ARRAY_VARIANCE)
    append(text, PyUnicode_FromString("    variance: like the input.\n"));
  if (loss->arrays & VLOSS_ARRAY_CLASS_WEIGHT)
    append(text, PyUnicode_FromString("    class_weight: (C,), or None.\n"));
  if (loss->arrays & VLOSS_ARRAY_POSITIVE_WEIGHT)
    append(text, PyUnicode_FromString(
                     "    positive_weight: of the positives, broadcast as (C,) or (C, 1, 1) "
                     "over adjoining axes\n        of the input; or None.\n"));
}

static const char shared_text[] =
    "    reduction: 'mean', 'sum' or 'none'.\n"
    "    weight: one for each sample, or None.\n"
    "    divisor: replaces the denominator of the mean if it is greater than 0.\n"
    "    scale: multiplies loss and gradient.\n"
    "    grad_output: what multiplies the gradient: one for each sample with reduction 'none',\n"
    "        else a number.\n"
    "    loss, grad: True to make them, False to leave them out, or the array to write them to,\n"
    "        in C order; `grad` may be the input itself.\n\n";
static const char raises_text[] =
    "Raises TypeError for types, ValueError for shapes and ranges%s;\n"
    "the message names the argument, and nothing was written.\n\n";

static void append_example(PyObject **text, const vloss_loss *loss) {
  const char *target = loss->arrays == 0 ? "" : ", target";
  const char *variance = loss->arrays & VLOSS_ARRAY_VARIANCE ? ", target + 1" : "";
  append(text, PyUnicode_FromFormat("Example:\n    >>> import numpy, vloss\n    >>> input = %s",
                                    families[loss->family].example));
  if (loss->arrays & VLOSS_ARRAY_LABELS)
    append(text, PyUnicode_FromString("    >>> target = numpy.array([1])\n"));
  else if (loss->family == VLOSS_ROWS && loss->arrays)
    append(text, PyUnicode_FromString("    >>> target = numpy.array([[0.0, 1.0, 0.0]])\n"));
  append(text,
         PyUnicode_FromFormat("    >>> loss, grad%s = vloss.%s(input%s%s)\n"
                              "    >>> isinstance(loss, float), grad.shape == input.shape\n"
                              "    (True, True)\n",
                              *variance ? ", grad_variance" : "", loss->name, target, variance));
}

PyObject *loss_text(const loss_object *self) {
  const vloss_loss *loss = self->loss;
  PyObject *text = signature(self);
  for (size_t i = 0; i < sizeof formulas / sizeof *formulas; i++)
    if (strcmp(formulas[i].name, loss->name) == 0)
      append(&text, PyUnicode_FromFormat("%s\n\n", formulas[i].text));
  append_arrays(&text, loss);
  for (size_t k = 0; k < loss->parameter_count; k++) append(&text, parameter_text(loss, k));
  append(&text, PyUnicode_FromString(shared_text));
  append(&text, PyUnicode_FromFormat("Returns (loss, grad%s). The loss is a float; with reduction "
                                     "'none' an array,\n%s.\n",
                                     loss->arrays & VLOSS_ARRAY_VARIANCE ? ", grad_variance" : "",
                                     families[loss->family].samples));
  append(&text,
         PyUnicode_FromFormat(raises_text,
                              loss->arrays & VLOSS_ARRAY_LABELS ? ", IndexError for labels" : ""));
  append_example(&text, loss);
  return text;
}
