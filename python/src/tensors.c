/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors of another library's own making, and the threads of PyTorch, without building against
 * either. */
#include "core.h"

#include <string.h>

static void set_error(void *context, const char *kind, const char *message) {
  (void)context;
  PyErr_Format(PyExc_MemoryError, "%s: %s", kind, message);
}

PyObject *new_tensor(const dlpack_exchange *api, char format, const shape *s, void **data) {
  if (!api) {
    PyErr_SetString(PyExc_TypeError, "the input is no tensor with DLPack's C exchange API");
    return NULL;
  }
  int64_t sizes[MAX_DIMENSIONS];
  for (int i = 0; i < s->dimensions; i++) sizes[i] = (int64_t)s->sizes[i];
  uint8_t code = format == 'q' ? DLPACK_INT : strchr("BI", format) ? DLPACK_UINT : DLPACK_FLOAT;
  dlpack_tensor prototype = {.device = {DLPACK_CPU, 0},
                             .dimensions = s->dimensions,
                             .type = {code, (uint8_t)(8 * format_width(format)), 1},
                             .shape = sizes};
  dlpack_versioned *managed = NULL;
  void *object = NULL;
  if (api->allocate(&prototype, &managed, NULL, set_error) != 0) return NULL;
  *data = managed->tensor.data;
  return api->to_object(managed, &object) == 0 ? object : NULL;
}

typedef int32_t parallel_for(int64_t begin, int64_t end, int64_t grain,
                             void (*body)(int64_t begin, int64_t end, void *context),
                             void *context);

typedef struct tasks {
  vloss_task *task;
  void *argument;
} tasks;

static void run_range(int64_t begin, int64_t end, void *context) {
  const tasks *t = context;
  for (int64_t i = begin; i < end; i++) t->task(t->argument, (size_t)i);
}

static void run_in_pool(void *context, vloss_task *task, void *work, size_t count) {
  parallel_for *run;
  memcpy(&run, &context, sizeof run);
  tasks t = {task, work};
  if (count > 1)
    run(0, (int64_t)count, 1, run_range, &t);
  else
    run_range(0, (int64_t)count, &t);
}

vloss_executor torch_executor(void *run) { return (vloss_executor){run_in_pool, run}; }
