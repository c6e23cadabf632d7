/* SPDX-License-Identifier: Apache-2.0 */
#include <float.h>

#include "api/check.h"
#include "api/split.h"
#include "dispatch.h"
#include "labels.h"
#include "registry.h"

enum { BLOCK_MULTIPLE = 32, GRAIN = 1 << 15 };

static size_t label_width(vloss_label_type type) {
  return type == VLOSS_LABEL_INT64 ? 8 : type == VLOSS_LABEL_INT32 ? 4 : 1;
}

/* Looks at every label before anything is written; returns the sum of the rows' class weights. */
static double check_labels(request *r, vloss_labels labels, size_t rows, size_t classes,
                           const vloss_cross_entropy_options *o) {
  compensated total = {0, 0};
  for (size_t i = 0; i < rows; i++) {
    int64_t label = label_at(labels, i);
    if (label == o->ignore_index) {
      r->ignored++;
    } else if (label < 0 || (uint64_t)label >= classes) {
      r->bad_label = i;
      request_fail(r, VLOSS_ERROR_LABEL, "labels");
      return 0;
    } else if (o->class_weight) {
      sum_merge(&total, (compensated){request_number(r, o->class_weight, (size_t)label, 1), 0});
    }
  }
  return o->class_weight ? total.value + total.error : (double)(rows - r->ignored);
}

static void check_class_weights(request *r, const void *weights, size_t classes) {
  for (size_t k = 0; weights && k < classes; k++) {
    double w = request_number(r, weights, k, 1);
    if (!(w >= 0 && w <= DBL_MAX)) request_fail(r, VLOSS_ERROR_PARAMETER, "class_weight");
  }
}

static vloss_status cross_entropy(enum loss_id id, int dtype, const void *logits,
                                  vloss_labels labels, size_t n, size_t classes, size_t inner,
                                  const vloss_cross_entropy_options *own,
                                  const vloss_options *options, void *loss, void *grad) {
  vloss_cross_entropy_options o = VLOSS_CROSS_ENTROPY_OPTIONS_INIT;
  request r;
  request_open(&r, dtype, options, loss, grad);
  own = request_struct(&r, "cross_entropy", own, sizeof o);
  if (own) o.class_weight = own->class_weight;
  size_t rows = request_product(&r, "n", n, inner);
  size_t elements = request_product(&r, "classes", rows, classes);
  if (elements == 0) rows = 0; /* no classes: nothing to label */
  if ((int)labels.type < VLOSS_LABEL_INT64 || (int)labels.type > VLOSS_LABEL_UINT8)
    request_fail(&r, VLOSS_ERROR_ENUM, "labels");
  request_fields(&r, &vloss_registry[id], own, &o);
  if (rows > PTRDIFF_MAX / sizeof(int64_t)) request_fail(&r, VLOSS_ERROR_SIZE, "n");
  request_outputs(&r, rows, elements);
  request_main_input(&r, "logits", logits);
  request_input(&r, "labels", labels.data, rows, label_width(labels.type));
  if (o.class_weight)
    request_input(&r, "class_weight", o.class_weight, rows ? classes : 0, request_width(&r));
  if (!request_ready(&r)) return request_close(&r);
  if (rows) check_class_weights(&r, o.class_weight, classes);
  double total = check_labels(&r, labels, rows, classes, &o);
  if (r.status != VLOSS_OK) return request_close(&r);

  rows_job j;
  request_job(&r, total, logits, &j.base);
  j.labels = labels;
  j.classes = classes;
  j.inner = inner;
  j.class_weight = o.class_weight;
  j.smoothing = o.smoothing;
  j.ignore_index = o.ignore_index;
  kernel *run = vloss_isa_active()->kernels[dtype]->loss[id];
  size_t grain = classes < GRAIN ? GRAIN / (classes ? classes : 1) : 1;
  size_t quantum = grain < BLOCK_MULTIPLE ? grain : BLOCK_MULTIPLE;
  partial found;
  split_run(run, &j, rows, quantum, grain, r.options->executor, &found);
  request_result(&r, found.sums[0]);
  return request_close(&r);
}

#define DEFINE(name, dtype, id, real)                                                            \
  vloss_status vloss_##name##_##dtype(                                                           \
      const real *logits, vloss_labels labels, size_t n, size_t classes, size_t inner,           \
      const vloss_##name##_options *own, const vloss_options *options, real *loss, real *grad) { \
    return name(LOSS_##name, id, logits, labels, n, classes, inner, own, options, loss, grad);   \
  }

#define DEFINE_rows(name) DEFINE(name, f32, DTYPE_F32, float) DEFINE(name, f64, DTYPE_F64, double)
#define DEFINE_pairwise(name)
#define DEFINE_boxes(name)
#define DEFINE_overlap(name)
#define DEFINE_binary(name)
#define DEFINE_focals(name)
#define DEFINE_single(name)
#define LOSS(name, family, parameters) DEFINE_##family(name)
#include "losses.def"
#undef LOSS
