/* SPDX-License-Identifier: Apache-2.0 */
#include <float.h>

#include "api/evaluate.h"
#include "api/rows.h"
#include "labels.h"
#include "registry.h"

/* Whether every label is a class, by signs: as most calls have it, without a branch for each. */
static int all_classes(vloss_labels labels, size_t rows, size_t classes) {
  uint64_t signs = 0;
  for (size_t i = 0; i < rows; i++) {
    uint64_t label = (uint64_t)label_at(labels, i);
    signs |= label | (classes - 1 - label);
  }
  return signs >> 63 == 0;
}

double vloss_rows_check_labels(request *r, vloss_labels labels, size_t rows, size_t classes,
                               const vloss_cross_entropy_options *o, const void *class_weight) {
  int no_class_is_ignored = o->ignore_index < 0 || (uint64_t)o->ignore_index >= classes;
  if (!class_weight && no_class_is_ignored && all_classes(labels, rows, classes))
    return (double)rows;
  compensated total = {0, 0};
  for (size_t i = 0; i < rows; i++) {
    int64_t label = label_at(labels, i);
    if (label == o->ignore_index) {
      r->ignored++;
    } else if (label < 0 || (uint64_t)label >= classes) {
      r->bad_label = i;
      request_fail(r, VLOSS_ERROR_LABEL, "labels");
      return 0;
    } else if (class_weight) {
      sum_merge(&total, (compensated){request_number(r, class_weight, (size_t)label, 1), 0});
    }
  }
  if (!class_weight) return (double)(rows - r->ignored);
  return fmin(total.value + total.error, DBL_MAX);
}

static vloss_status labelled(enum loss_id id, vloss_dtype dtype, const void *input,
                             vloss_labels labels, size_t n, size_t classes, size_t inner,
                             const vloss_cross_entropy_options *own, const vloss_options *options,
                             void *loss, void *grad) {
  vloss_cross_entropy_options o = VLOSS_CROSS_ENTROPY_OPTIONS_INIT;
  request r;
  request_open(&r, dtype, options, loss, grad);
  own = request_struct(&r, "cross_entropy", own, STRUCT_SIZES(vloss_cross_entropy_options, gamma));
  if (own) o.class_weight = own->class_weight;
  rows_shape s = vloss_rows_shape_of(&r, n, classes, inner);
  if (!label_type_is_known(labels.type)) request_fail(&r, VLOSS_ERROR_ENUM, "labels");
  request_fields(&r, &vloss_registry[id], own, &o);
  if (s.rows > PTRDIFF_MAX / sizeof(int64_t)) request_fail(&r, VLOSS_ERROR_SIZE, "n");
  request_outputs(&r, s.rows, s.elements);
  request_main_input(&r, id == LOSS_nll ? "input" : "logits", input);
  request_input(&r, "labels", labels.data, s.rows, label_width(labels.type));
  if (o.class_weight)
    request_input(&r, "class_weight", o.class_weight, s.rows ? classes : 0, request_width(&r));
  if (!request_ready(&r)) return request_close(&r);
  if (s.rows) vloss_rows_check_class_weights(&r, o.class_weight, classes);
  const void *weights = mean_weights(id, o.class_weight);
  double total = vloss_rows_check_labels(&r, labels, s.rows, classes, &o, weights);
  if (r.status != VLOSS_OK) return request_close(&r);

  rows_job j = {.labels = labels,
                .class_weight = o.class_weight,
                .smoothing = o.smoothing,
                .gamma = o.gamma,
                .temperature = 1,
                .ignore_index = o.ignore_index};
  vloss_rows_run(&r, id, &s, total, input, &j);
  return request_close(&r);
}

vloss_status vloss_evaluate_labels(enum loss_id id, const vloss_call *c) {
  vloss_cross_entropy_options own = VLOSS_CROSS_ENTROPY_OPTIONS_INIT;
  own.class_weight = c->class_weight;
  vloss_evaluate_fields(id, c, &own);
  return labelled(id, c->dtype, c->input, c->labels, c->shape[0], c->shape[1], c->shape[2], &own,
                  c->options, c->loss, c->grad);
}

#define DEFINE(name, dtype, id, real)                                                             \
  vloss_status vloss_##name##_##dtype(const real *input, vloss_labels labels, size_t n,           \
                                      size_t classes, size_t inner,                               \
                                      const vloss_cross_entropy_options *own,                     \
                                      const vloss_options *options, real *loss, real *grad) {     \
    return labelled(LOSS_##name, id, input, labels, n, classes, inner, own, options, loss, grad); \
  }
#define DEFINE_LABELS(name) DEFINE(name, f32, VLOSS_F32, float) DEFINE(name, f64, VLOSS_F64, double)
#define DEFINE_WEIGHTED(name)
#define DEFINE_TARGET(name)
#define DEFINE_INPUT(name)
#define LOSS(name, family, arrays, parameters) DEFINE_##arrays(name)
#include "rows.def"
#undef LOSS
