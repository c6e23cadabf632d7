/* SPDX-License-Identifier: Apache-2.0 */
#include "api/check.h"
#include "api/evaluate.h"
#include "api/split.h"
#include "dispatch.h"
#include "registry.h"

enum { CHUNK_MULTIPLE = 2048, GRAIN = 1 << 13 };

/* The sum of the weights that the loss gives its boxes: a pass over the input before the one that
 * divides by it. */
static double total_weight(boxes_job j, const request *r, kernel *run, const void *input) {
  j.only_weights = 1;
  j.base = (job){.input = input, .want_loss = 1};
  partial found;
  split_run(run, &j, (division){r->samples, CHUNK_MULTIPLE, GRAIN}, 1, r->options->executor,
            &found);
  return (found.sums[0].value + found.sums[0].error) / SUM_UNIT;
}

static vloss_status boxes(enum loss_id id, vloss_dtype dtype, const void *input, const void *target,
                          size_t n, const vloss_box_options *box, const vloss_options *options,
                          void *loss, void *grad) {
  vloss_box_options o = VLOSS_BOX_OPTIONS_INIT;
  request r;
  request_open(&r, dtype, options, loss, grad);
  box = request_struct(&r, "box", box, STRUCT_SIZES(vloss_box_options, theta));
  request_outputs(&r, n, request_product(&r, "n", n, 4));
  request_main_input(&r, "input", input);
  request_input(&r, "target", target, r.elements, request_width(&r));
  request_fields(&r, &vloss_registry[id], box, &o);
  if (!request_ready(&r)) return request_close(&r);

  boxes_job j;
  kernel *run = vloss_isa_active()->kernels[dtype]->loss[id];
  partial found;
  j.target = target;
  j.options = &o;
  j.only_weights = 0;
  double denominator = (double)n;
  if (o.normalize && r.options->reduction == VLOSS_MEAN && !(r.options->divisor > 0))
    denominator = total_weight(j, &r, run, input);
  request_job(&r, denominator, input, &j.base);
  split_run(run, &j, (division){n, CHUNK_MULTIPLE, GRAIN}, 1, r.options->executor, &found);
  r.degenerate = found.degenerate;
  request_result(&r, found.sums[0]);
  return request_close(&r);
}

vloss_status vloss_evaluate_boxes(enum loss_id id, const vloss_call *c) {
  vloss_box_options own = VLOSS_BOX_OPTIONS_INIT;
  vloss_evaluate_fields(id, c, &own);
  return boxes(id, c->dtype, c->input, c->target, c->shape[0], &own, c->options, c->loss, c->grad);
}

#define DEFINE(name, dtype, id, real)                                                             \
  vloss_status vloss_##name##_##dtype(const real *input, const real *target, size_t n,            \
                                      const vloss_box_options *box, const vloss_options *options, \
                                      real *loss, real *grad) {                                   \
    return boxes(LOSS_##name, id, input, target, n, box, options, loss, grad);                    \
  }

#define DEFINE_boxes(name) DEFINE(name, f32, VLOSS_F32, float) DEFINE(name, f64, VLOSS_F64, double)
#define LOSS(name, family, arrays, parameters) DEFINE_##family(name)
#include "boxes.def"
#undef LOSS
